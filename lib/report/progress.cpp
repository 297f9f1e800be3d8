// SPDX-License-Identifier: Apache-2.0
#include "report/progress.h"

#include <algorithm>

namespace dsched::report {

using engine::ExecutionStatus;

bool is_over(ExecutionStatus status) {
  return status == ExecutionStatus::completed || status == ExecutionStatus::failed ||
         status == ExecutionStatus::cancelled;
}

bool is_under_way(ExecutionStatus status) {
  return status == ExecutionStatus::submitted || status == ExecutionStatus::running;
}

bool may_have_runner(ExecutionStatus status) {
  return is_under_way(status) || status == ExecutionStatus::waiting;
}

ExecutionStatus status_now(const journal::ExecutionRecord& record, RunnerState runner) {
  if (is_under_way(record.status) && runner == RunnerState::gone)
    return ExecutionStatus::interrupted;
  return record.status;
}

wire::ExecutionLine execution_line(const journal::ExecutionRecord& record, RunnerState runner) {
  wire::ExecutionLine line;
  line.execution = record.number.value;
  line.execution_id = to_text(record.id);
  line.dag_id = record.dag_id;
  line.status = status_now(record, runner);
  line.priority = record.priority;
  line.counts = record.counts;
  line.submitted_at = record.submitted_at;
  line.started_at = record.started_at;
  // Stores of an earlier version lack it; then an execution began when it was submitted.
  if (!line.started_at && record.status != ExecutionStatus::submitted) {
    line.started_at = record.submitted_at;
  }
  line.finished_at = record.finished_at;
  line.initiated_by = record.initiated_by;
  return line;
}

wire::ProgressAnswer progress_of(const journal::ExecutionRecord& record, RunnerState runner,
                                 const std::optional<journal::LiveState>& live) {
  wire::ProgressAnswer answer;
  answer.dag_id = record.dag_id;
  answer.execution_id = to_text(record.id);
  answer.counts = record.counts;
  if (runner == RunnerState::gone) answer.counts.running = 0;
  const engine::Counts& counts = answer.counts;
  const std::uint64_t settled = counts.completed + counts.failed + counts.cancelled;
  const bool nothing_more = is_over(status_now(record, runner)) || counts.total == 0;
  answer.percentage =
      nothing_more ? 100.0
                   : 100.0 * static_cast<double>(settled) / static_cast<double>(counts.total);
  if (nothing_more || runner == RunnerState::gone || !live) return answer;
  answer.percentage = std::clamp(live->percentage, answer.percentage, 100.0);
  answer.estimated_completion = live->estimated_completion;
  return answer;
}

}  // namespace dsched::report
