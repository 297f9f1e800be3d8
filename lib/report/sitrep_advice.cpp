// SPDX-License-Identifier: Apache-2.0
#include "report/sitrep_advice.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Gate;
using std::chrono::hours;
using std::chrono::seconds;

// The order of actions: the worst first.
constexpr int k_damage = 0;
constexpr int k_disk = 1;
constexpr int k_expiring = 2;
constexpr int k_interrupted = 3;
constexpr int k_failed = 4;
constexpr int k_approval = 5;

constexpr Nanoseconds k_soon = hours{1};
// A node that takes so many times as long as it did, and at least so long, is worth a look.
constexpr int k_far_longer = 3;
constexpr Nanoseconds k_worth_a_look = seconds{5};
constexpr std::size_t k_targets_max = 20;
constexpr std::size_t k_named_max = 3;

std::string task_id(ExecutionNumber number, std::string_view node_id) {
  return std::to_string(number.value) + '/' + std::string(node_id);
}

std::string called_in_advice(const journal::ExecutionRecord& record) {
  return "execution " + std::to_string(record.number.value) + " (" + record.dag_id + ")";
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), k_named_max); ++i) {
    out += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > k_named_max) {
    out += " and " + std::to_string(names.size() - k_named_max) + " more";
  }
  return out;
}

std::string failure_text(const dag::Dag& dag, const TroubledNode& node) {
  const auto& failures = node.subject.failures;
  std::string text(dag.node(node.node).node_id);
  if (!failures.empty()) text += " (" + engine::text_of(failures.back()) + ")";
  return text;
}

}  // namespace

std::string Advice::command(const std::string& words) const {
  return words + scene_.query.store_option;
}

void Advice::act(int urgency, std::string command, std::string reason) {
  answer_.actions.push_back({std::move(command), std::move(reason), urgency});
}

void Advice::stand_still(const Sighting& sighting, std::string_view reason,
                         std::string explanation) {
  const journal::ExecutionRecord& record = sighting.record;
  answer_.still.push_back(
      {record.number.value, record.dag_id, sighting.status(), reason, std::move(explanation)});
}

std::vector<const Gate*> Advice::waiting_gates(ExecutionNumber number) const {
  std::vector<const Gate*> waiting;
  const auto found = scene_.gates.find(number.value);
  if (found == scene_.gates.end()) return waiting;
  for (const Gate& gate : found->second) {
    const bool is_open = !gate.expires_at || scene_.now < *gate.expires_at;
    if (gate.state == journal::GateState::waiting && is_open) waiting.push_back(&gate);
  }
  return waiting;
}

bool Advice::may_answer(const Gate& gate) const {
  const auto& approvers = gate.approvers;
  return approvers.empty() ||
         std::find(approvers.begin(), approvers.end(), scene_.query.user) != approvers.end();
}

void Advice::watch_gate(const Gate& gate) {
  std::string reason = "waits for approval since " + to_rfc3339(gate.asked_at);
  if (!gate.reason.empty()) reason += ": " + gate.reason;
  if (gate.expires_at) {
    reason += "; it can be answered until " + to_rfc3339(*gate.expires_at);
    is_degraded_ = is_degraded_ || *gate.expires_at - scene_.now < k_soon;
  }
  answer_.watch.push_back({"approval", task_id(gate.execution, gate.node_id), std::move(reason)});
}

