// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables for people: columns as wide as what stands in them, numbers to the right, and lines no
// longer than the terminal where there is one.
//
// The widths are fixed by the first k_rows_measured rows, so a table of a million rows is written
// as it comes. Where a line would be too long, the columns that may shrink are cut, the widest
// first. Cells may hold any bytes: they are escaped here.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/style.h"

namespace dsched::cli {

inline constexpr std::size_t k_rows_measured = 1000;

struct Column {
  enum class Align : std::uint8_t { left, right };
  enum class Fit : std::uint8_t { whole, shrinks };
  std::string title;
  Align align = Align::left;
  Fit fit = Fit::whole;
};

struct Cell {
  Cell(std::string text_of_cell, Paint paint_of_cell = Paint::plain)
      : text(std::move(text_of_cell)), paint(paint_of_cell) {}
  std::string text;
  Paint paint = Paint::plain;
};

class Table {
 public:
  using Write = std::function<void(std::string_view)>;
  // `width` is that of the terminal; empty: lines may have any length.
  Table(std::vector<Column> columns, Style style, std::optional<std::size_t> width, Write write);

  // As many cells as there are columns.
  void add(std::vector<Cell> cells);
  // Writes what is not written yet. Without any row nothing is written, no title either.
  void finish();

 private:
  void fix_widths();
  [[nodiscard]] std::string line_of(const std::vector<Cell>& cells) const;
  std::vector<Column> columns_;
  Style style_;
  std::optional<std::size_t> width_;
  Write write_;
  std::vector<std::vector<Cell>> waiting_;  // escaped
  std::vector<std::size_t> widths_;         // empty: not fixed yet
};

}  // namespace dsched::cli
