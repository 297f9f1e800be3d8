// SPDX-License-Identifier: Apache-2.0
#include "report/sitrep.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/time_text.h"
#include "dag/operation.h"
#include "journal/approvals.h"
#include "report/batch_record.h"
#include "report/sitrep_advice.h"
#include "store/run_locks.h"

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;

bool is_open(ExecutionStatus status) {
  return status != ExecutionStatus::completed && status != ExecutionStatus::cancelled;
}

WallTime last_activity(const Sighting& sighting, WallTime now) {
  if (sighting.runner == RunnerState::lives) return now;
  const journal::ExecutionRecord& record = sighting.record;
  return record.finished_at.value_or(record.started_at.value_or(record.submitted_at));
}

// The word of the report's specification where it has one of its own.
std::string_view status_word(NodeState state) {
  return state == NodeState::running ? "in_progress" : engine::name_of(state);
}

std::string description_of(const dag::Dag& dag, NodeIndex node) {
  const dag::Node& what = dag.node(node);
  if (what.operation == dag::Operation::shell) return dag::shell_parameters(what).command;
  return std::string(dag.operation_name(node)) + " " + std::string(what.parameters);
}

// Goals that the execution is about: the program's, or what its targets need last.
std::vector<NodeIndex> goals_of(const RecordedProgram& program) {
  std::vector<NodeIndex> goals;
  for (const NodeIndex goal : program.dag.goals()) {
    if (program.wanted[goal.value]) goals.push_back(goal);
  }
  if (!goals.empty()) return goals;
  for (std::uint32_t i = 0; i < program.dag.size(); ++i) {
    const auto users = program.dag.dependents({i});
    const bool is_last = std::none_of(users.begin(), users.end(),
                                      [&](NodeIndex user) { return program.wanted[user.value]; });
    if (program.wanted[i] && is_last) goals.push_back({i});
  }
  return goals;
}

using ProgramName = std::pair<Digest, std::string>;  // of its text, and its settings

class Reporter {
 public:
  Reporter(Book book, const SitrepQuery& query)
      : book_(book), query_(query), now_(book.store.world().clock.wall()) {
    answer_.at = now_;
    answer_.last_update = WallTime{};
    answer_.slot_utilization = query.slot_utilization;
  }

  wire::SitrepAnswer report() {
    read_executions();
    Advice advice({query_, now_, gates_}, answer_);
    for (const Sighting& sighting : sightings_) {
      if (!is_open(sighting.status())) continue;
      if (sighting.runner == RunnerState::lives) watch_execution(sighting, advice);
      if (is_batch(sighting.record)) {
        advice.advise_batch(sighting, news_of(sighting));
      } else {
        look_at(sighting, advice);
      }
    }
    advice.finish(is_damaged_);
    add_recent();
    if (answer_.last_update == WallTime{}) answer_.last_update = now_;
    return std::move(answer_);
  }

 private:
  void read_executions() {
    std::vector<journal::ExecutionRecord> records;
    book_.journal.each(std::numeric_limits<std::int64_t>::max(),
                       [&](const journal::ExecutionRecord& record) { records.push_back(record); });
    for (const journal::ExecutionRecord& record : records) {
      Sighting sighting = sight(book_, record);
      if (sighting.runner == RunnerState::gone) sighting.record.counts.running = 0;
      add(sighting.record.counts);
      answer_.last_update = std::max(answer_.last_update, last_activity(sighting, now_));
      if (is_open(sighting.status())) ++uses_[name_of_program(sighting.record)];
      sightings_.push_back(std::move(sighting));
    }
    journal::each_gate(book_.store.database(), std::nullopt, [&](journal::Gate&& gate) {
      gates_[gate.execution.value].push_back(std::move(gate));
    });
  }

  void add(const engine::Counts& counts) {
    answer_.counts.total += counts.total;
    answer_.counts.completed += counts.completed;
    answer_.counts.failed += counts.failed;
    answer_.counts.cancelled += counts.cancelled;
    answer_.counts.running += counts.running;
  }

  std::optional<journal::LiveState> news_of(const Sighting& sighting) const {
    if (sighting.runner != RunnerState::lives) return std::nullopt;
    return journal::live(book_.store.database(), sighting.record.number);
  }

  // Against the longest of those of the same DAG that completed.
  void watch_execution(const Sighting& sighting, Advice& advice) const {
    std::optional<Nanoseconds> longest;
    for (const Sighting& other : sightings_) {
      const journal::ExecutionRecord& record = other.record;
      const bool counts = record.status == ExecutionStatus::completed &&
                          record.dag_id == sighting.record.dag_id && record.started_at &&
                          record.finished_at;
      if (!counts) continue;
      const Nanoseconds took = *record.finished_at - *record.started_at;
      longest = std::max(longest.value_or(took), took);
    }
    const auto holder = store::runner_of(book_.store, to_text(sighting.record.id));
    if (longest && holder && holder->since) {
      advice.watch_execution(sighting, *holder->since, *longest);
    }
  }

