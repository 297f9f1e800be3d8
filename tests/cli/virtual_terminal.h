// SPDX-License-Identifier: Apache-2.0
#pragma once
// A terminal in memory: interprets what a display writes and knows what a person would see.
//
// It understands exactly what the displays use (text, CR, LF, cursor up, erase line and screen,
// wrapping on and off, colours) and fails the test on anything else, so a display cannot start to
// rely on something unusual unnoticed. All rows ever written stay (scrollback included). Resizing
// comes in both kinds that exist: `reflow` wraps old lines anew as VTE and kitty do, `crop` cuts
// them as xterm does.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/terminal.h"

namespace dsched::tests {

enum class Resizing : std::uint8_t { reflow, crop };

class VirtualTerminal {
 public:
  VirtualTerminal(sys::TerminalSize size, Resizing resizing);
  void feed(std::string_view bytes);
  void resize(sys::TerminalSize size);
  // As in East Asian locales: "…", "█" and "░" take two columns, more than the displays reckon
  // with.
  void widen_ambiguous() { ambiguous_width_ = 2; }

  [[nodiscard]] sys::TerminalSize size() const { return size_; }
  // Rows from the first ever written to the last, trailing blanks removed.
  [[nodiscard]] std::vector<std::string> rows() const;
  // The same, with rows that were wrapped by the terminal joined again.
  [[nodiscard]] std::vector<std::string> lines() const;
  [[nodiscard]] std::size_t cursor_row() const { return row_; }  // index into rows()
  [[nodiscard]] std::size_t cursor_column() const { return column_; }
  [[nodiscard]] std::size_t scrolled() const { return top_; }  // rows above the screen

 private:
  struct Row {
    std::vector<std::string> cells;  // one per column; the right half of a wide one is empty
    bool wraps = false;              // the next row goes on with the same line
  };
  std::size_t escape(std::string_view bytes);
  void apply(char final, std::string_view parameters);
  void put(std::string_view character, std::size_t width);
  void line_feed();
  Row& current();
  void reflow(std::size_t columns);
  [[nodiscard]] static std::string text_of(const Row& row);

  sys::TerminalSize size_;
  Resizing resizing_;
  std::vector<Row> rows_;
  std::size_t top_ = 0;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  bool wrapping_ = true;
  std::size_t ambiguous_width_ = 1;
};

}  // namespace dsched::tests
