// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
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

std::vector<std::string> head_lines(const wire::SitrepAnswer& answer, Style style) {
  std::vector<std::string> lines;
  std::string first = painted(name_of(answer.health), paint_of(answer.health), style);
  if (answer.is_crisis()) first += painted(" CRISIS", Paint::red, style);
  first += ", " + std::string(wire::defense_level(answer.coverage()));
  if (answer.goals > 0) {
    first += ": " + grouped(answer.goals_covered) + " of " + grouped(answer.goals) +
             " goals of open executions are reached";
  }
  lines.push_back(std::move(first));
  const engine::Counts& counts = answer.counts;
  lines.push_back("nodes: " + grouped(counts.running) + " running, " + grouped(counts.pending()) +
                  " pending, " + grouped(counts.failed) + " failed, " + grouped(counts.completed) +
                  " completed; slots " +
                  std::to_string(std::lround(answer.slot_utilization * 100)) + "% in use");
  if (!answer.error.empty()) lines.push_back(escape_for_terminal(answer.error));
  return lines;
}

std::vector<std::string> lines_of(const wire::SitrepAnswer& answer, Style style) {
  std::vector<std::string> lines = head_lines(answer, style);
  for (const wire::ImmediateAction& action : answer.actions) {
    lines.push_back(painted("do    ", Paint::bold, style) + escape_for_terminal(action.reason));
    lines.push_back("        " + escape_for_terminal(action.command));
  }
  for (const wire::StandingStill& still : answer.still) {
    lines.push_back(painted("still ", Paint::bold, style) + std::to_string(still.execution) + " (" +
                    escape_for_terminal(still.dag_id) +
                    "): " + escape_for_terminal(still.explanation));
  }
  for (const wire::WatchItem& item : answer.watch) {
    lines.push_back(painted("watch ", Paint::bold, style) + escape_for_terminal(item.object) + " " +
                    escape_for_terminal(item.reason));
  }
  for (const wire::RecentTask& task : answer.recent) {
    const auto at = task.completed_at ? task.completed_at : task.started_at;
    lines.push_back(painted("last  ", Paint::dim, style) + escape_for_terminal(task.task_id) + " " +
                    std::string(task.status) + (at ? ", " + age_text(answer.at - *at) : "") +
                    (task.error.empty() ? "" : ": " + escape_for_terminal(task.error)));
  }
  return lines;
}

// No more lines than there is room for; off a terminal all of them.
std::string screenful(std::vector<std::string> lines) {
  if (output_is_terminal()) {
    const std::size_t rows = std::max<std::size_t>(sys::screen_on(k_output)->size().rows, 4);
    const std::size_t room = rows - 2;  // the prompt, and what is said of the rest
    if (lines.size() > room) {
      const std::size_t rest = lines.size() - room;
      lines.resize(room);
      lines.push_back("and " + std::to_string(rest) + " more lines: --format json has all");
    }
  }
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
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
      query.store_option = " --store " + report::shell_word(opened.store.identity().folder);
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
    write_out(screenful(lines_of(answer, output_style(context))));
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
