// SPDX-License-Identifier: Apache-2.0
#include "sys/entropy.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace dsched::sys {

void SystemEntropy::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error(ErrorKind::environment, describe_errno("getrandom", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t random_u64(Entropy& entropy) {
  std::array<std::uint8_t, 8> bytes{};
  entropy.fill(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

double random_fraction(Entropy& entropy) {
  constexpr double k_scale = 1.0 / 18446744073709551616.0;  // 2^-64
  return static_cast<double>(random_u64(entropy)) * k_scale;
}

Uuid random_uuid_v7(Entropy& entropy, WallTime now) {
  std::array<std::uint8_t, 10> bytes{};
  entropy.fill(bytes);
  return make_uuid_v7(now, bytes);
}

}  // namespace dsched::sys
