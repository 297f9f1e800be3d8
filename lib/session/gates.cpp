// SPDX-License-Identifier: Apache-2.0
#include "session/gates.h"

#include <algorithm>

#include "session/auditing.h"

namespace dsched::session {

using journal::Gate;
using journal::GateState;

namespace {

std::optional<WallTime> expiry(const dag::Approval& approval, WallTime asked_at) {
  if (!approval.expires_in_hours) return std::nullopt;
  constexpr double k_hour_seconds = 3600;
  // Beyond this the clock's numbers end; nobody waits so long.
  constexpr double k_seconds_max = 3600.0 * 24 * 366 * 100;
  const std::chrono::duration<double> window(
      std::min(*approval.expires_in_hours * k_hour_seconds, k_seconds_max));
  return asked_at + std::chrono::duration_cast<Nanoseconds>(window);
}

bool is_open(const Gate& gate, WallTime now) {
  return gate.state == GateState::waiting && (!gate.expires_at || now < *gate.expires_at);
}

}  // namespace

void Gates::recall() {
  std::vector<Gate> gates;
  journal::each_gate(store_.database(), execution_.number,
                     [&](Gate&& gate) { gates.push_back(std::move(gate)); });
  const auto node_of = [this](const Gate& gate) {
    const auto node = dag_.find(gate.node_id);
    return node && dag_.settings(*node).approval ? node : std::nullopt;
  };
  const bool all_known = std::all_of(gates.begin(), gates.end(),
                                     [&](const Gate& gate) { return node_of(gate).has_value(); });
  if (!all_known) {
    sys::Transaction transaction(store_.database());
    journal::remove_gates(store_.database(), execution_.number);
    for (const Gate& gate : gates) {
      if (node_of(gate)) journal::put_gate(store_.database(), gate);
    }
    transaction.commit();
  }
  for (const Gate& gate : gates) {
    const auto node = node_of(gate);
    if (node && gate.state == GateState::approved) consents_.insert_or_assign(*node, gate.digest);
  }
}

bool Gates::has_consent(NodeIndex node, const Digest& digest) const {
  const auto found = consents_.find(node);
  return found != consents_.end() && found->second == digest;
}

bool Gates::may_read_secrets(NodeIndex node) const {
  const dag::Settings& settings = dag_.settings(node);
  return !settings.approval || settings.secret_environment.empty() || consents_.contains(node);
}

void Gates::ask(NodeIndex node, Question question) {
  asked_.emplace_back(node, std::move(question));
}

void Gates::hear(NodeIndex node, const Gate& gate, std::vector<GateAnswer>& answers) {
  if (gate.state == GateState::approved) consents_.insert_or_assign(node, gate.digest);
  open_.erase(node);
  answers.push_back({node, gate.state, gate.decided_by});
}

std::vector<NodeIndex> Gates::write(WallTime now, std::vector<GateAnswer>& answers) {
  std::vector<NodeIndex> waiting;
  if (asked_.empty()) return waiting;
  sys::Database& database = store_.database();
  sys::Transaction transaction(database);
  for (auto& [node, question] : std::exchange(asked_, {})) {
    const dag::Approval& approval = *dag_.settings(node).approval;
    const std::string node_id(dag_.node(node).node_id);
    auto recorded = journal::find_gate(database, execution_.number, node_id);
    const bool is_same = recorded && recorded->digest == question.digest;
    const bool is_decided =
        is_same && (recorded->state == GateState::approved || recorded->state == GateState::denied);
    if (is_decided) {
      hear(node, *recorded, answers);
      continue;
    }
    if (!is_same || !is_open(*recorded, now)) {
      recorded = Gate{.execution = execution_.number,
                      .node_id = node_id,
                      .digest = question.digest,
                      .state = GateState::waiting,
                      .asked_at = now,
                      .expires_at = expiry(approval, now),
                      .decided_at = {},
                      .decided_by = {},
                      .reason = std::string(approval.reason),
                      .command = std::move(question.command),
                      .arguments = std::move(question.arguments),
                      .approvers = {approval.approvers.begin(), approval.approvers.end()}};
      journal::put_gate(database, *recorded);
    }
    if (approver_) {
      approve(*recorded, now);
      hear(node, *recorded, answers);
      continue;
    }
    open_.insert_or_assign(node, recorded->expires_at);
    waiting.push_back(node);
  }
  transaction.commit();
  if (!waiting.empty() || approver_) store_.sync();
  return waiting;
}

void Gates::approve(Gate& gate, WallTime now) {
  gate.state = GateState::approved;
  gate.decided_at = now;
  gate.decided_by = *approver_;
  journal::put_gate(store_.database(), gate);
  audit(store_, {.action = "approve",
                 .object = std::to_string(gate.execution.value) + '/' + gate.node_id,
                 .outcome = "approved",
                 .details = {{"by", *approver_},
                             {"digest", to_hex(gate.digest)},
                             {"how", "fix-it with auto_approve"}}});
}

void Gates::look(WallTime now, std::vector<GateAnswer>& answers) {
  if (open_.empty()) return;
  sys::Database& database = store_.database();
  std::vector<std::pair<NodeIndex, Gate>> decided;
  std::vector<std::pair<NodeIndex, Gate>> late;
  journal::each_gate(database, execution_.number, [&](Gate&& gate) {
    const auto node = dag_.find(gate.node_id);
    if (!node || !open_.contains(*node) || is_open(gate, now)) return;
    (gate.state == GateState::waiting ? late : decided).emplace_back(*node, std::move(gate));
  });
  if (!late.empty()) {
    sys::Transaction transaction(database);
    for (auto& [node, gate] : late) {
      // An answer may have come between the two looks; then it counts, at the next one.
      const bool is_ours = journal::decide_gate(database, execution_.number, gate.node_id,
                                                {GateState::expired, now, {}});
      gate.state = GateState::expired;
      if (is_ours) decided.emplace_back(node, std::move(gate));
    }
    transaction.commit();
    store_.sync();
  }
  for (const auto& [node, gate] : decided) hear(node, gate, answers);
}

std::optional<WallTime> Gates::expiry_of(NodeIndex node) const {
  const auto found = open_.find(node);
  return found == open_.end() ? std::nullopt : found->second;
}

std::optional<WallTime> Gates::next_expiry() const {
  std::optional<WallTime> next;
  for (const auto& [node, at] : open_) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void Gates::forget(NodeIndex node) {
  std::erase_if(asked_, [node](const auto& entry) { return entry.first == node; });
  if (open_.erase(node) == 0) return;
  sys::Transaction transaction(store_.database());
  journal::remove_waiting_gate(store_.database(), execution_.number, dag_.node(node).node_id);
  transaction.commit();
}

}  // namespace dsched::session
