// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long something submitted now would wait for its first slot. Pure.
//
// Ahead of it is what executions of the same or a higher priority have still to do, and what
// remains of the nodes that others have running; all by recorded durations, spread over the slots.

#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"

namespace dsched::report {

struct RunningWork {
  Nanoseconds elapsed{0};
  std::optional<Nanoseconds> expected;  // empty: never measured
};

struct PendingWork {
  Priority priority;
  std::uint64_t ready_nodes = 0;  // wait only for a slot or a pool
  Nanoseconds left{0};            // durations of all that is not done, running nodes included
  std::vector<RunningWork> running;
};

struct SlotsNow {
  Slots slots{1};
  Slots in_use;
};

// 0 when a slot is free and nothing ready is ahead. To be asked only when durations were measured.
[[nodiscard]] Nanoseconds estimated_wait(std::span<const PendingWork> work, const SlotsNow& slots,
                                         Priority priority);

}  // namespace dsched::report