// Where further questions are to come, a command that waits for their answers would seem to hang.
std::string Advice::resume_command(const Subject& subject, std::size_t answered) const {
  const journal::ExecutionRecord& record = subject.sighting.record;
  const auto found = scene_.gates.find(record.number.value);
  const auto has_consent = [&](std::string_view node_id) {
    return found != scene_.gates.end() &&
           std::any_of(found->second.begin(), found->second.end(), [&](const Gate& gate) {
             return gate.node_id == node_id && gate.state == journal::GateState::approved;
           });
  };
  std::size_t questions = 0;
  const dag::Dag& dag = subject.program.dag;
  for (std::uint32_t i = 0; i < dag.size(); ++i) {
    const NodeIndex node{i};
    if (!subject.program.wanted[i] || !dag.settings(node).approval) continue;
    if (subject.inspection.states[node].state != NodeState::pending) continue;
    if (!has_consent(dag.node(node).node_id)) ++questions;
  }
  const char* words =
      questions > answered ? "dsched-run --detach --resume " : "dsched-run --resume ";
  return command(words + std::to_string(record.number.value));
}

void Advice::suggest_approval(const std::vector<const Gate*>& waiting, const std::string& resume) {
  std::string tasks;
  std::vector<std::string> names;
  bool is_urgent = false;
  for (const Gate* gate : waiting) {
    if (!may_answer(*gate)) continue;
    is_urgent = is_urgent || (gate->expires_at && *gate->expires_at - scene_.now < k_soon);
    const std::string id = task_id(gate->execution, gate->node_id);
    if (names.size() < k_targets_max) tasks += " --task " + shell_word(id);
    names.push_back(gate->reason.empty() ? id : id + ": " + gate->reason);
  }
  if (names.empty()) return;
  std::string text =
      command("dsched-approve token" + tasks) + " | " + command("dsched-approve approve -");
  if (!resume.empty()) text += " && " + resume;
  act(is_urgent ? k_expiring : k_approval, std::move(text), "waits for approval: " + listed(names));
}

void Advice::advise(const Subject& subject) {
  const ExecutionNumber number = subject.sighting.record.number;
  const std::vector<const Gate*> waiting = waiting_gates(number);
  for (const Gate* gate : waiting) watch_gate(*gate);
  if (subject.sighting.runner == RunnerState::lives) {
    return advise_living(subject.sighting, subject.live, waiting);
  }
  switch (subject.sighting.status()) {
    case ExecutionStatus::interrupted:
      return advise_interrupted(subject);
    case ExecutionStatus::waiting:
      return advise_waiting(subject, waiting);
    case ExecutionStatus::failed:
      return advise_failed(subject);
    default:
      return;
  }
}

void Advice::advise_living(const Sighting& sighting, const std::optional<journal::LiveState>& news,
                           const std::vector<const Gate*>& waiting) {
  if (!waiting.empty()) suggest_approval(waiting, {});
  if (!news) return;  // it has just begun
  const journal::LiveNode* backoff = nullptr;
  bool runs = false;
  std::uint64_t suspended = 0;
  std::vector<std::string> gates;
  for (const journal::LiveNode& node : news->nodes) {
    if (node.state == NodeState::running) {
      if (node.reason == Reason::suspended) {
        ++suspended;
      } else {
        runs = true;
      }
    }
    if (node.reason == Reason::awaiting_approval) gates.push_back(node.node_id);
    if (node.reason != Reason::backoff) continue;
    is_degraded_ = true;
    if (backoff == nullptr || (node.until && node.until < backoff->until)) backoff = &node;
  }
  if (runs) return;
  if (news->is_paused) return stand_still(sighting, "paused", "somebody holds it");
  const std::uint64_t wanting = news->ready_nodes + suspended;
  if (wanting > 0 && news->held.count == 0) {
    return stand_still(
        sighting, "no_slot",
        std::to_string(wanting) + (wanting == 1 ? " node waits" : " nodes wait") + " for a slot");
  }
  if (backoff != nullptr) {
    const std::string until = backoff->until ? " until " + to_rfc3339(*backoff->until) : "";
    return stand_still(sighting, "backoff", backoff->node_id + " is in back-off" + until);
  }
  if (!gates.empty()) {
    stand_still(sighting, "approval", "waits for approval of " + listed(gates));
  }
}

