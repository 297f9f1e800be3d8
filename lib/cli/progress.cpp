// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <utility>

#include "cli/bar.h"
#include "cli/json_lines.h"
#include "cli/plain.h"
#include "cli/progress_text.h"

namespace dsched::cli {

std::optional<ProgressMode> progress_mode_from(std::string_view name) {
  if (name == "auto") return ProgressMode::automatic;
  if (name == "bar") return ProgressMode::bar;
  if (name == "plain") return ProgressMode::plain;
  if (name == "json") return ProgressMode::json;
  if (name == "none") return ProgressMode::none;
  return std::nullopt;
}

std::unique_ptr<session::Observer> make_display(const DisplayOptions& options, int fd) {
  std::unique_ptr<sys::Screen> screen = sys::screen_on(fd);
  if (options.volume == DisplayOptions::Volume::quiet)
    return std::make_unique<NoDisplay>(std::move(screen), options.volume);
  const TerminalEnvironment environment = terminal_environment();
  const OutputKind output = sys::is_terminal(fd) ? OutputKind::terminal : OutputKind::other;
  const Style style = choose_style(options.color, environment, output);
  ProgressMode mode = options.mode;
  const bool wants_bar = mode == ProgressMode::automatic || mode == ProgressMode::bar;
  if (wants_bar) mode = can_redraw(environment, output) ? ProgressMode::bar : ProgressMode::plain;
  switch (mode) {
    case ProgressMode::bar:
      return std::make_unique<BarDisplay>(std::move(screen), style);
    case ProgressMode::json:
      return std::make_unique<JsonDisplay>(std::move(screen));
    case ProgressMode::none:
      return std::make_unique<NoDisplay>(std::move(screen), options.volume);
    case ProgressMode::plain:
    case ProgressMode::automatic:
      break;
  }
  return std::make_unique<PlainDisplay>(std::move(screen), style);
}

NoDisplay::NoDisplay(std::unique_ptr<sys::Screen> screen, DisplayOptions::Volume volume)
    : screen_(std::move(screen)), volume_(volume) {}

void NoDisplay::note(std::string_view line) {
  if (volume_ == DisplayOptions::Volume::normal) screen_->write(note_line(line));
}

}  // namespace dsched::cli
