// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can happen to a batch, and what must then be done, beside what engine/facts.h has.
//
// A request is a node without a graph around it: it has a NodeIndex, in the order of the input, and
// attempts like any node.

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "dag/worker.h"
#include "engine/facts.h"

namespace dsched::engine {

// What became of a request.
enum class Completion : std::uint8_t {
  completed,
  failed,
  cancelled,  // told to end, or asked to be cancelled before it began
  timeout,    // its time was over
  skipped,    // never begun, because of a failure or a signal
};
// "completed", …, as in answers.
[[nodiscard]] std::string_view name_of(Completion completion);

// ---- facts

// The next request of the input; indexes ascend.
struct Admitted {
  NodeIndex request;
  Priority priority;
  std::optional<Nanoseconds> timeout;
  bool in_process = false;                      // the session ends it at once, and it takes no slot
  std::optional<dag::WorkerIndex> worker = {};  // whose request it is
};
// No more requests will come. `cut`: there may have been more of them.
struct InputEnded {
  bool cut = false;
};
// How much of what ends can be taken on by whoever reads the answers.
enum class Room : std::uint8_t {
  ample,
  for_first,  // only the answer that everybody waits for (answers in order)
  none,
};
struct RoomIs {
  Room room = Room::ample;
};

using BatchFact = std::variant<Admitted, InputEnded, RoomIs, AttemptStarted, AttemptEnded,
                               AttemptWithdrawn, Stop, Suspended, Continued, Paused, Released,
                               Leased, NestedBegan, NestedEnded, Cancel, CancelNode, Tick>;

// ---- effects (StartAttempt, Withdraw and ControlTree as for nodes)

// Nothing more will happen to it; told once for each request.
struct RequestSettled {
  NodeIndex request;
  Completion completion = Completion::completed;
  FailureClass failure = FailureClass::none;  // of its last attempt
};
// It is its answer's turn; comes after RequestSettled, in the order of the answers.
struct AnswerRequest {
  NodeIndex request;
};
// Every request has been answered, and there will be no more.
struct BatchEnded {
  ExecutionStatus status = ExecutionStatus::completed;
};

using BatchEffect =
    std::variant<StartAttempt, Withdraw, ControlTree, RequestSettled, AnswerRequest, BatchEnded>;
using BatchEffects = std::vector<BatchEffect>;

}  // namespace dsched::engine
