// SPDX-License-Identifier: Apache-2.0
#include "cli/plain.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"

namespace dsched::cli {
namespace {

using session::Counts;
using session::NodeChange;
using session::NodeReport;
using session::Progress;

constexpr std::chrono::seconds k_silence_max{30};
constexpr std::chrono::seconds k_second{1};
constexpr std::size_t k_named_nodes_max = 3;
constexpr std::size_t k_buffer_bytes_max = 1U << 16U;

// "[12/30] ": how many nodes are settled.
std::string prefix(const Progress& progress) {
  const Counts& counts = progress.counts;
  return "[" + std::to_string(counts.completed + counts.failed + counts.cancelled) + "/" +
         std::to_string(counts.total) + "] ";
}

std::string longest_running(const Progress& progress) {
  std::string out;
  const std::size_t named = std::min(progress.running.size(), k_named_nodes_max);
  for (const session::RunningNode& node : progress.running.first(named)) {
    out += out.empty() ? "" : ", ";
    out += escape_for_terminal(node.node_id) + " (" + short_duration(progress.now - node.started) +
           (node.suspended ? ", suspended)" : ")");
  }
  const std::uint64_t running =
      std::max<std::uint64_t>(progress.counts.running, progress.running.size());
  if (running > named) out += " and " + grouped(running - named) + " more";
  return out;
}

}  // namespace

PlainDisplay::PlainDisplay(std::unique_ptr<sys::Screen> screen, Style style)
    : screen_(std::move(screen)), style_(style) {}

void PlainDisplay::began(const Progress& progress) {
  second_began_ = progress.now;
  last_line_ = progress.now;
}

void PlainDisplay::node(const NodeReport& report, const Progress& progress) {
  if (report.change == NodeChange::failed) {
    tell_counted(progress);
    add_line(failure_block(report, style_), progress);
    flush();
    return;
  }
  if (report.change == NodeChange::retrying) {
    add_line(describe(report, style_) + "\n", progress);
    return;
  }
  if (progress.now - second_began_ >= k_second) {
    tell_counted(progress);
    second_began_ = progress.now;
    lines_in_second_ = 0;
  }
  if (report.change == NodeChange::reused || lines_in_second_ >= k_lines_per_second_max) {
    count(report.change);
    return;
  }
  ++lines_in_second_;
  add_line(describe(report, style_) + "\n", progress);
}

void PlainDisplay::progress(const Progress& progress) {
  if (progress.now - second_began_ >= k_second) tell_counted(progress);
  tell_silence(progress);
  flush();
}

void PlainDisplay::note(std::string_view line) {
  pending_ += note_line(line);
  flush();
}

std::optional<Instant> PlainDisplay::wake_up() const {
  if (ended_) return std::nullopt;
  if (counted_ != Counted{}) return second_began_ + k_second;
  return last_line_ + k_silence_max;
}

void PlainDisplay::ended(const Progress& progress, std::string_view status, Nanoseconds wall) {
  tell_counted(progress);
  pending_ += summary_line(progress, status, wall, style_) + "\n";
  flush();
  ended_ = true;
}

void PlainDisplay::count(NodeChange change) {
  switch (change) {
    case NodeChange::reused:
      ++counted_.reused;
      break;
    case NodeChange::started:
      ++counted_.started;
      break;
    case NodeChange::completed:
      ++counted_.completed;
      break;
    case NodeChange::cancelled:
      ++counted_.cancelled;
      break;
    case NodeChange::failed:
    case NodeChange::retrying:
      break;  // these always have lines of their own
  }
}

void PlainDisplay::tell_counted(const Progress& progress) {
  std::string line;
  const auto add = [&](std::uint64_t number, std::string_view what) {
    if (number == 0) return;
    line += line.empty() ? "" : ", ";
    line += grouped(number) + (number == 1 ? " node " : " nodes ") + std::string(what);
  };
  add(counted_.reused, "reused");
  add(counted_.completed, "completed");
  add(counted_.started, "started");
  add(counted_.cancelled, "cancelled");
  counted_ = {};
  if (!line.empty()) add_line(line + "\n", progress);
}

void PlainDisplay::tell_silence(const Progress& progress) {
  if (progress.now - last_line_ < k_silence_max) return;
  const std::string nodes = longest_running(progress);
  add_line(nodes.empty() ? "nothing is running\n" : "still running: " + nodes + "\n", progress);
}

// `text` is one line or a failure's block, its end included.
void PlainDisplay::add_line(std::string_view text, const Progress& progress) {
  last_line_ = progress.now;
  pending_ += prefix(progress);
  pending_ += text;
  if (pending_.size() > k_buffer_bytes_max) flush();
}

void PlainDisplay::flush() {
  if (pending_.empty()) return;
  screen_->write(pending_);
  pending_.clear();
}

}  // namespace dsched::cli
