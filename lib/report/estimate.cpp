// SPDX-License-Identifier: Apache-2.0
#include "report/estimate.h"

#include <algorithm>

namespace dsched::report {
namespace {

Nanoseconds done_of(const RunningWork& running) {
  return std::clamp(running.elapsed, Nanoseconds{0}, running.expected.value_or(Nanoseconds{0}));
}

Nanoseconds rest_of(const RunningWork& running) {
  return running.expected.value_or(Nanoseconds{0}) - done_of(running);
}

}  // namespace

Nanoseconds estimated_wait(std::span<const PendingWork> work, const SlotsNow& slots,
                           Priority priority) {
  Nanoseconds ahead{0};
  std::uint64_t ready = 0;
  for (const PendingWork& one : work) {
    if (one.priority >= priority) {
      ready += one.ready_nodes;
      Nanoseconds left = one.left;
      for (const RunningWork& running : one.running) left -= done_of(running);
      ahead += std::max(left, Nanoseconds{0});
    } else {
      for (const RunningWork& running : one.running) ahead += rest_of(running);
    }
  }
  if (slots.in_use < slots.slots && ready == 0) return Nanoseconds{0};
  return ahead / std::max<std::int64_t>(slots.slots.count, 1);
}

}  // namespace dsched::report
