// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "executor/outputs.h"
#include "report/recorded.h"
#include "session/examiner.h"

// dsched-stats executions, nodes and explain: lines of what is on record.

namespace dsched::cli {
namespace {

constexpr std::size_t k_piece = 64 * 1024;  // JSON lines are written in pieces of about this size

// Collects lines, so that a million of them are not a million writes.
class Lines {
 public:
  void add(std::string_view line) {
    text_ += line;
    text_ += '\n';
    if (text_.size() >= k_piece) flush();
  }
  void flush() {
    if (!text_.empty()) write_out(std::exchange(text_, {}));
  }

 private:
  std::string text_;
};

Digest digest_of(const journal::Outcome& outcome) {
  if (outcome.value) return executor::node_digest(sha256(*outcome.value), {});
  const auto outputs = session::output_records(outcome.outputs);
  return executor::node_digest(outcome.content.hash, outputs);
}

std::vector<engine::NodeState> states_from(const std::vector<std::string>& names) {
  using engine::NodeState;
  std::vector<NodeState> states;
  for (const NodeState state : {NodeState::pending, NodeState::running, NodeState::completed,
                                NodeState::failed, NodeState::cancelled}) {
    if (std::find(names.begin(), names.end(), name_of(state)) != names.end()) {
      states.push_back(state);
    }
  }
  return states;
}

std::string duration_cell(std::optional<Nanoseconds> duration) {
  return duration ? short_duration(*duration) : std::string();
}

void add_execution_row(Table& table, const wire::ExecutionLine& line, WallTime now) {
  const std::uint64_t settled = line.counts.completed + line.counts.failed + line.counts.cancelled;
  const WallTime end = line.finished_at.value_or(now);
  const bool has_end = line.finished_at || report::is_under_way(line.status);
  table.add(
      {std::to_string(line.execution),
       {std::string(name_of(line.status)), paint_of(line.status)},
       line.dag_id,
       std::to_string(settled) + "/" + std::to_string(line.counts.total),
       {line.counts.failed == 0 ? std::string() : std::to_string(line.counts.failed), Paint::red},
       std::to_string(line.counts.reused),
       {age_text(now - line.submitted_at), Paint::dim},
       duration_cell(has_end ? std::optional(end - line.submitted_at) : std::nullopt)});
}

void add_node_row(Table& table, const wire::NodeLine& line) {
  std::string exit;
  if (line.exit_code && *line.exit_code != 0) exit = std::to_string(*line.exit_code);
  table.add({std::string(line.node_id),
             {std::string(name_of(line.status)), paint_of(line.status)},
             std::string(name_of(line.reason)),
             std::string(line.operation),
             line.attempts == 0 ? std::string() : std::to_string(line.attempts),
             exit,
             duration_cell(line.started_at ? std::optional(line.wall) : std::nullopt),
             line.peak_memory_kib == 0 ? std::string()
                                       : std::to_string(line.peak_memory_kib / 1024) + "M"});
}

}  // namespace

int stats_executions(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  using Align = Column::Align;
  using Fit = Column::Fit;
  Table table({{"EXECUTION", Align::right, Fit::whole},
               {"STATUS", Align::left, Fit::whole},
               {"DAG", Align::left, Fit::shrinks},
               {"NODES", Align::right, Fit::whole},
               {"FAILED", Align::right, Fit::whole},
               {"REUSED", Align::right, Fit::whole},
               {"SUBMITTED", Align::right, Fit::whole},
               {"TOOK", Align::right, Fit::whole}},
              output_style(context), output_width(), write_out);
  Lines lines;
  const WallTime now = opened.clock.wall();
  std::size_t left = command.limit.value_or(std::numeric_limits<std::size_t>::max());
  const auto is_asked_for = [&](engine::ExecutionStatus status) {
    return command.statuses.empty() || std::find(command.statuses.begin(), command.statuses.end(),
                                                 name_of(status)) != command.statuses.end();
  };
  const bool filtered = !command.statuses.empty() || !command.dag.empty();
  std::vector<journal::ExecutionRecord> records;
  opened.journal.each(filtered ? std::numeric_limits<std::uint32_t>::max()
                               : std::min<std::size_t>(left, UINT32_MAX),
                      [&](const journal::ExecutionRecord& record) {
                        if (!command.dag.empty() && record.dag_id != command.dag) return;
                        records.push_back(record);
                      });
  for (const journal::ExecutionRecord& record : records) {
    const report::Sighting sighting = sight(book, record);
    if (!is_asked_for(sighting.status())) continue;
    if (left-- == 0) break;
    const wire::ExecutionLine line = execution_line(sighting.record, sighting.runner);
    if (context.json) {
      lines.add(to_json(line));
    } else {
      add_execution_row(table, line, now);
    }
  }
  lines.flush();
  table.finish();
  return 0;
}

int stats_nodes(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  const auto record = find_execution(book, command.execution);
  using Align = Column::Align;
  using Fit = Column::Fit;
  Table table({{"NODE", Align::left, Fit::shrinks},
               {"STATUS", Align::left, Fit::whole},
               {"REASON", Align::left, Fit::whole},
               {"OPERATION", Align::left, Fit::shrinks},
               {"ATTEMPTS", Align::right, Fit::whole},
               {"EXIT", Align::right, Fit::whole},
               {"TOOK", Align::right, Fit::whole},
               {"MEMORY", Align::right, Fit::whole}},
              output_style(context), output_width(), write_out);
  Lines lines;
  report::NodeFilter filter{states_from(command.statuses)};
  each_node(book, record, filter, digest_of, [&](const wire::NodeLine& line) {
    if (context.json) {
      lines.add(to_json(line));
    } else {
      add_node_row(table, line);
    }
  });
  lines.flush();
  table.finish();
  return 0;
}

int stats_explain(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  const auto record = find_execution(book, command.execution);
  Table table({{"NODE", Column::Align::left, Column::Fit::shrinks},
               {"WAITS FOR", Column::Align::left, Column::Fit::whole},
               {"", Column::Align::left, Column::Fit::shrinks}},
              output_style(context), output_width(), write_out);
  Lines lines;
  each_waiting(book, record, command.node, [&](const wire::WaitingLine& line) {
    if (context.json) {
      lines.add(to_json(line));
    } else {
      table.add({std::string(line.node_id), std::string(line.waits_for), line.explanation});
    }
  });
  lines.flush();
  table.finish();
  return 0;
}

}  // namespace dsched::cli
