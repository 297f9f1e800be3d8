// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ids and units as types of their own, so that two of them cannot be mixed up.
//
// A NodeIndex is dense (0 … nodes-1) within one Dag, in the order of the program's text, so
// per-node state lives in vectors. Names that people write (node_id) are text and live in the Dag.

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace dsched {

template <class Tag>
struct Id {
  std::uint32_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using NodeIndex = Id<struct NodeTag>;
using PoolIndex = Id<struct PoolTag>;

// The number of an execution within its store: 1, 2, 3 … as people type it.
struct ExecutionNumber {
  std::uint64_t value = 0;
  auto operator<=>(const ExecutionNumber&) const = default;
};

// How many units of work may run at once.
struct Slots {
  std::uint32_t count = 0;
  auto operator<=>(const Slots&) const = default;
};

// 0 (last) to 10 (first); 5 is normal. stored: never renumber
struct Priority {
  std::uint8_t level = 5;
  auto operator<=>(const Priority&) const = default;
};

using Nanoseconds = std::chrono::nanoseconds;

// A moment on CLOCK_MONOTONIC, comparable between processes of one boot. All of the engine's
// reckoning uses it; it never jumps.
struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

// The earlier of two moments, either of which may never come.
[[nodiscard]] constexpr std::optional<Instant> earliest(std::optional<Instant> one,
                                                        std::optional<Instant> other) {
  return one && (!other || *one < *other) ? one : other;
}

// Wall time (UTC): for showing, for records and for deadlines that people wrote.
using WallTime = std::chrono::sys_time<Nanoseconds>;

}  // namespace dsched

template <class Tag>
struct std::hash<dsched::Id<Tag>> {
  std::size_t operator()(dsched::Id<Tag> id) const noexcept { return id.value; }
};
