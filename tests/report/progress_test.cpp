// SPDX-License-Identifier: Apache-2.0
#include "report/progress.h"

#include <doctest/doctest.h>

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using namespace std::chrono_literals;

journal::ExecutionRecord a_record(ExecutionStatus status, const engine::Counts& counts) {
  journal::ExecutionRecord record;
  record.number = {17};
  record.dag_id = "wordcount";
  record.status = status;
  record.counts = counts;
  record.submitted_at = WallTime{10s};
  return record;
}

TEST_CASE("report: a runner that is gone leaves an interrupted execution") {
  using enum ExecutionStatus;
  struct Case {
    ExecutionStatus recorded, with_runner, without;
  };
  for (const Case& one :
       {Case{submitted, submitted, interrupted}, Case{running, running, interrupted},
        Case{waiting, waiting, waiting}, Case{completed, completed, completed},
        Case{failed, failed, failed}, Case{cancelled, cancelled, cancelled},
        Case{interrupted, interrupted, interrupted}}) {
    const auto record = a_record(one.recorded, {});
    CHECK(status_now(record, RunnerState::lives) == one.with_runner);
    CHECK(status_now(record, RunnerState::gone) == one.without);
  }
}

TEST_CASE("report: the percentage is 100 exactly when nothing more will run") {
  const engine::Counts counts{.total = 8, .completed = 3, .failed = 1};
  const auto percentage = [&](ExecutionStatus status, RunnerState runner) {
    return progress_of(a_record(status, counts), runner, {}).percentage;
  };
  CHECK(percentage(ExecutionStatus::running, RunnerState::lives) == 50.0);
  CHECK(percentage(ExecutionStatus::running, RunnerState::gone) == 50.0);
  CHECK(percentage(ExecutionStatus::interrupted, RunnerState::gone) == 50.0);
  CHECK(percentage(ExecutionStatus::waiting, RunnerState::gone) == 50.0);
  CHECK(percentage(ExecutionStatus::failed, RunnerState::gone) == 100.0);
  CHECK(percentage(ExecutionStatus::cancelled, RunnerState::gone) == 100.0);
  CHECK(progress_of(a_record(ExecutionStatus::running, {}), RunnerState::lives, {}).percentage ==
        100.0);
}

TEST_CASE("report: nothing runs without a runner") {
  const engine::Counts counts{.total = 8, .completed = 3, .running = 2};
  const auto record = a_record(ExecutionStatus::running, counts);
  CHECK(progress_of(record, RunnerState::lives, {}).counts.running == 2);
  const auto gone = progress_of(record, RunnerState::gone, {});
  CHECK(gone.counts.running == 0);
  CHECK(gone.counts.pending() == 5);
}

TEST_CASE("report: a rising percentage keeps its highest value") {
  Rising rising;
  wire::ProgressAnswer answer;
  for (const auto& [given, shown] :
       {std::pair{10.0, 10.0}, {40.0, 40.0}, {0.0, 40.0}, {39.9, 40.0}, {41.0, 41.0}}) {
    answer.percentage = given;
    rising.apply(answer);
    CHECK(answer.percentage == shown);
  }
}

TEST_CASE("report: the line of an execution has started when it is more than submitted") {
  auto record = a_record(ExecutionStatus::submitted, {.total = 3});
  CHECK_FALSE(execution_line(record, RunnerState::lives).started_at);
  record.status = ExecutionStatus::running;
  CHECK(execution_line(record, RunnerState::lives).started_at == record.submitted_at);
  record.started_at = WallTime{12s};
  const auto line = execution_line(record, RunnerState::lives);
  CHECK(line.started_at == WallTime{12s});
  CHECK(line.execution == 17);
  CHECK(line.counts.total == 3);
}

}  // namespace
}  // namespace dsched::report
