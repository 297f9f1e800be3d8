// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "cli/terminal_text.h"

namespace dsched::cli {
namespace {

constexpr std::size_t k_gap = 2;         // columns between two cells
constexpr std::size_t k_shrunk_min = 8;  // narrower, and nothing can be recognised
constexpr std::size_t k_written_max = 1 << 16;

std::size_t line_width(const std::vector<std::size_t>& widths) {
  const std::size_t cells = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
  return widths.empty() ? 0 : cells + k_gap * (widths.size() - 1);
}

}  // namespace

Table::Table(std::vector<Column> columns, Style style, std::optional<std::size_t> width,
             Write write)
    : columns_(std::move(columns)), style_(style), width_(width), write_(std::move(write)) {}

void Table::add(std::vector<Cell> cells) {
  DSCHED_ASSERT(cells.size() == columns_.size(), "a row has a cell per column");
  for (Cell& cell : cells) cell.text = escape_for_terminal(cell.text);
  if (!widths_.empty()) return write_(line_of(cells));
  waiting_.push_back(std::move(cells));
  if (waiting_.size() == k_rows_measured) finish();
}

void Table::finish() {
  if (waiting_.empty()) return;
  fix_widths();
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Paint::bold);
  std::string text = line_of(titles);
  for (const std::vector<Cell>& cells : waiting_) {
    text += line_of(cells);
    if (text.size() >= k_written_max) write_(std::exchange(text, {}));
  }
  waiting_.clear();
  if (!text.empty()) write_(text);
}

void Table::fix_widths() {
  widths_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = text_width(columns_[i].title);
    for (const std::vector<Cell>& cells : waiting_) {
      widest = std::max(widest, text_width(cells[i].text));
    }
    widths_.push_back(widest);
  }
  while (width_ && line_width(widths_) > *width_) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool may = columns_[i].fit == Column::Fit::shrinks && widths_[i] > k_shrunk_min;
      if (may && (!widest || widths_[i] > widths_[*widest])) widest = i;
    }
    if (!widest) return;  // a line that wraps is better than one that says nothing
    --widths_[*widest];
  }
}

std::string Table::line_of(const std::vector<Cell>& cells) const {
  std::string line;
  std::size_t owed = 0;  // blanks that are written only when something follows
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool may_cut = columns_[i].fit == Column::Fit::shrinks && width_;
    const std::string text =
        may_cut ? cut_to_width(cells[i].text, widths_[i], style_.symbols ? "…" : "...")
                : cells[i].text;
    const std::size_t width = text_width(text);
    const std::size_t blanks = widths_[i] > width ? widths_[i] - width : 0;
    const bool right = columns_[i].align == Column::Align::right;
    if (right) owed += blanks;
    if (!text.empty()) {
      line.append(owed, ' ');
      owed = 0;
      line += painted(text, cells[i].paint, style_);
    }
    owed += k_gap + (right ? 0 : blanks);
  }
  return line + '\n';
}

}  // namespace dsched::cli
