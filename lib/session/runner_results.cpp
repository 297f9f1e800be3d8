// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "executor/outputs.h"
#include "journal/audit.h"
#include "session/runner.h"
#include "sys/files.h"
#include "value/text.h"

// The part of Runner before the first and after the last attempt: what earlier runners did, and the
// answer.

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using engine::Phase;

}  // namespace

void Runner::recall(History&& history) {
  examiner_.set_kept(std::move(history.kept));
  gates_.recall();
  fan_out_.recall_lists(std::move(history.lists));
  if (plan_.fix != nullptr) {
    fixer_.emplace(*plan_.fix, plan_.dag);
    for (const NodeIndex node : fixer_->drop_arguments(history)) examiner_.distrust(node);
    if (plan_.fix->auto_approve) gates_.approve_as(plan_.fix->by);
    const auto end = static_cast<std::uint32_t>(plan_.dag.program_size());
    fixer_->prepare(engine_, {0}, {end});
  }
  for (Recalled& recalled : history.recalled) {
    if (recalled.node.value < plan_.dag.program_size()) {
      recall(std::move(recalled));
    } else {
      fan_out_.recall(std::move(recalled));  // until its map is expanded
    }
  }
  recall_unread(history.recalled);
}

void Runner::recall(Recalled&& recalled) {
  const NodeIndex node = recalled.node;
  engine_.recall_attempts(node, recalled.attempts);
  if (recalled.needs_decision) engine_.recall_needs_decision(node);
  // A map is expanded and evaluated again, so that its nodes are there.
  const bool is_map = plan_.dag.node(node).operation == dag::Operation::map;
  if (!recalled.completed || recalled.completed->is_unread || is_map) return;
  journal::Outcome& outcome = *recalled.completed;
  const std::vector<executor::OutputRecord> outputs = output_records(outcome.outputs);
  if (outcome.value) {
    if (engine_.is_in_process(node)) {
      values_.set_value(node, std::move(*outcome.value));
      engine_.recall(node, Phase::completed, recalled.attempts);
    }
    return;  // else it is examined again, which costs nothing that counts
  }
  const bool there =
      outcome.content.size == 0 || ports_.store.blobs().contains(outcome.content.hash);
  const bool in_place = ports_.workspace.in_place(outputs) || !ports_.workspace.restore(outputs);
  if (!there || !in_place || engine_.is_in_process(node)) return;
  const Digest digest = executor::node_digest(outcome.content.hash, outputs);
  values_.set_result(node, {outcome.content, digest, outcome.key});
  engine_.recall(node, Phase::completed, recalled.attempts);
}

// The goals' bytes; false when some were lost and must be made again.
bool Runner::collect_results() {
  results_.clear();
  if (!plan_.answer.with_results) return true;
  std::unordered_set<NodeIndex> shown;
  bool all = collect_prints(shown);
  for (const NodeIndex goal : goals_) {
    if (engine_.is_ended_by_readers(goal) || shown.contains(goal)) continue;
    if (plan_.dag.node(goal).operation == dag::Operation::save) continue;
    if (auto result = goal_answer(goal)) {
      results_.push_back(std::move(*result));
    } else {
      lose(goal, std::nullopt);
      all = false;
    }
  }
  return all;
}

// After a failure: the goals that were reached all the same.
void Runner::collect_reached() {
  results_.clear();
  if (!plan_.answer.with_results) return;
  std::unordered_set<NodeIndex> shown;
  static_cast<void>(collect_prints(shown));
  for (const NodeIndex goal : goals_) {
    const Phase phase = engine_.phase(goal);
    if (phase != Phase::completed && phase != Phase::reused) continue;
    if (engine_.is_ended_by_readers(goal) || shown.contains(goal)) continue;
    if (plan_.dag.node(goal).operation == dag::Operation::save) continue;
    if (auto result = goal_answer(goal)) results_.push_back(std::move(*result));
  }
}

