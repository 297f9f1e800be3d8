// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_text.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"

namespace dsched::cli {
namespace {

using session::Counts;
using session::NodeChange;
using session::NodeReport;

// The lines of a text as they may stand in a terminal: tabs become spaces, the rest is escaped, and
// a very long line is cut (at a whole character).
std::vector<std::string> shown_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string_view head = line.substr(0, k_shown_line_bytes_max);
    std::string spaced;
    for (const char c : head) spaced += c == '\t' ? std::string("    ") : std::string(1, c);
    const std::size_t bad = find_invalid_utf8(spaced).value_or(spaced.size());
    const bool cut = head.size() < line.size();
    // Cutting may have split the last character; it is dropped rather than shown as bytes.
    if (cut && spaced.size() - bad < 4) spaced.resize(bad);
    lines.push_back(escape_for_terminal(spaced) + (cut ? " ..." : ""));
  }
  return lines;
}

std::string_view ellipsis(Style style) {
  return style.symbols ? "…" : "...";
}

void append_lines(std::string& out, const std::vector<std::string>& lines, std::size_t first) {
  for (std::size_t i = first; i < lines.size(); ++i) out += "    " + lines[i] + "\n";
}

std::string attempt_suffix(const NodeReport& report) {
  return report.attempt > 1 ? " (attempt " + std::to_string(report.attempt) + ")" : "";
}

std::string cause_suffix(std::string_view cause) {
  return cause.empty() ? "" : ": " + escape_for_terminal(cause);
}

Paint paint_of_word(std::string_view status) {
  if (status == "completed") return Paint::green;
  if (status == "failed") return Paint::red;
  return Paint::yellow;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string describe(const NodeReport& report, Style style) {
  std::string node = escape_for_terminal(report.node_id);
  const std::string wall = short_duration(report.wall);
  switch (report.change) {
    case NodeChange::started:
      return node + " started" + attempt_suffix(report) + cause_suffix(report.explanation);
    case NodeChange::completed:
      return node + painted(" completed", Paint::green, style) + " in " + wall;
    case NodeChange::reused:
      return node + painted(" reused", Paint::cyan, style);
    case NodeChange::failed:
      return node + painted(" failed", Paint::red, style) + " after " + wall +
             attempt_suffix(report) + cause_suffix(report.cause);
    case NodeChange::retrying:
      return node + painted(" retries", Paint::yellow, style) + " in " +
             short_duration(report.retry_in) + cause_suffix(report.cause) + " (attempt " +
             std::to_string(report.attempt) + ")";
    case NodeChange::cancelled:
      return node + painted(" cancelled", Paint::yellow, style) + cause_suffix(report.cause);
  }
  return node;
}

std::string failure_block(const NodeReport& report, Style style) {
  std::string out = describe(report, style) + "\n";
  if (!report.command.empty()) {
    std::vector<std::string> command = shown_lines(report.command);
    out += "  command:\n";
    if (command.size() > k_shown_command_lines_max) {
      command.resize(k_shown_command_lines_max);
      command.emplace_back(ellipsis(style));
    }
    append_lines(out, command, 0);
  }
  // Test programs and compilers report on either of the two.
  for (const auto& [name, text] :
       {std::pair{"output", report.output_tail}, std::pair{"log", report.log_tail}}) {
    const std::vector<std::string> lines = shown_lines(text);
    if (lines.empty()) continue;
    const std::size_t skipped = lines.size() - std::min(lines.size(), k_shown_log_lines_max);
    out += std::string(skipped == 0 ? "  " : "  last lines of the ") + name + ":\n";
    append_lines(out, lines, skipped);
  }
  return out;
}

std::string summary_line(const session::Progress& progress, std::string_view status,
                         Nanoseconds wall, Style style) {
  const Counts& counts = progress.counts;
  std::string out = escape_for_terminal(progress.dag_id) + " " +
                    painted(escape_for_terminal(status), paint_of_word(status), style) + " after " +
                    short_duration(wall) + ": " + grouped(counts.completed) + " of " +
                    grouped(counts.total) + (counts.total == 1 ? " node" : " nodes") + " completed";
  if (counts.reused > 0) out += " (" + grouped(counts.reused) + " reused)";
  if (counts.failed > 0)
    out += ", " + painted(grouped(counts.failed) + " failed", Paint::red, style);
  if (counts.cancelled > 0) out += ", " + grouped(counts.cancelled) + " cancelled";
  const std::uint64_t waiting = counts.pending + counts.running;
  if (waiting > 0) out += ", " + grouped(waiting) + " not run";
  if (progress.execution > 0) out += "; execution " + std::to_string(progress.execution);
  return out;
}

std::string note_line(std::string_view line) {
  return "dsched-run: " + escape_for_terminal(line) + "\n";
}

}  // namespace dsched::cli
