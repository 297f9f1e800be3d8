// SPDX-License-Identifier: Apache-2.0
#include "report/failures.h"

#include <algorithm>
#include <map>
#include <set>

#include "journal/live.h"

namespace dsched::report {
namespace {

using engine::AttemptFailure;
using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Outcome;

struct History {
  std::vector<AttemptFailure> failures;
  std::string error;
};

AttemptFailure failure_of(const Outcome& outcome) {
  AttemptFailure failure{outcome.failure, outcome.exit_code, outcome.signal, std::nullopt};
  if (outcome.log) failure.log = outcome.log->hash;
  return failure;
}

// What the runner told last that it ran: a runner that ended in order has taken that back.
std::set<NodeIndex> running_at_last(Book book, const Sighting& sighting) {
  std::set<NodeIndex> nodes;
  if (const auto live = journal::live(book.store.database(), sighting.record.number)) {
    for (const journal::LiveNode& node : live->nodes) {
      if (node.state == NodeState::running) nodes.insert(node.node);
    }
  }
  return nodes;
}

bool has_all_it_needs(const RecordedProgram& program, const NodeStates& states, NodeIndex node) {
  const auto before = program.dag.predecessors(node);
  return std::all_of(before.begin(), before.end(),
                     [&](NodeIndex one) { return states[one].state == NodeState::completed; });
}

class Finder {
 public:
  Finder(Book book, const Sighting& sighting, const RecordedProgram& program)
      : sighting_(sighting), program_(program), states_(program.dag, no_digest) {
    book.journal.each_outcome(sighting.record.number, [&](Outcome&& outcome) {
      states_.add(outcome);
      if (outcome.kind != Outcome::Kind::failed) return;
      History& history = histories_[outcome.node];
      history.failures.push_back(failure_of(outcome));
      history.error = std::move(outcome.error);
    });
    if (sighting.record.reused) {
      for (const journal::ReusedNode& reused : book.journal.reused(*sighting.record.reused)) {
        states_.add_reused(reused.node, reused.key);
      }
    }
    states_.settle(sighting.standing());
    is_left_ = sighting.status() == ExecutionStatus::interrupted;
    if (is_left_) under_way_ = running_at_last(book, sighting);
  }

  Inspection find() {
    for (std::uint32_t i = 0; i < program_.dag.size(); ++i) {
      if (program_.wanted[i]) look({i});
    }
    // Nobody knows what ran: then what came next.
    if (is_left_ && found_.empty()) {
      for (std::uint32_t i = 0; i < program_.dag.size(); ++i) {
        const bool is_next = program_.wanted[i] && states_[{i}].state == NodeState::pending &&
                             has_all_it_needs(program_, states_, {i});
        if (is_next) add({i}, Trouble::lost);
      }
    }
    return {std::move(states_), std::move(found_)};
  }

 private:
  static Digest no_digest(const Outcome&) { return {}; }

  void look(NodeIndex node) {
    const NodeFigures& figures = states_[node];
    const bool runs = sighting_.runner == RunnerState::lives;
    switch (figures.state) {
      case NodeState::failed:
        return add(node, Trouble::failed);
      case NodeState::cancelled:
        if (figures.reason == Reason::dependency_failed || runs) return;
        return add(node, is_left_ ? Trouble::interrupted : Trouble::cancelled);
      case NodeState::pending:
        if (runs) return;
        if (under_way_.contains(node) || figures.reason == Reason::lost ||
            figures.reason == Reason::needs_decision) {
          add(node, Trouble::lost);
        }
        return;
      case NodeState::running:
      case NodeState::completed:
        return;
    }
  }

  void add(NodeIndex node, Trouble trouble) {
    TroubledNode& added = found_.emplace_back();
    added.node = node;
    added.trouble = trouble;
    added.attempts = states_[node].attempts;
    added.subject.is_idempotent = program_.dag.settings(node).idempotent;
    added.subject.is_cancelled = trouble == Trouble::cancelled;
    if (const auto history = histories_.find(node); history != histories_.end()) {
      added.subject.failures = std::move(history->second.failures);
      added.error = std::move(history->second.error);
    }
    if (trouble == Trouble::failed || trouble == Trouble::cancelled) return;
    // How it would have ended nobody knows.
    if (trouble == Trouble::interrupted && !added.subject.failures.empty()) {
      added.subject.failures.pop_back();
    }
    added.subject.failures.push_back({FailureClass::lost, {}, {}, {}});
    added.error = trouble == Trouble::lost ? "its runner is gone" : "its execution was interrupted";
  }

  const Sighting& sighting_;
  const RecordedProgram& program_;
  NodeStates states_;
  std::map<NodeIndex, History> histories_;
  std::set<NodeIndex> under_way_;
  bool is_left_ = false;
  std::vector<TroubledNode> found_;
};

}  // namespace

std::string_view name_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::failed:
      return "failed";
    case Trouble::lost:
      return "lost";
    case Trouble::interrupted:
      return "interrupted";
    case Trouble::cancelled:
      return "cancelled";
  }
  return "failed";
}

Inspection inspect(Book book, const Sighting& sighting, const RecordedProgram& program) {
  return Finder(book, sighting, program).find();
}

}  // namespace dsched::report
