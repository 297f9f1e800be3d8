// SPDX-License-Identifier: Apache-2.0
#include "cli/virtual_terminal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "cli/terminal_text.h"

namespace dsched::tests {

VirtualTerminal::VirtualTerminal(sys::TerminalSize size, Resizing resizing)
    : size_(size), resizing_(resizing), rows_(1) {}

void VirtualTerminal::feed(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte == 0x1B) {
      i += escape(bytes.substr(i));
      continue;
    }
    if (byte == '\r') {
      column_ = 0;
    } else if (byte == '\n') {
      current().wraps = false;
      line_feed();
    } else {
      REQUIRE_MESSAGE((byte >= 0x20 && byte != 0x7F), "control byte ", int{byte});
      const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
      const std::string_view character = bytes.substr(i, length);
      const bool is_ambiguous = character == "…" || character == "█" || character == "░";
      put(character, is_ambiguous ? ambiguous_width_ : cli::text_width(character));
      i += length;
      continue;
    }
    ++i;
  }
}

// Interprets the sequence at the start of `bytes`; the number of bytes it takes.
std::size_t VirtualTerminal::escape(std::string_view bytes) {
  REQUIRE(bytes.size() >= 3);
  REQUIRE(bytes[1] == '[');
  const std::size_t end = bytes.find_first_not_of("0123456789;?", 2);
  REQUIRE(end != std::string_view::npos);
  apply(bytes[end], bytes.substr(2, end - 2));
  return end + 1;
}

void VirtualTerminal::apply(char final, std::string_view parameters) {
  switch (final) {
    case 'm':
      break;  // colours take no room
    case 'A': {
      const auto up = static_cast<std::size_t>(std::atoi(std::string(parameters).c_str()));
      row_ = std::max(top_, row_ - std::min(row_, std::max<std::size_t>(up, 1)));
      break;
    }
    case 'K':
      REQUIRE(parameters.empty());
      if (current().cells.size() > column_) current().cells.resize(column_);
      current().wraps = false;
      break;
    case 'J':
      REQUIRE(parameters.empty());
      if (current().cells.size() > column_) current().cells.resize(column_);
      current().wraps = false;
      rows_.resize(row_ + 1);
      break;
    case 'h':
    case 'l':
      REQUIRE(parameters == "?7");
      wrapping_ = final == 'h';
      break;
    default:
      FAIL("unknown sequence ending in ", final);
  }
}

VirtualTerminal::Row& VirtualTerminal::current() {
  if (rows_.size() <= row_) rows_.resize(row_ + 1);
  return rows_[row_];
}

void VirtualTerminal::line_feed() {
  ++row_;
  static_cast<void>(current());
  if (row_ >= top_ + size_.rows) top_ = row_ + 1 - size_.rows;
}

void VirtualTerminal::put(std::string_view character, std::size_t width) {
  if (width == 0) {
    if (column_ > 0 && current().cells.size() >= column_)
      current().cells[column_ - 1] += std::string(character);
    return;
  }
  if (column_ + width > size_.columns) {
    if (!wrapping_) {
      column_ = size_.columns - width;
    } else {
      current().wraps = true;
      line_feed();
      column_ = 0;
    }
  }
  std::vector<std::string>& cells = current().cells;
  if (cells.size() < column_ + width) cells.resize(column_ + width, " ");
  cells[column_] = std::string(character);
  if (width == 2) cells[column_ + 1].clear();
  column_ += width;
}

void VirtualTerminal::resize(sys::TerminalSize size) {
  if (resizing_ == Resizing::reflow) {
    reflow(size.columns);
  } else {
    for (std::size_t i = top_; i < rows_.size(); ++i) {
      if (rows_[i].cells.size() > size.columns) rows_[i].cells.resize(size.columns);
    }
    column_ = std::min<std::size_t>(column_, size.columns - 1U);
  }
  size_ = size;
  // The cursor stays visible; what hangs over the lower edge is lost.
  const std::size_t lowest = rows_.size() > size.rows ? rows_.size() - size.rows : 0;
  top_ = std::min(lowest, row_);
  if (rows_.size() > top_ + size.rows) rows_.resize(top_ + size.rows);
}

// Wraps every line anew; the cursor stays at its character.
void VirtualTerminal::reflow(std::size_t columns) {
  std::vector<Row> wrapped;
  std::size_t new_row = 0;
  std::size_t new_column = 0;
  bool continues = false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!continues) wrapped.emplace_back();
    for (std::size_t k = 0; k <= rows_[i].cells.size(); ++k) {
      if (i == row_ && k == std::min(column_, rows_[i].cells.size())) {
        new_row = wrapped.size() - 1;
        new_column = wrapped.back().cells.size();
      }
      if (k == rows_[i].cells.size()) break;
      if (wrapped.back().cells.size() == columns) {
        wrapped.back().wraps = true;
        wrapped.emplace_back();
      }
      wrapped.back().cells.push_back(rows_[i].cells[k]);
    }
    continues = rows_[i].wraps;
  }
  rows_ = wrapped;
  row_ = new_row;
  column_ = std::min(new_column, columns - 1);
}

std::string VirtualTerminal::text_of(const Row& row) {
  std::string text;
  for (const std::string& cell : row.cells) text += cell;
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::vector<std::string> VirtualTerminal::rows() const {
  std::vector<std::string> all;
  for (const Row& row : rows_) all.push_back(text_of(row));
  return all;
}

std::vector<std::string> VirtualTerminal::lines() const {
  std::vector<std::string> all;
  bool continues = false;
  for (const Row& row : rows_) {
    if (!continues) all.emplace_back();
    all.back() += text_of(row);
    continues = row.wraps;
  }
  return all;
}

TEST_CASE("cli: the virtual terminal wraps, scrolls and goes up no further than its edge") {
  VirtualTerminal terminal({.columns = 4, .rows = 2}, Resizing::reflow);
  terminal.feed("abcdef\r\ngh\r\n\x1b[9Ax");
  CHECK(terminal.rows() == std::vector<std::string>{"abcd", "ef", "xh", ""});
  CHECK(terminal.scrolled() == 2);
}

TEST_CASE("cli: the virtual terminal wraps old lines anew when it is resized") {
  VirtualTerminal terminal({.columns = 6, .rows = 4}, Resizing::reflow);
  terminal.feed("abcdef\r\ngh");
  terminal.resize({.columns = 3, .rows = 4});
  CHECK(terminal.rows() == std::vector<std::string>{"abc", "def", "gh"});
  CHECK(terminal.cursor_row() == 2);
  CHECK(terminal.cursor_column() == 2);
}

}  // namespace dsched::tests
