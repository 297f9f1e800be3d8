// SPDX-License-Identifier: Apache-2.0
#include "cli/bar.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"
#include "cli/terminal_text.h"

namespace dsched::cli {
namespace {

using session::Counts;
using session::NodeChange;
using session::Progress;
using session::RunningNode;

constexpr std::chrono::milliseconds k_between_redraws{100};
constexpr std::chrono::seconds k_between_ticks{1};  // the clocks of running nodes
constexpr std::size_t k_bar_columns_min = 8;
constexpr std::size_t k_bar_columns_max = 40;
constexpr std::size_t k_elapsed_columns = 7;  // "  3m05s", the widest that is common

// A piece of the first line. When the line gets too long, the piece with the highest rank goes.
struct Piece {
  std::string text;
  Paint paint = Paint::plain;
  int rank = 0;
};

std::string counted(std::uint64_t number, std::string_view what) {
  return grouped(number) + " " + std::string(what);
}

std::vector<Piece> pieces_of(const Progress& progress) {
  const Counts& counts = progress.counts;
  std::vector<Piece> pieces;
  std::string percent = std::to_string(static_cast<int>(std::floor(progress.percentage)));
  percent.insert(0, 3 - std::min<std::size_t>(percent.size(), 3), ' ');
  pieces.push_back({percent + "%", Paint::bold, 0});
  pieces.push_back({grouped(counts.completed) + "/" + grouped(counts.total), Paint::plain, 1});
  if (counts.failed > 0) pieces.push_back({counted(counts.failed, "failed"), Paint::red, 2});
  pieces.push_back({counted(counts.running, "running"), Paint::plain, 4});
  if (counts.reused > 0) pieces.push_back({counted(counts.reused, "reused"), Paint::cyan, 6});
  if (counts.cancelled > 0)
    pieces.push_back({counted(counts.cancelled, "cancelled"), Paint::yellow, 5});
  if (progress.remaining)
    pieces.push_back({"ETA " + short_duration(*progress.remaining), Paint::plain, 3});
  return pieces;
}

std::size_t width_of(const std::vector<Piece>& pieces) {
  std::size_t width = 0;
  for (const Piece& piece : pieces) width += piece.text.size() + 2;  // pieces are ASCII
  return width == 0 ? 0 : width - 2;
}

void drop_until_it_fits(std::vector<Piece>& pieces, std::size_t columns) {
  while (pieces.size() > 1 && width_of(pieces) > columns) {
    pieces.erase(std::max_element(pieces.begin(), pieces.end(),
                                  [](const Piece& a, const Piece& b) { return a.rank < b.rank; }));
  }
}

std::string bar_of(const Progress& progress, std::size_t columns, Style style) {
  const std::size_t inner = columns - 2;
  const double share = std::clamp(progress.percentage, 0.0, 100.0) / 100.0;
  const auto full = static_cast<std::size_t>(share * static_cast<double>(inner));
  std::string done;
  std::string open;
  for (std::size_t i = 0; i < inner; ++i) {
    if (i < full) {
      done += style.symbols ? "█" : "#";
    } else {
      open += style.symbols ? "░" : ".";
    }
  }
  const Paint paint = progress.counts.failed > 0 ? Paint::red : Paint::green;
  return "[" + painted(done, paint, style) + painted(open, Paint::dim, style) + "]";
}

std::string first_line(const Progress& progress, std::size_t columns, Style style) {
  std::vector<Piece> pieces = pieces_of(progress);
  drop_until_it_fits(pieces, columns);
  if (width_of(pieces) > columns) return cut_to_width(pieces.front().text, columns, "");
  std::string line;
  const std::size_t left = columns - width_of(pieces);
  if (left >= k_bar_columns_min + 1)
    line = bar_of(progress, std::min(left - 1, k_bar_columns_max), style) + " ";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) line += "  ";
    line += painted(pieces[i].text, pieces[i].paint, style);
  }
  return line;
}

std::string remarks_on(const RunningNode& node) {
  std::string remarks;
  const auto add = [&](const std::string& remark) {
    remarks += remarks.empty() ? "" : ", ";
    remarks += remark;
  };
  if (node.suspended) add("suspended");
  if (node.attempt > 1) add("attempt " + std::to_string(node.attempt));
  if (node.expected) add("usually " + short_duration(*node.expected));
  return remarks.empty() ? "" : " (" + remarks + ")";
}

std::string node_line(const RunningNode& node, Instant now, std::size_t columns, Style style) {
  std::string elapsed = short_duration(std::max(now - node.started, Nanoseconds{0}));
  if (elapsed.size() < k_elapsed_columns)
    elapsed.insert(0, k_elapsed_columns - elapsed.size(), ' ');
  elapsed += "  ";
  if (elapsed.size() >= columns) return cut_to_width(elapsed, columns, "");
  const std::string name = escape_for_terminal(node.node_id);
  const std::string remarks = remarks_on(node);
  const std::size_t room = columns - elapsed.size();
  std::string line = painted(elapsed, Paint::dim, style);
  if (text_width(name) + remarks.size() <= room)
    return line + name + painted(remarks, Paint::dim, style);
  return line + cut_to_width(name, room, style.symbols ? "…" : "...");
}

