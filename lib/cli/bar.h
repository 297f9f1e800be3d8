// SPDX-License-Identifier: Apache-2.0
#pragma once
// The progress display of a terminal: a bar, and a line per running node, longest running first.
//
// How it stays in its place. The frame is drawn below everything else and the cursor is then put
// back to the start of the frame's first line, so everything from the cursor to the end of the
// screen is ours. A redraw writes the new lines over the old ones and erases what is left below.
// Because the cursor stands at the top, it stays right when the terminal is resized, whether or not
// the terminal wraps old lines anew: nobody has to guess how many rows the old frame takes now.
// Line wrapping is off while the frame is written, so a line is always one row; the frame is lower
// than the screen, so going back up never meets its edge. Notes and failures are written where the
// frame stood and the frame follows them: what was written once is never touched again. Each redraw
// is a single write; the cursor is never hidden, so no way of dying can leave it hidden.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/style.h"
#include "session/observer.h"
#include "sys/terminal.h"

namespace dsched::cli {

// The frame: lines joined by "\n", each narrower than the terminal, no cursor movement. At most
// half of the rows; the rest of the running nodes is "… and N more".
[[nodiscard]] std::string draw(const session::Progress& progress, sys::TerminalSize size,
                               Style style);

class BarDisplay : public session::Observer {
 public:
  BarDisplay(std::unique_ptr<sys::Screen> screen, Style style);
  void began(const session::Progress& progress) override;
  void node(const session::NodeReport& report, const session::Progress& progress) override;
  void progress(const session::Progress& progress) override;
  void note(std::string_view line) override;
  void pause() override;
  [[nodiscard]] std::optional<Instant> wake_up() const override { return wake_up_; }
  void ended(const session::Progress& progress, std::string_view status, Nanoseconds wall) override;

 private:
  void redraw(const session::Progress& progress);
  void show_above(std::string_view text);

  std::unique_ptr<sys::Screen> screen_;
  Style style_;
  std::optional<Instant> wake_up_;
  Instant next_redraw_;  // not earlier, so that there are at most ten a second
  std::string frame_;    // what the screen shows now; empty: nothing
};

}  // namespace dsched::cli
