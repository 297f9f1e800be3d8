// SPDX-License-Identifier: Apache-2.0
#include "cli/stats_text.h"

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"
#include "sys/terminal.h"

namespace dsched::cli {
namespace {

constexpr int k_answers = 1;  // standard output

}  // namespace

bool output_is_terminal() {
  return sys::is_terminal(k_answers);
}

OpenedStore open_for_stats(const StatsCommand& command, const Context& context) {
  return {context, store::Mode::read_only,
          command.trust_store ? store::Trust::adopt : store::Trust::own};
}

Style output_style(const Context& context) {
  const OutputKind kind = output_is_terminal() ? OutputKind::terminal : OutputKind::other;
  return choose_style(context.options.color, terminal_environment(), kind);
}

std::optional<std::size_t> output_width() {
  if (!output_is_terminal()) return std::nullopt;
  return sys::screen_on(k_answers)->size().columns;
}

WallTime since_from(const std::string& text, WallTime now) {
  if (const auto time = wall_from_rfc3339(text)) return *time;
  if (const auto age = duration_from_text(text)) return now - *age;
  throw Error(ErrorKind::usage, "--since " + text +
                                    ": neither a time such as 2026-11-20T08:00:00Z nor an age such "
                                    "as 10m");
}

Paint paint_of(engine::ExecutionStatus status) {
  switch (status) {
    case engine::ExecutionStatus::completed:
      return Paint::green;
    case engine::ExecutionStatus::failed:
      return Paint::red;
    case engine::ExecutionStatus::running:
    case engine::ExecutionStatus::submitted:
      return Paint::cyan;
    default:
      return Paint::yellow;
  }
}

Paint paint_of(engine::NodeState state) {
  switch (state) {
    case engine::NodeState::completed:
      return Paint::green;
    case engine::NodeState::failed:
      return Paint::red;
    case engine::NodeState::running:
      return Paint::cyan;
    case engine::NodeState::cancelled:
      return Paint::yellow;
    case engine::NodeState::pending:
      break;
  }
  return Paint::plain;
}

std::string age_text(Nanoseconds age) {
  return age < std::chrono::seconds{1} ? "now" : short_duration(age) + " ago";
}

std::string progress_sentence(const wire::ProgressAnswer& answer, WallTime now) {
  const engine::Counts& counts = answer.counts;
  std::string line = escape_for_terminal(answer.dag_id) + " " +
                     wire::percentage_text(answer.percentage) + "%: " + grouped(counts.completed) +
                     " of " + grouped(counts.total) + " nodes completed";
  if (counts.reused > 0) line += " (" + grouped(counts.reused) + " reused)";
  const auto add = [&line](std::uint64_t count, const char* what) {
    if (count > 0) line += ", " + grouped(count) + what;
  };
  add(counts.failed, " failed");
  add(counts.cancelled, " cancelled");
  add(counts.running, " running");
  add(counts.pending(), " pending");
  if (answer.estimated_completion && *answer.estimated_completion > now) {
    line += "; done in about " + short_duration(*answer.estimated_completion - now);
  }
  return line;
}

}  // namespace dsched::cli