// Its requests are not kept, so nobody can go on with it.
void Advice::advise_batch(const Sighting& sighting, const std::optional<journal::LiveState>& news) {
  if (sighting.runner == RunnerState::lives) return advise_living(sighting, news, {});
  if (sighting.status() != ExecutionStatus::interrupted) return;
  is_critical_ = true;
  stand_still(sighting, "runner_gone", "nobody works on it, and its requests are not kept");
  act(k_interrupted, command("dsched-cancel " + std::to_string(sighting.record.number.value)),
      called_in_advice(sighting.record) +
          " was interrupted; what it did not answer must be sent again");
}

void Advice::advise_interrupted(const Subject& subject) {
  is_critical_ = true;
  const ExecutionNumber number = subject.sighting.record.number;
  const auto& counts = subject.sighting.record.counts;
  const std::uint64_t left = counts.total - counts.completed;
  std::string targets;
  for (const TroubledNode& node : subject.inspection.troubled) {
    if (node.trouble != Trouble::lost || node.subject.is_idempotent) continue;
    const auto id = task_id(number, subject.program.dag.node(node.node).node_id);
    targets += " --target " + shell_word(id);
  }
  const std::string what =
      std::to_string(left) + " of " + std::to_string(counts.total) + " nodes are not done";
  stand_still(subject.sighting, "runner_gone", "nobody works on it: " + what);
  if (targets.empty()) {
    act(k_interrupted, resume_command(subject, 0),
        called_in_advice(subject.sighting.record) + " was interrupted: " + what);
  } else {
    act(k_interrupted, command("dsched-fixit" + targets),
        called_in_advice(subject.sighting.record) +
            " was interrupted, and these nodes may have taken effect already");
  }
}

void Advice::advise_waiting(const Subject& subject, const std::vector<const Gate*>& waiting) {
  const journal::ExecutionRecord& record = subject.sighting.record;
  if (!waiting.empty()) {
    std::vector<std::string> names;
    for (const Gate* gate : waiting) names.push_back(gate->node_id);
    stand_still(subject.sighting, "approval", "waits for approval of " + listed(names));
    const auto answerable = static_cast<std::size_t>(std::count_if(
        waiting.begin(), waiting.end(), [this](const Gate* gate) { return may_answer(*gate); }));
    return suggest_approval(waiting, resume_command(subject, std::min(answerable, k_targets_max)));
  }
  std::string targets;
  for (const TroubledNode& node : subject.inspection.troubled) {
    if (node.trouble != Trouble::lost) continue;
    const auto id = task_id(record.number, subject.program.dag.node(node.node).node_id);
    targets += " --target " + shell_word(id);
  }
  if (!targets.empty()) {
    stand_still(subject.sighting, "decision",
                "a node that is not idempotent may have taken effect");
    return act(k_interrupted, command("dsched-fixit" + targets),
               called_in_advice(record) + ": these nodes may have taken effect already");
  }
  stand_still(subject.sighting, "runner_gone", "its questions are answered, and nobody goes on");
  act(k_interrupted, resume_command(subject, 0),
      called_in_advice(record) + ": its questions are answered");
}

// What is likely to end well now is an action; what would only fail again is named.
void Advice::advise_failed(const Subject& subject) {
  is_degraded_ = true;
  const journal::ExecutionRecord& record = subject.sighting.record;
  std::string targets;
  std::vector<std::string> passing;
  std::vector<std::string> lasting;
  for (const TroubledNode& node : subject.inspection.troubled) {
    const std::string text = failure_text(subject.program.dag, node);
    const auto& failures = node.subject.failures;
    const bool is_damaged = !failures.empty() && failures.back().failure == FailureClass::damaged;
    is_critical_ = is_critical_ || is_damaged;
    // What was damaged is made again first.
    const auto mode = is_damaged ? engine::FixMode::balanced : engine::FixMode::conservative;
    if (engine::fix_verdict(mode, node.subject).retries) {
      const auto id = task_id(record.number, subject.program.dag.node(node.node).node_id);
      if (passing.size() < k_targets_max) targets += " --target " + shell_word(id);
      passing.push_back(text);
    } else {
      lasting.push_back(text);
    }
  }
  if (!passing.empty()) {
    act(k_failed, command("dsched-fixit" + targets),
        called_in_advice(record) + ": " + listed(passing) + " may end well now");
  }
  std::vector<std::string> all = lasting;
  all.insert(all.end(), passing.begin(), passing.end());
  const bool has_victims = record.counts.cancelled > 0;
  stand_still(subject.sighting, has_victims ? "dependency_failed" : "failed",
              listed(all) + (all.size() == 1 ? " failed" : " have failed") +
                  (has_victims ? ", and what needs it does not run" : ""));
  if (!lasting.empty()) {
    answer_.watch.push_back({"failed", std::to_string(record.number.value),
                             listed(lasting) + ": see dsched-stats log"});
  }
}

