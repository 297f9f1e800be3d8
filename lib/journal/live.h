// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running execution does at this moment, as other processes see it.
//
// One row per execution that has a runner, rewritten with the runner's commits at most once in
// k_live_interval and when nothing moves any more, removed at its end. It is news, not record: what
// ended stands in segments. A row whose runner is gone (its run lock is free) says what was under
// way when it vanished.
//
// Table: live(execution, state). The grammar of `state` is in live.cpp; stored, versioned. Times
// keep whole microseconds.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/state.h"
#include "sys/sqlite.h"

namespace dsched::journal {

inline constexpr Nanoseconds k_live_interval = std::chrono::milliseconds{100};
inline constexpr std::size_t k_live_nodes_max = 4096;  // further ones are only counted

// A node that is under way or waits for something of its own (not for other nodes).
struct LiveNode {
  NodeIndex node;
  std::string node_id;
  engine::NodeState state = engine::NodeState::running;  // running or pending
  engine::Reason reason = engine::Reason::none;  // ready, backoff, suspended, awaiting_approval …
  std::uint32_t attempt = 0;
  WallTime since;                 // running: start of the attempt; else since when it waits
  std::optional<WallTime> until;  // backoff: when it is tried again
};

struct LivePool {
  std::string name;
  Slots in_use;
  Slots limit;
};

struct LiveState {
  WallTime at;
  Slots width;   // what -j asks for
  Slots held;    // leased
  Slots in_use;  // by running nodes
  bool is_paused = false;
  bool is_stopping = false;       // starts nothing new: a failure, an interrupt, a cancellation
  std::uint64_t ready_nodes = 0;  // wait only for a slot or a pool, listed or not
  double percentage = 0;
  std::optional<WallTime> estimated_completion;
  Nanoseconds work_left{0};     // summed recorded durations of what is not done; 0: unknown or none
  std::vector<LiveNode> nodes;  // running ones first, then others, best first
  std::vector<LivePool> pools;
};

// All join the caller's transaction.
void put_live(sys::Database& database, ExecutionNumber execution, const LiveState& state);
void remove_live(sys::Database& database, ExecutionNumber execution);
// Empty when there is none, or none that can be read.
[[nodiscard]] std::optional<LiveState> live(sys::Database& database, ExecutionNumber execution);

}  // namespace dsched::journal
