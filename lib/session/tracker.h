// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people are told about nodes: the trace of each one that did something, what runs now, how
// far the execution is and how long it may take.
//
// It decides nothing. Estimates come from recorded durations; a node without one counts as the mean
// of those that have one, and nothing is estimated when none has.

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "dag/dag.h"
#include "engine/execution.h"
#include "executor/attempt.h"
#include "journal/journal.h"
#include "session/observer.h"
#include "wire/answer.h"

namespace dsched::session {

// The counts, as documents take them.
[[nodiscard]] engine::Counts counts_of(const Progress& progress);

struct Trace {
  engine::NodeState state = engine::NodeState::pending;
  engine::Reason reason = engine::Reason::none;
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::uint32_t attempts = 0;
  bool ran = false;      // in this run
  bool notable = false;  // belongs into the answer even if it ended well
  Nanoseconds wall{0};
  executor::Usage usage;
  std::string error;
  std::string log;     // its end
  std::string output;  // of a failed command: the end of its stdout
  std::string explanation;
  std::optional<NodeIndex> because;
};

// The last lines of a log that an answer and a display show.
[[nodiscard]] std::string log_tail(std::string_view log);

// The name under which durations of a node are kept. All copies of a template share one.
[[nodiscard]] std::string recorded_name(const dag::Dag& dag, NodeIndex node);

class Tracker {
 public:
  Tracker(const dag::Dag& dag, Slots width) : dag_(dag), width_(width) {}

  [[nodiscard]] Trace& trace(NodeIndex node) { return traces_[node]; }
  [[nodiscard]] const Trace* find(NodeIndex node) const;

  // Takes the durations of the nodes that are still to be done; gives one for every node, for the
  // longest remaining paths.
  [[nodiscard]] std::vector<Nanoseconds> load_durations(const journal::Durations& recorded,
                                                        const engine::Execution& execution);
  // Of the same: what each node is expected to take, 0 where nothing is known. To be called once.
  [[nodiscard]] std::vector<Nanoseconds> take_expected() { return std::move(expected_); }
  [[nodiscard]] bool has_durations() const { return !durations_.empty(); }

  // The nodes of an expansion join: gives each plan its durations.
  void add_expansion(const dag::Expansion& expansion, const journal::Durations& recorded,
                     std::vector<engine::NodePlan>& plans);

  void started(NodeIndex node, std::uint32_t attempt, Instant at);
  void stopped(NodeIndex node);  // it runs no more, whichever way
  void settled(NodeIndex node);  // nothing more is expected of it
  void suspend_all();
  void continue_all();

  // Those that Progress::running lists, in the same order.
  [[nodiscard]] const std::vector<NodeIndex>& running_nodes() const { return running_nodes_; }
  // Recorded durations of what is not done, summed; 0 when none is known.
  [[nodiscard]] Nanoseconds work_left() const {
    return any_known_ ? std::max(work_left_, Nanoseconds{0}) : Nanoseconds{0};
  }

  // Nothing more will run: the percentage is 100 from now on.
  void finish() { percentage_ = 100; }
  [[nodiscard]] double percentage() const { return percentage_; }

  // Valid until the next call of a function that is not const.
  [[nodiscard]] Progress progress(const engine::Counts& counts, Instant now, WallTime wall);
  void name(std::string_view execution_id, ExecutionNumber number);

  // Nodes that an answer lists, ascending: the notable ones, or all that are `wanted`.
  [[nodiscard]] std::vector<wire::NodeAnswer> answers(const engine::Execution& execution,
                                                      bool all) const;

 private:
  [[nodiscard]] std::optional<Nanoseconds> remaining(Instant now) const;
  [[nodiscard]] wire::NodeAnswer answer(NodeIndex node, const engine::Execution& execution) const;

  const dag::Dag& dag_;
  Slots width_;
  std::string execution_id_;
  ExecutionNumber number_;
  std::unordered_map<NodeIndex, Trace> traces_;
  std::vector<RunningNode> running_;      // in the order they started
  std::vector<NodeIndex> running_nodes_;  // the same nodes
  std::vector<Nanoseconds> durations_;    // per node; empty: not loaded
  std::vector<Nanoseconds> expected_;     // until it is taken
  Nanoseconds mean_{0};                   // of what is known, for what is not
  Nanoseconds work_left_{0};
  bool any_known_ = false;
  double percentage_ = 0;
};

}  // namespace dsched::session