std::optional<wire::ResultAnswer> Runner::goal_answer(NodeIndex goal) {
  wire::ResultAnswer answer;
  answer.node_id = plan_.dag.node(goal).node_id;
  const store::Content content = values_.content(goal);
  answer.size = content.size;
  answer.data_type = store::name_of(data_type(plan_.dag, goal, content.size));
  answer.digest = values_.digest(goal);
  if (!values_.is_in_process(goal)) answer.key = values_.result(goal).key;
  const bool is_value = plan_.dag.form_of(goal) != dag::Form::bytes && !plan_.dag.prints().empty();
  const bool is_whole = plan_.answer.full_results || (is_value && plan_.answer.full_prints);
  const std::uint64_t limit = is_whole ? UINT64_MAX : wire::k_shown_bytes_max;
  try {
    if (is_value) {
      const auto value = program_values_.value(goal);
      if (!value) return std::nullopt;
      answer.bytes = value::text_of(*value);
      answer.size = answer.bytes.size();
      if (answer.size > limit) answer.bytes.resize(limit);
    } else {
      auto bytes = values_.prefix(goal, std::min(limit, content.size));
      if (!bytes) return std::nullopt;
      answer.bytes = std::move(*bytes);
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return std::nullopt;
  }
  answer.truncated = answer.bytes.size() < answer.size;
  if (answer.truncated) cut_to_whole_characters(answer.bytes);
  return answer;
}

bool Runner::write_result(NodeIndex node, int fd) {
  if (tap_ && tap_->has_followed() && plan_.shown == node) return true;  // it came as it was made
  if (plan_.dag.form_of(node) != dag::Form::value) return values_.write(node, fd);
  const auto value = program_values_.value(node);
  if (value) sys::write_all(fd, value::text_of(*value), "output");
  return value.has_value();
}

// The last record of the execution. What follows from it is told after it is committed.
void Runner::close() {
  now_ = ports_.clock.now();
  execution_.status = *ended_;
  execution_.counts = engine_.counts();
  execution_.finished_at = begun_wall_ + (now_ - begun_);
  recorder_.commit();
  {
    sys::Transaction transaction(ports_.store.database());
    if (!reused_.empty()) {
      std::sort(reused_.begin(), reused_.end(),
                [](const auto& a, const auto& b) { return a.node < b.node; });
      execution_.reused = journal_.put_reused(reused_);
    }
    for (const store::Record& record : to_touch_) {
      ports_.store.results().touch(record, *execution_.finished_at);
    }
    if (durations_) durations_->save(ports_.store.database());
    figures_.write(ports_.store.database(), execution_.number, *execution_.finished_at);
    journal::remove_live(ports_.store.database(), execution_.number);
    journal_.update(execution_);
    transaction.commit();
  }
  // What ran survives a crash of the machine from here on; a run that only reused has nothing to
  // lose.
  if (durations_) ports_.store.sync();
  // What waits or was interrupted goes on with a resume; everything else is over, failures
  // included.
  const bool goes_on =
      *ended_ == ExecutionStatus::waiting || *ended_ == ExecutionStatus::interrupted;
  if (!goes_on) tracker_.finish();
  ports_.observer.ended(progress(), engine::name_of(*ended_), now_ - begun_);
}

// Names the first node that waits, and what to do about it.
wire::ErrorAnswer Runner::waiting_error(const wire::RunAnswer& answer) const {
  wire::ErrorAnswer error{ErrorKind::waiting, "nodes wait for an approval or a decision", {}, {}};
  for (const wire::NodeAnswer& node : answer.nodes) {
    if (node.reason == engine::Reason::awaiting_approval) {
      const std::string number = std::to_string(execution_.number.value);
      error.message = "node " + node.node_id + " waits for approval";
      error.hint =
          "dsched-approve shows it and asks; then go on with: dsched-run --resume " + number;
      return error;
    }
    if (node.reason == engine::Reason::needs_decision) {
      error.message = "node " + node.node_id +
                      " was under way when its runner vanished, and is not idempotent: it waits "
                      "for a decision";
      error.hint = "let it run again with: dsched-run --resume " +
                   std::to_string(execution_.number.value) + " --target " + node.node_id;
      return error;
    }
  }
  return error;
}

wire::RunAnswer Runner::make_answer() {
  wire::RunAnswer answer;
  answer.success = *ended_ == ExecutionStatus::completed;
  answer.execution_id = to_text(execution_.id);
  answer.execution = execution_.number.value;
  answer.dag_id = plan_.dag.dag_id();
  answer.status = *ended_;
  answer.counts = engine_.counts();
  answer.percentage = tracker_.percentage();
  answer.started_at = begun_wall_;
  answer.finished_at = *execution_.finished_at;
  if (!answer.success) collect_reached();
  answer.results = std::move(results_);
  answer.nodes = tracker_.answers(engine_, plan_.answer.nodes == AnswerOptions::Nodes::all);
  answer.warnings = warnings_;
  answer.audit_head = journal::audit_head_text(ports_.store.database());
  if (answer.success) return answer;
  const auto failed = std::find_if(answer.nodes.begin(), answer.nodes.end(), [](const auto& node) {
    return node.status == engine::NodeState::failed;
  });
  wire::ErrorAnswer error;
  switch (*ended_) {
    case ExecutionStatus::interrupted:
      error = {ErrorKind::interrupted,
               steering_.how_stopped(),
               "go on with: dsched-run --resume " + std::to_string(execution_.number.value),
               {}};
      break;
    case ExecutionStatus::waiting:
      error = waiting_error(answer);
      break;
    case ExecutionStatus::cancelled:
      error = {ErrorKind::cancelled, "nodes were cancelled", {}, {}};
      break;
    default:
      error = {ErrorKind::node_failed, "a node failed", {}, {}};
      if (failed != answer.nodes.end()) {
        const bool damaged = failed->failure == FailureClass::damaged;
        if (damaged) error.kind = ErrorKind::damaged;
        if (failed->failure == FailureClass::denied) error.kind = ErrorKind::denied;
        error.message = "node " + failed->node_id + ": " + failed->error;
        const std::uint64_t others = answer.counts.failed - 1;
        if (others > 0) {
          error.message += " (and " + std::to_string(others) + " more failed)";
        }
      }
  }
  answer.error = std::move(error);
  return answer;
}

}  // namespace dsched::session
