// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person sees on stderr while an execution runs: `--progress auto|bar|plain|json|none`.
//
// make_display() chooses among four observers: BarDisplay redraws at the bottom of a terminal,
// PlainDisplay writes lines for logs and pipes, JsonDisplay writes one JSON object per line, and
// NoDisplay shows only warnings. `automatic` and `bar` are the bar on a terminal that can redraw,
// else plain lines. None of them reads a clock: time comes with every Progress.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/style.h"
#include "session/observer.h"
#include "sys/terminal.h"

namespace dsched::cli {

enum class ProgressMode : std::uint8_t { automatic, bar, plain, json, none };

// "auto", "bar", "plain", "json", "none"; empty for anything else.
[[nodiscard]] std::optional<ProgressMode> progress_mode_from(std::string_view name);

struct DisplayOptions {
  ProgressMode mode = ProgressMode::automatic;
  ColorChoice color = ColorChoice::automatic;
  enum class Volume : std::uint8_t { normal, quiet };  // -q: nothing at all is shown
  Volume volume = Volume::normal;
};

// A display on the file descriptor (2 for every tool), styled by the environment of the process.
[[nodiscard]] std::unique_ptr<session::Observer> make_display(const DisplayOptions& options,
                                                              int fd);

// Warnings and notices only, as `dsched-run: LINE`; quiet: not even those.
class NoDisplay : public session::Observer {
 public:
  NoDisplay(std::unique_ptr<sys::Screen> screen, DisplayOptions::Volume volume);
  void began(const session::Progress&) override {}
  void node(const session::NodeReport&, const session::Progress&) override {}
  void progress(const session::Progress&) override {}
  void note(std::string_view line) override;
  [[nodiscard]] std::optional<Instant> wake_up() const override { return std::nullopt; }
  void ended(const session::Progress&, std::string_view, Nanoseconds) override {}

 private:
  std::unique_ptr<sys::Screen> screen_;
  DisplayOptions::Volume volume_;
};

}  // namespace dsched::cli
