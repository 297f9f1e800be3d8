// SPDX-License-Identifier: Apache-2.0
#pragma once
// The states of nodes and executions, as they are shown and stored.
//
// Node: pending → running → completed | failed | cancelled. Inside the engine a pending node is in
// one of several phases; engine/execution.h describes them and makes every transition.

#include <cstdint>
#include <string_view>

namespace dsched::engine {

// stored: never renumber
enum class NodeState : std::uint8_t {
  pending = 0,    // waits: for others, for a slot, for back-off, for consent
  running = 1,    // an attempt is under way
  completed = 2,  // has a result, new or reused
  failed = 3,     // its last attempt failed and no other will be made
  cancelled = 4,  // will not run: something it needs failed, or somebody stopped it
};

// stored: never renumber
enum class Reason : std::uint8_t {
  none = 0,
  ready = 1,              // pending: only a slot is missing
  awaiting_approval = 2,  // pending: consent is missing
  suspended = 3,          // running: stopped for the moment
  backoff = 4,            // pending: the delay before a retry is not over
  reused = 5,             // completed: without running
  dependency_failed = 6,  // cancelled: something it needs failed or was cancelled
  timeout = 7,            // failed: its time was over
  denied = 8,             // failed: consent was refused
  lost = 9,               // its runner vanished while it ran
  needs_decision = 10,    // pending: it may have taken effect, and running it again needs a word
};

// stored: never renumber
enum class ExecutionStatus : std::uint8_t {
  submitted = 0,    // recorded, not begun
  running = 1,      // its runner works on it
  waiting = 2,      // only approvals or decisions are left
  completed = 3,    // every goal has a result
  failed = 4,       // at least one node failed
  cancelled = 5,    // a node was cancelled, none failed
  interrupted = 6,  // stopped by a signal, or its runner is gone
};

[[nodiscard]] std::string_view name_of(NodeState state);
[[nodiscard]] std::string_view name_of(Reason reason);  // empty for none
[[nodiscard]] std::string_view name_of(ExecutionStatus status);

}  // namespace dsched::engine
