// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "cli/terminal_text.h"
#include "report/sitrep.h"
#include "sys/cpus.h"
#include "sys/disk_space.h"
#include "sys/terminal.h"
#include "sys/wait_readable.h"

// dsched-stats sitrep: how things stand, the worst first, on one screen.

namespace dsched::cli {
namespace {

constexpr int k_output = 1;
constexpr Nanoseconds k_refresh = std::chrono::seconds{2};

Paint paint_of(wire::Health health) {
  switch (health) {
    case wire::Health::healthy:
      return Paint::green;
    case wire::Health::degraded:
      return Paint::yellow;
    case wire::Health::critical:
    case wire::Health::unknown:
      return Paint::red;
  }
  return Paint::plain;
}

struct ReportLine {
  std::string label;
  Paint paint = Paint::plain;                                   // of the label
  std::string text;                                             // escaped
  enum class Fit : std::uint8_t { cut, whole } fit = Fit::cut;  // whole: somebody will paste it
};

std::vector<ReportLine> head_lines(const wire::SitrepAnswer& answer) {
  std::string health(name_of(answer.health));
  if (answer.is_crisis()) health += " CRISIS";
  std::string level = ", " + std::string(wire::defense_level(answer.coverage()));
  if (answer.goals > 0) {
    level += ": " + grouped(answer.goals_covered) + " of " + grouped(answer.goals) +
             " goals of open executions are reached";
  }
  const engine::Counts& counts = answer.counts;
  std::vector<ReportLine> lines{
      {std::move(health), paint_of(answer.health), std::move(level)},
      {{},
       {},
       "nodes: " + grouped(counts.running) + " running, " + grouped(counts.pending()) +
           " pending, " + grouped(counts.failed) + " failed, " + grouped(counts.completed) +
           " completed; slots " + std::to_string(std::lround(answer.slot_utilization * 100)) +
           "% in use"}};
  if (!answer.error.empty()) lines.push_back({{}, {}, escape_for_terminal(answer.error)});
  return lines;
}

std::vector<ReportLine> lines_of(const wire::SitrepAnswer& answer) {
  std::vector<ReportLine> lines = head_lines(answer);
  for (const wire::ImmediateAction& action : answer.actions) {
    lines.push_back({"do    ", Paint::bold, escape_for_terminal(action.reason)});
    lines.push_back({"        ", {}, escape_for_terminal(action.command), ReportLine::Fit::whole});
  }
  for (const wire::StandingStill& still : answer.still) {
    lines.push_back({"still ", Paint::bold,
                     std::to_string(still.execution) + " (" + escape_for_terminal(still.dag_id) +
                         "): " + escape_for_terminal(still.explanation)});
  }
  for (const wire::WatchItem& item : answer.watch) {
    lines.push_back({"watch ", Paint::bold,
                     escape_for_terminal(item.object) + " " + escape_for_terminal(item.reason)});
  }
  for (const wire::RecentTask& task : answer.recent) {
    const auto at = task.completed_at ? task.completed_at : task.started_at;
    lines.push_back({"last  ", Paint::dim,
                     escape_for_terminal(task.task_id) + " " + std::string(task.status) +
                         (at ? ", " + age_text(answer.at - *at) : "") +
                         (task.error.empty() ? "" : ": " + escape_for_terminal(task.error))});
  }
  return lines;
}

// As it is written, and how many rows of a terminal that takes.
struct ShownLine {
  std::string text;
  std::size_t rows = 1;
};
ShownLine shown_line(const ReportLine& line, std::size_t columns, Style style) {
  const std::string label = painted(line.label, line.paint, style);
  const std::size_t before = text_width(line.label);
  if (line.fit == ReportLine::Fit::whole) {
    const std::size_t width = before + text_width(line.text);
    return {label + line.text, std::max<std::size_t>((width + columns - 1) / columns, 1)};
  }
  const std::size_t room = columns - std::min(before, columns);
  return {label + cut_to_width(line.text, room, style.symbols ? "\u2026" : "..."), 1};
}

// No more than there is room for; off a terminal all of it.
std::string report_text(const std::vector<ReportLine>& lines, Style style) {
  std::string text;
  if (!output_is_terminal()) {
    for (const ReportLine& line : lines) {
      text += painted(line.label, line.paint, style) + line.text + '\n';
    }
    return text;
  }
  const sys::TerminalSize size = sys::screen_on(k_output)->size();
  const std::size_t columns = std::max<std::size_t>(size.columns, 20);
  std::size_t room =
      std::max<std::size_t>(size.rows, 4) - 2;  // the prompt; what is said of the rest
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ShownLine one = shown_line(lines[i], columns, style);
    if (one.rows > room) {
      const std::string rest = "and " + std::to_string(lines.size() - i) + " more lines: ";
      return text + cut_to_width(rest + "--format json has all", columns, "...") + '\n';
    }
    room -= one.rows;
    text += one.text + '\n';
  }
  return text;
}

bool is_about_reading(ErrorKind kind) {
  return kind == ErrorKind::storage || kind == ErrorKind::damaged || kind == ErrorKind::busy ||
         kind == ErrorKind::environment || kind == ErrorKind::untrusted_store;
}

wire::SitrepAnswer look(const StatsCommand& command, Context& context) {
  try {
    OpenedStore opened = open_for_stats(command, context);
    const report::Book book{opened.store, opened.journal};
    report::SitrepQuery query;
    query.recent = command.recent;
    query.user = sys::user_name();
    query.slot_utilization = slot_utilization(context, opened, living_executions(book));
    query.disk = sys::disk_space(opened.store.identity().folder);
    const bool is_named = !context.options.store.empty() || !context.options.folder.empty();
    if (is_named) {
      query.store_option = " --store " + shell_word(opened.store.identity().folder);
    }
    return report::sitrep_of(book, query);
  } catch (const Error& error) {
    if (!is_about_reading(error.kind())) throw;
    tell_error(context, error);
    return report::unreadable(error.what(), sys::PosixClock().wall());
  }
}

int show(const wire::SitrepAnswer& answer, const Context& context) {
  if (context.json) {
    write_out(to_json(answer, context.layout()) + '\n');
  } else {
    write_out(report_text(lines_of(answer), output_style(context)));
  }
  return static_cast<int>(answer.error.empty() ? Exit::done : Exit::surroundings);
}

}  // namespace

int stats_sitrep(const StatsCommand& command, Context& context) {
  if (!command.watch) return show(look(command, context), context);
  if (!output_is_terminal() || context.json) {
    throw Error(ErrorKind::usage, "--watch: only for a terminal, as text");
  }
  constexpr std::string_view k_clear = "\x1b[H\x1b[J";
  const sys::PosixClock clock;
  while (true) {
    const wire::SitrepAnswer answer = look(command, context);
    write_out(k_clear);
    (void)show(answer, context);
    sys::wait_readable({}, clock.now() + k_refresh);
  }
}

}  // namespace dsched::cli
