// SPDX-License-Identifier: Apache-2.0
#include "sys/clock.h"

#include <ctime>

#include "base/error.h"

namespace dsched::sys {
namespace {

Nanoseconds read_clock(clockid_t which) {
  timespec time{};
  DSCHED_ASSERT(clock_gettime(which, &time) == 0, "these two clocks exist on every Linux");
  return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
}

}  // namespace

Instant PosixClock::now() const {
  return Instant{read_clock(CLOCK_MONOTONIC)};
}

WallTime PosixClock::wall() const {
  return WallTime{read_clock(CLOCK_REALTIME)};
}

}  // namespace dsched::sys
