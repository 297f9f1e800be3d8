// SPDX-License-Identifier: Apache-2.0
#pragma once
// The times of an execution's nodes, and the figures that come of them (journal/summary.h).
//
// A node is ready when it could run for the first time: it was examined and queued, or, when it is
// reused or evaluated in this process, when all it needs was there. Waiting for an approval or for
// the delay before a retry is not readiness: what has not been said to be ready waits for nothing.

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dag/dag.h"
#include "executor/attempt.h"
#include "journal/summary.h"

namespace dsched::session {

// What a request to a worker adds.
void add_worker_use(journal::Summary& figures, const executor::Ended& ended);

class Figures {
 public:
  explicit Figures(const dag::Dag& dag) : dag_(dag) {}

  // From `at` on it could run; also again, after a retry's delay.
  void ready(NodeIndex node, Instant at);
  // An attempt ended; what comes of the node is said by one of the calls below.
  void attempt_ended(NodeIndex node, Instant started, Instant ended);
  // The same attempt was a request to a worker.
  void worker_used(NodeIndex node, const executor::Ended& ended);
  // How long that attempt had waited to begin, since the node was last ready.
  [[nodiscard]] Nanoseconds waited(NodeIndex node) const;

  // Nothing more will happen to the node.
  void completed(NodeIndex node);
  void failed(NodeIndex node);
  void cancelled(NodeIndex node);
  void reused(NodeIndex node, Instant ready, Instant at);
  void evaluated(NodeIndex node, Nanoseconds waited);

  // When the node was last ready; empty: it is not.
  [[nodiscard]] std::optional<Instant> ready_since(NodeIndex node) const;
  [[nodiscard]] bool has_something() const { return has_something_; }
  // Adds what came together since the last call; joins the caller's transaction.
  void write(sys::Database& database, ExecutionNumber execution, WallTime now);

 private:
  struct Times {
    Instant first_ready;
    Instant ready;
    std::optional<Nanoseconds> queued;  // until its first attempt began
    Nanoseconds waited{0};              // until its last attempt began
    std::optional<Instant> ended;       // its last attempt
    Nanoseconds took{0};                // that attempt
  };
  journal::Summary& of_operation(NodeIndex node);
  void count_ended(NodeIndex node, journal::Summary& figures);

  const dag::Dag& dag_;
  std::unordered_map<NodeIndex, Times> times_;  // of nodes that are ready and not done
  struct Named {
    std::string_view operation;
    journal::Summary figures;
  };
  std::vector<Named> by_operation_;  // built-in operations by their number, then external ones
  bool has_something_ = false;
};

}  // namespace dsched::session