  // The same text with the same settings is the same program, but for what its maps became.
  static ProgramName name_of_program(const journal::ExecutionRecord& record) {
    return {record.program.hash, record.settings};
  }
  std::shared_ptr<const RecordedProgram> program_of_record(const journal::ExecutionRecord& record) {
    const auto found = programs_.find(name_of_program(record));
    if (found != programs_.end()) return found->second;
    auto program = std::make_shared<const RecordedProgram>(program_of(book_, record));
    if (uses_[name_of_program(record)] > 1 && program->dag.maps().empty()) {
      programs_.emplace(name_of_program(record), program);
    }
    return program;
  }

  void look_at(const Sighting& sighting, Advice& advice) {
    try {
      const std::shared_ptr<const RecordedProgram> read = program_of_record(sighting.record);
      const RecordedProgram& program = *read;
      const Inspection inspection = inspect(book_, sighting, program);
      for (const NodeIndex goal : goals_of(program)) {
        const NodeState state = inspection.states[goal].state;
        ++answer_.goals;
        if (state == NodeState::completed) ++answer_.goals_covered;
        if (state == NodeState::failed || state == NodeState::cancelled) ++answer_.critical_gaps;
      }
      const auto live = news_of(sighting);
      if (live) advice.watch_running(sighting, program, *live, book_.store.database());
      advice.advise({sighting, program, inspection, live});
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      is_damaged_ = true;
    }
  }

  void add_recent() {
    std::vector<const Sighting*> newest;
    for (const Sighting& sighting : sightings_) newest.push_back(&sighting);
    std::stable_sort(newest.begin(), newest.end(), [this](const Sighting* a, const Sighting* b) {
      return last_activity(*a, now_) > last_activity(*b, now_);
    });
    for (const Sighting* sighting : newest) {
      if (answer_.recent.size() >= query_.recent) break;
      try {
        add_recent_of(*sighting);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::damaged) throw;
      }
    }
    const auto time_of = [](const wire::RecentTask& task) {
      return task.completed_at.value_or(task.started_at.value_or(WallTime{}));
    };
    std::stable_sort(answer_.recent.begin(), answer_.recent.end(),
                     [&](const auto& a, const auto& b) { return time_of(a) > time_of(b); });
    if (answer_.recent.size() > query_.recent) answer_.recent.resize(query_.recent);
  }

  void add_recent_of(const Sighting& sighting) {
    const std::shared_ptr<const RecordedProgram> read = program_of_record(sighting.record);
    const RecordedProgram& program = *read;
    const auto no_digest = [](const journal::Outcome&) { return Digest{}; };
    const NodeStates states = states_of(book_, sighting, program, no_digest);
    const Inspection inspection = inspect(book_, sighting, program);
    std::vector<NodeIndex> touched;
    for (std::uint32_t i = 0; i < program.dag.size(); ++i) {
      if (states.is_touched({i})) touched.push_back({i});
    }
    const auto end_of = [&](NodeIndex node) { return states[node].at + states[node].took; };
    std::stable_sort(touched.begin(), touched.end(),
                     [&](NodeIndex a, NodeIndex b) { return end_of(a) > end_of(b); });
    if (touched.size() > query_.recent) touched.resize(query_.recent);
    for (const NodeIndex node : touched) {
      answer_.recent.push_back(recent_task(sighting, program, states[node], node));
      for (const TroubledNode& troubled : inspection.troubled) {
        if (troubled.node == node) answer_.recent.back().error = troubled.error;
      }
    }
  }

  wire::RecentTask recent_task(const Sighting& sighting, const RecordedProgram& program,
                               const NodeFigures& figures, NodeIndex node) const {
    wire::RecentTask task;
    task.name = program.dag.node(node).node_id;
    task.task_id = std::to_string(sighting.record.number.value) + '/' + task.name;
    task.status = status_word(figures.state);
    task.description = description_of(program.dag, node);
    const bool runs = figures.state == NodeState::running;
    if (!figures.has_ended && !runs) return task;
    task.started_at = sighting.record.submitted_at + figures.at;
    task.duration = runs ? now_ - *task.started_at : figures.took;
    if (!runs) task.completed_at = *task.started_at + figures.took;
    return task;
  }

  Book book_;
  const SitrepQuery& query_;
  WallTime now_;
  wire::SitrepAnswer answer_;
  std::vector<Sighting> sightings_;  // newest first
  Gates gates_;
  // Only of those that several executions run: memory that is touched costs as much as reading.
  std::map<ProgramName, std::shared_ptr<const RecordedProgram>> programs_;
  std::map<ProgramName, std::size_t> uses_;  // by open executions
  bool is_damaged_ = false;
};

}  // namespace

wire::SitrepAnswer sitrep_of(Book book, const SitrepQuery& query) {
  return Reporter(book, query).report();
}

wire::SitrepAnswer unreadable(const std::string& error, WallTime now) {
  wire::SitrepAnswer answer;
  answer.at = now;
  answer.last_update = now;
  answer.health = wire::Health::unknown;
  answer.error = error;
  return answer;
}

}  // namespace dsched::report
