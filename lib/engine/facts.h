// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can happen to an execution, and what must then be done.
//
// A Fact goes into Execution::apply with the moment it happened; Effects come out. Facts carry what
// the engine cannot know by itself (what the store holds, how an attempt ended, dice that were
// thrown); effects say what the session has to perform. Both are small values, kept by nobody.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/failure.h"
#include "base/ids.h"
#include "engine/arbiter.h"
#include "engine/state.h"

namespace dsched::engine {

// ---- facts
// ---------------------------------------------------------------------------------------

// The answers to an Examine effect.
struct FoundReusable {
  NodeIndex node;
};
struct MustRun {
  NodeIndex node;
  // People must say yes first: it is held until Approved. The only thing a map can be told by this.
  bool needs_consent = false;
};
struct SameKeyUnderWay {  // another node with an equal key is examined, queued or running
  NodeIndex node;
  NodeIndex first;
};
struct CannotRun {  // an input is missing or refused, an argument cannot be made available, or
                    // consent was not given
  NodeIndex node;
  FailureClass failure = FailureClass::not_found;
};

// People said yes to what a held node would run. It is examined (a map: expanded) again: what it
// needs may have been made meanwhile, or may have changed. (A no, or nobody's answer in time, is
// CannotRun.)
struct Approved {
  NodeIndex node;
};

struct AttemptStarted {
  NodeIndex node;
};
// What follows a failed attempt, where somebody else decides than the program's own numbers.
struct RetryWord {
  bool again = false;
  bool at_once = false;                // without back-off
  std::optional<Nanoseconds> timeout;  // of the next attempt
};
struct AttemptEnded {
  NodeIndex node;
  FailureClass failure = FailureClass::none;
  double jitter = 0;  // 0 … 1, drawn by the session; spreads the retry
  // It was lost because its worker was ended for the sake of another request: it goes again, and
  // no retry is used up.
  bool is_innocent = false;
  std::optional<RetryWord> word{};
};
// An attempt that was handed over came back unstarted (answer to Withdraw).
struct AttemptWithdrawn {
  NodeIndex node;
};
// The stored result of `node` is gone or damaged: it must be made again. `needed_by`, if any, was
// about to start with it and goes back to waiting.
struct ResultLost {
  NodeIndex node;
  std::optional<NodeIndex> needed_by;
};

// The Dag has the nodes for the elements of this map's list, and they were admitted
// (Execution::admit). The answer to Expand; AttemptEnded, when it cannot be expanded.
struct Expanded {
  NodeIndex map;
  // `some`: only nodes within it were asked for, so nobody wants the result of the map.
  enum class Wanted : std::uint8_t { all, some };
  Wanted wanted = Wanted::all;
};

enum class StopRequest : std::uint8_t {
  interrupt,  // first Ctrl-C: start nothing new, let the running ones know, wait
  terminate,  // SIGTERM, SIGHUP: the same, and end by force after the grace period
  kill,       // second Ctrl-C: end every tree now
};
struct Stop {
  StopRequest request = StopRequest::interrupt;
};
struct Suspended {};  // Ctrl-Z: all running attempts stand still
struct Continued {};  // what stands still goes on as slots are there
struct Paused {};     // as Suspended, but what is not preemptible goes on to its end
struct Released {};
// What the execution may use of the machine from now on.
struct Leased {
  Holding holding;
  Slots machine;  // slots of the whole machine: a node that needs more needs all of them
  Nanoseconds quantum = k_quantum_default;
  Preemption preemption = Preemption::suspend;
};
// The attempt of `node` only waits for an execution that it started: it needs no slot meanwhile.
struct NestedBegan {
  NodeIndex node;
};
struct NestedEnded {
  NodeIndex node;
};
// The slowest running reader of the stream that `node` writes is more than its max_lag behind.
struct ReadersBehind {
  NodeIndex node;
};
struct ReadersCaughtUp {
  NodeIndex node;
};
// Who took the bytes of `node` outside of the execution as they came wants no more of them.
struct OutsideReaderDone {
  NodeIndex node;
};
// People want nothing more of it: like Stop, but it ends as cancelled, with all that was to come.
struct Cancel {};
// The same for one node and what depends on it.
struct CancelNode {
  NodeIndex node;
};
// Time has passed: timers that are due fire.
struct Tick {};

using Fact =
    std::variant<FoundReusable, MustRun, SameKeyUnderWay, CannotRun, Approved, AttemptStarted,
                 AttemptEnded, AttemptWithdrawn, ResultLost, Expanded, Stop, Suspended, Continued,
                 Paused, Released, Leased, NestedBegan, NestedEnded, ReadersBehind, ReadersCaughtUp,
                 OutsideReaderDone, Cancel, CancelNode, Tick>;

// ---- effects
// -------------------------------------------------------------------------------------

// Everything the node needs is there: find out whether its result is known. Answer with one of the
// four facts above.
struct Examine {
  NodeIndex node;
};
// Evaluate an in-process node now and answer with AttemptEnded.
struct Evaluate {
  NodeIndex node;
};
// The list of this map node is there: make the nodes for its elements and answer with Expanded.
struct Expand {
  NodeIndex node;
};
// Hand the node to the executor as attempt `number`.
struct StartAttempt {
  NodeIndex node;
  std::uint32_t number = 1;
  std::uint32_t instance = 0;  // of its worker, for a request
};
// Take back an attempt that has not begun, if that is still possible.
struct Withdraw {
  NodeIndex node;
};
// For a request to a worker all but `cancel` are meant for the instance that has it in flight, and
// come once for each of its requests; `cancel` asks that instance to give up this request.
enum class TreeControl : std::uint8_t { interrupt, terminate, kill, suspend, resume, cancel };
// How the running attempts are told.
[[nodiscard]] constexpr TreeControl control_for(StopRequest request) {
  switch (request) {
    case StopRequest::interrupt:
      return TreeControl::interrupt;
    case StopRequest::terminate:
      return TreeControl::terminate;
    case StopRequest::kill:
      break;
  }
  return TreeControl::kill;
}
struct ControlTree {
  NodeIndex node;
  TreeControl control = TreeControl::terminate;
};
// The node has reached a state that will not change in this run (or an attempt failed and another
// one follows: pending with reason backoff). To be recorded and shown.
struct NodeSettled {
  NodeIndex node;
  NodeState state = NodeState::completed;
  Reason reason = Reason::none;
  FailureClass failure = FailureClass::none;
  // For dependency_failed: the node that failed; for a backoff without a failure class: the
  // producer whose stream was lost, which restarts this reader when it writes again.
  NodeIndex because;
  Nanoseconds retry_in{0};  // for backoff
};
// Nothing more will happen.
struct ExecutionEnded {
  ExecutionStatus status = ExecutionStatus::completed;
};

using Effect = std::variant<Examine, Evaluate, Expand, StartAttempt, Withdraw, ControlTree,
                            NodeSettled, ExecutionEnded>;
using Effects = std::vector<Effect>;

}  // namespace dsched::engine
