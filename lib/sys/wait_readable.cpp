// SPDX-License-Identifier: Apache-2.0
#include "sys/wait_readable.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <vector>

namespace dsched::sys {

void wait_readable(std::span<const int> fds, std::optional<Instant> until) {
  std::vector<pollfd> polled;
  for (const int fd : fds) {
    if (fd >= 0) polled.push_back({fd, POLLIN, 0});
  }
  timespec left{};
  if (until) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const Nanoseconds at = std::chrono::seconds{now.tv_sec} + Nanoseconds{now.tv_nsec};
    const Nanoseconds wait = std::max(until->time_since_epoch() - at, Nanoseconds{0});
    left = {static_cast<time_t>(wait.count() / 1'000'000'000),
            static_cast<long>(wait.count() % 1'000'000'000)};
  }
  (void)ppoll(polled.data(), polled.size(), until ? &left : nullptr, nullptr);
}

}  // namespace dsched::sys