void Advice::watch_execution(const Sighting& sighting, WallTime since, Nanoseconds longest) {
  const Nanoseconds elapsed = scene_.now - since;
  if (elapsed <= k_far_longer * longest || elapsed <= k_worth_a_look) return;
  answer_.watch.push_back({"slow_execution", std::to_string(sighting.record.number.value),
                           "runs for " + short_duration(elapsed) + ", took " +
                               short_duration(longest) + " at most before"});
}

void Advice::watch_running(const Sighting& sighting, const RecordedProgram& program,
                           const journal::LiveState& live, sys::Database& database) {
  std::optional<journal::Durations> durations;
  for (const journal::LiveNode& node : live.nodes) {
    if (node.state != NodeState::running) continue;
    if (!durations) durations.emplace(database, sighting.record.dag_id);
    const Nanoseconds elapsed = scene_.now - node.since;
    const std::string id = task_id(sighting.record.number, node.node_id);
    const auto usual = durations->duration(node.node_id);
    if (usual && elapsed > k_far_longer * *usual && elapsed > k_worth_a_look) {
      answer_.watch.push_back(
          {"slow_node", id,
           "runs for " + short_duration(elapsed) + ", took " + short_duration(*usual) + " before"});
    }
    const auto index = program.dag.find(node.node_id);
    const auto limit = index ? program.dag.settings(*index).timeout : std::nullopt;
    if (limit && elapsed * 5 > *limit * 4) {
      answer_.watch.push_back(
          {"near_timeout", id,
           "runs for " + short_duration(elapsed) + " of " + short_duration(*limit)});
    }
  }
}

void Advice::look_at_disk() {
  if (!scene_.query.disk || scene_.query.disk->size == 0) return;
  constexpr std::uint64_t k_mebibyte = 1024 * 1024;
  const std::uint64_t available = scene_.query.disk->available;
  const std::uint64_t hundredth = scene_.query.disk->size / 100;
  const std::string text = std::to_string(available / k_mebibyte) + " MiB are free";
  // A large disk is not full with a few hundredths left, a small one may be.
  if (available < hundredth || available < 100 * k_mebibyte) {
    is_critical_ = true;
    act(k_disk, command("dsched-store gc --older-than 7d"), "the disk is nearly full: " + text);
  } else if (available < 10 * hundredth && available < 10 * 1024 * k_mebibyte) {
    answer_.watch.push_back({"disk", "disk", "fills up: " + text});
  }
}

void Advice::finish(bool is_damaged) {
  if (is_damaged) {
    is_critical_ = true;
    act(k_damage, command("dsched-store verify --repair"), "stored data is damaged");
  }
  look_at_disk();
  std::stable_sort(answer_.actions.begin(), answer_.actions.end(),
                   [](const auto& a, const auto& b) { return a.urgency < b.urgency; });
  answer_.health = is_critical_   ? wire::Health::critical
                   : is_degraded_ ? wire::Health::degraded
                                  : wire::Health::healthy;
}

}  // namespace dsched::report
