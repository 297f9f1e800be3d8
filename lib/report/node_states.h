// SPDX-License-Identifier: Apache-2.0
#pragma once
// What became of each node of an execution, put together from what the journal has of it.
//
// Outcomes tell of attempts that ended; reused nodes are a list; what runs or waits at this moment
// is news of the runner. Everything else follows: a node that needs one that failed is cancelled,
// a node that was reached by nobody is pending. Pure: knows neither stores nor clocks.
//
//   add() for each outcome, in order; add_reused(); set_live(); then settle() once; then read.

#include <optional>
#include <vector>

#include "dag/dag.h"
#include "engine/execution.h"
#include "engine/state.h"
#include "journal/outcome.h"

namespace dsched::report {

struct NodeFigures {
  engine::NodeState state = engine::NodeState::pending;
  engine::Reason reason = engine::Reason::none;
  FailureClass failure = FailureClass::none;
  bool reused = false;
  bool has_ended = false;    // an attempt did: the figures below are its
  bool is_started = false;   // the last that is known: it was handed to the executor
  bool has_content = false;  // `digest` is set
  std::uint32_t attempts = 0;
  std::optional<int> exit_code;
  std::optional<int> signal;
  Nanoseconds at{0};  // since the execution was submitted
  Nanoseconds took{0};
  Nanoseconds user{0};
  Nanoseconds system{0};
  std::uint64_t peak_memory_kib = 0;
  std::optional<Digest> key;
  Digest digest;                     // what consumers depend on
  std::optional<NodeIndex> because;  // dependency_failed: the node that failed
};

// What the execution as a whole is at this moment.
struct Standing {
  bool has_runner = false;
  engine::ExecutionStatus status = engine::ExecutionStatus::completed;
  engine::Counts counts;
};

class NodeStates {
 public:
  // `digest_of` gives the digest of a completed node. The Dag must outlive this.
  using DigestOf = std::function<Digest(const journal::Outcome&)>;
  NodeStates(const dag::Dag& dag, DigestOf digest_of);

  void add(const journal::Outcome& outcome);
  void add_reused(NodeIndex node, const Digest& key);
  // A node that is under way or waits for something of its own.
  void set_live(NodeIndex node, engine::NodeState state, engine::Reason reason,
                std::uint32_t attempt, Nanoseconds at);
  void settle(const Standing& standing);

  [[nodiscard]] const NodeFigures& operator[](NodeIndex node) const { return nodes_[node.value]; }
  // The execution did something with it, though no goal of the recorded settings needs it.
  [[nodiscard]] bool is_touched(NodeIndex node) const;

 private:
  void settle_failed(const Standing& standing);
  void settle_held();
  void cancel_dependents(NodeIndex failed);

  const dag::Dag& dag_;
  DigestOf digest_of_;
  std::vector<NodeFigures> nodes_;
  std::vector<bool> live_;
};

}  // namespace dsched::report