// The bytes that put a frame where the cursor stands and lead the cursor back to its start. Lines
// end by erasing the rest of their row, so the old frame is overwritten without a blank moment.
std::string placed(std::string_view frame) {
  std::string bytes = "\x1b[?7l\r";  // no line wrapping
  std::size_t ends = 0;
  for (const char c : frame) {
    if (c == '\n') {
      bytes += "\x1b[K\r\n";
      ++ends;
    } else {
      bytes += c;
    }
  }
  bytes += "\x1b[J";
  if (ends > 0) bytes += "\x1b[" + std::to_string(ends) + "A";
  return bytes + "\r\x1b[?7h";
}

// The first lines of the frame, as many as leave the screen a row.
std::string_view lowered(std::string_view frame, sys::TerminalSize size) {
  std::size_t end = 0;
  for (std::uint16_t row = 1; row < size.rows || row == 1; ++row) {
    end = frame.find('\n', end);
    if (end == std::string_view::npos) return frame;
    if (row + 1 >= size.rows) break;
    ++end;
  }
  return frame.substr(0, end);
}

// How many lines running nodes may take: a third of the rows, but one where there is room at all.
std::size_t node_lines_max(sys::TerminalSize size) {
  if (size.rows < 3) return 0;
  return std::max<std::size_t>(size.rows / 3U, 1);
}

}  // namespace

std::string draw(const Progress& progress, sys::TerminalSize size, Style style) {
  const std::size_t columns = size.columns > 1 ? size.columns - 1U : 1U;
  std::string frame = first_line(progress, columns, style);
  const std::size_t lines_max = node_lines_max(size);
  const std::uint64_t running =
      std::max<std::uint64_t>(progress.counts.running, progress.running.size());
  // A lone line is better spent on the longest running node than on saying that there are more.
  const bool all_fit = running <= lines_max || lines_max < 2;
  const std::size_t shown =
      std::min<std::size_t>(progress.running.size(), all_fit ? lines_max : lines_max - 1);
  for (const RunningNode& node : progress.running.first(shown))
    frame += "\n" + node_line(node, progress.now, columns, style);
  if (!all_fit) {
    const std::string more = std::string(k_elapsed_columns + 2, ' ') +
                             (style.symbols ? "… and " : "... and ") + grouped(running - shown) +
                             " more";
    frame += "\n" + cut_to_width(more, columns, "");
  }
  return frame;
}

BarDisplay::BarDisplay(std::unique_ptr<sys::Screen> screen, Style style)
    : screen_(std::move(screen)), style_(style) {}

void BarDisplay::began(const Progress& progress) {
  // An execution shorter than this shows its summary only, without a flicker before it.
  next_redraw_ = progress.now + k_between_redraws;
  wake_up_ = next_redraw_;
}

void BarDisplay::node(const session::NodeReport& report, const Progress&) {
  if (report.change == NodeChange::failed) show_above(failure_block(report, style_));
  const bool is_told = report.change == NodeChange::retrying ||
                       (report.change == NodeChange::started && !report.explanation.empty());
  if (is_told) show_above(describe(report, style_) + "\n");
}

void BarDisplay::progress(const Progress& progress) {
  if (progress.now >= next_redraw_) {
    redraw(progress);
  } else {
    wake_up_ = next_redraw_;
  }
}

void BarDisplay::note(std::string_view line) {
  show_above(note_line(line));
}

void BarDisplay::pause() {
  screen_->write("\r\x1b[J");
  frame_.clear();
}

void BarDisplay::ended(const Progress& progress, std::string_view status, Nanoseconds wall) {
  screen_->write("\r\x1b[J" + summary_line(progress, status, wall, style_) + "\n");
  frame_.clear();
  wake_up_.reset();
}

void BarDisplay::redraw(const Progress& progress) {
  frame_ = draw(progress, screen_->size(), style_);
  screen_->write(placed(frame_));
  next_redraw_ = progress.now + k_between_redraws;
  wake_up_ = progress.now + k_between_ticks;
}

// Writes whole lines where the frame stands, and the frame, as it was, below them. The terminal may
// have become lower since it was drawn.
void BarDisplay::show_above(std::string_view text) {
  std::string bytes = "\r\x1b[J";
  for (const char c : text) bytes += c == '\n' ? std::string("\r\n") : std::string(1, c);
  if (!frame_.empty()) bytes += placed(lowered(frame_, screen_->size()));
  screen_->write(bytes);
}

}  // namespace dsched::cli
