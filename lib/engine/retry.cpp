// SPDX-License-Identifier: Apache-2.0
#include "engine/retry.h"

#include <algorithm>

namespace dsched::engine {

bool is_retryable(FailureClass failure) {
  switch (failure) {
    case FailureClass::exit:
    case FailureClass::signal:
    case FailureClass::timeout:
    case FailureClass::lost:
    case FailureClass::output_missing:
      return true;
    case FailureClass::none:
    case FailureClass::not_found:
    case FailureClass::damaged:
    case FailureClass::refused:
    case FailureClass::denied:
    case FailureClass::expired:
      return false;
  }
  return false;
}

Nanoseconds retry_delay(Nanoseconds backoff, std::uint32_t retry, double jitter) {
  constexpr Nanoseconds k_longest = std::chrono::seconds{60};
  Nanoseconds delay = std::min(backoff, k_longest);
  for (std::uint32_t k = 1; k < retry && delay < k_longest && delay.count() > 0; ++k) {
    delay = std::min(2 * delay, k_longest);
  }
  const double spread = std::clamp(jitter, 0.0, 1.0) * 0.25 * static_cast<double>(delay.count());
  return delay + Nanoseconds{static_cast<std::int64_t>(spread)};
}

}  // namespace dsched::engine
