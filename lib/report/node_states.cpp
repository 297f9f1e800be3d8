// SPDX-License-Identifier: Apache-2.0
#include "report/node_states.h"

#include <algorithm>

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Outcome;

// As the engine says it when it settles a node that failed.
Reason reason_of(FailureClass failure) {
  switch (failure) {
    case FailureClass::timeout:
      return Reason::timeout;
    case FailureClass::denied:
      return Reason::denied;
    case FailureClass::lost:
      return Reason::lost;
    default:
      return Reason::none;
  }
}

}  // namespace

NodeStates::NodeStates(const dag::Dag& dag, DigestOf digest_of)
    : dag_(dag), digest_of_(std::move(digest_of)), nodes_(dag.size()), live_(dag.size(), false) {}

void NodeStates::add(const Outcome& outcome) {
  if (outcome.node.value >= nodes_.size()) return;  // of a program that was replaced
  if (outcome.kind == Outcome::Kind::kept) return;  // counts when it is found to be the same
  if (outcome.kind == Outcome::Kind::expanded) return;
  NodeFigures& node = nodes_[outcome.node.value];
  if (outcome.kind == Outcome::Kind::withdrawn) {
    node.is_started = false;
    return;
  }
  node.attempts = std::max(node.attempts, outcome.attempt);
  node.is_started = outcome.kind == Outcome::Kind::started;
  node.at = outcome.at;
  if (node.is_started) return;
  const bool completed = outcome.kind == Outcome::Kind::completed;
  node.has_ended = true;
  node.state = completed ? NodeState::completed : NodeState::failed;
  node.failure = outcome.failure;
  node.exit_code = completed && !dag::is_builtin(dag_.node(outcome.node).operation)
                       ? std::optional<int>(0)
                       : outcome.exit_code;
  node.signal = outcome.signal;
  node.took = outcome.took;
  node.user = outcome.user;
  node.system = outcome.system;
  node.peak_memory_kib = outcome.peak_memory_kib;
  node.key = outcome.key;
  node.has_content = completed && !outcome.is_unread;
  if (node.has_content) node.digest = digest_of_(outcome);
}

void NodeStates::add_reused(NodeIndex index, const Digest& key) {
  if (index.value >= nodes_.size()) return;
  NodeFigures& node = nodes_[index.value];
  if (node.state == NodeState::completed) return;  // lost afterwards, and made again
  node.state = NodeState::completed;
  node.reason = Reason::reused;
  node.reused = true;
  node.key = key;
}

void NodeStates::set_live(NodeIndex index, NodeState state, Reason reason, std::uint32_t attempt,
                          Nanoseconds at) {
  if (index.value >= nodes_.size()) return;
  NodeFigures& node = nodes_[index.value];
  const bool is_news = attempt > node.attempts || node.is_started || !node.has_ended ||
                       node.state == NodeState::failed;
  // It ended after the news were written.
  if (!is_news || (state == NodeState::running && node.has_ended && attempt <= node.attempts)) {
    return;
  }
  live_[index.value] = true;
  node.state = state;
  node.reason = reason;
  node.attempts = std::max(node.attempts, attempt);
  if (state != NodeState::running) return;
  node.has_ended = false;
  node.is_started = true;
  node.failure = FailureClass::none;
  node.exit_code.reset();
  node.signal.reset();
  node.at = at;
  node.took = Nanoseconds{0};
}

// An attempt that failed may be a node that failed, or one that was told to end with the execution:
// the record counts how many failed for good, and those came first.
void NodeStates::settle_failed(const Standing& standing) {
  std::vector<NodeIndex> failed;
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].state == NodeState::failed && !live_[i]) failed.push_back({i});
  }
  const bool was_stopped = standing.status == ExecutionStatus::interrupted ||
                           standing.status == ExecutionStatus::cancelled;
  if (was_stopped && failed.size() > standing.counts.failed) {
    const auto end_of = [this](NodeIndex node) {
      return nodes_[node.value].at + nodes_[node.value].took;
    };
    std::stable_sort(failed.begin(), failed.end(),
                     [&](NodeIndex a, NodeIndex b) { return end_of(a) < end_of(b); });
    for (std::size_t i = standing.counts.failed; i < failed.size(); ++i) {
      nodes_[failed[i].value].state = NodeState::cancelled;
    }
    failed.resize(standing.counts.failed);
  }
  for (const NodeIndex node : failed) {
    nodes_[node.value].reason = reason_of(nodes_[node.value].failure);
    cancel_dependents(node);
  }
}

// Only approvals and decisions were left: what has all it needs waits for one of them.
void NodeStates::settle_held() {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    NodeFigures& node = nodes_[i];
    if (node.state != NodeState::pending || node.reason != Reason::none) continue;
    const auto before = dag_.predecessors({i});
    const bool is_ready = std::all_of(before.begin(), before.end(), [this](NodeIndex one) {
      return nodes_[one.value].state == NodeState::completed;
    });
    if (!is_ready) continue;
    node.reason = dag_.settings({i}).approval ? Reason::awaiting_approval : Reason::needs_decision;
  }
}

void NodeStates::cancel_dependents(NodeIndex failed) {
  std::vector<NodeIndex> to_visit{failed};
  while (!to_visit.empty()) {
    const NodeIndex at = to_visit.back();
    to_visit.pop_back();
    for (const NodeIndex user : dag_.dependents(at)) {
      NodeFigures& node = nodes_[user.value];
      if (node.state != NodeState::pending || live_[user.value]) continue;
      node.state = NodeState::cancelled;
      node.reason = Reason::dependency_failed;
      node.because = failed;
      to_visit.push_back(user);
    }
  }
}

void NodeStates::settle(const Standing& standing) {
  // Begun, and nothing was heard of it since.
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    NodeFigures& node = nodes_[i];
    if (!node.is_started || live_[i]) continue;
    if (standing.has_runner) {
      node.state = NodeState::running;
    } else {
      node.state = NodeState::pending;
      node.reason = dag_.settings({i}).idempotent ? Reason::lost : Reason::needs_decision;
    }
  }
  settle_failed(standing);
  if (standing.status == ExecutionStatus::waiting) settle_held();
  // Cancelled as a whole: nothing of it is still to come.
  if (standing.has_runner || standing.status != ExecutionStatus::cancelled ||
      standing.counts.pending() > 0) {
    return;
  }
  for (NodeFigures& node : nodes_) {
    if (node.state == NodeState::pending) node.state = NodeState::cancelled;
  }
}

bool NodeStates::is_touched(NodeIndex index) const {
  const NodeFigures& node = nodes_[index.value];
  return node.has_ended || node.is_started || node.reused || live_[index.value];
}

}  // namespace dsched::report
