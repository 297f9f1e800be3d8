// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress for programs: one JSON object per line, as schemas/progress.schema.json says.
//
// At most twenty lines a second; a change that comes earlier is told when its time has come, so the
// reader always learns the newest state, and the last line is always the final one. Notes come as
// ordinary `dsched-run: …` lines: a reader takes the lines that start with "{".

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "session/observer.h"
#include "sys/terminal.h"

namespace dsched::cli {

// The object, without the end of the line.
[[nodiscard]] std::string progress_json(const session::Progress& progress);

class JsonDisplay : public session::Observer {
 public:
  explicit JsonDisplay(std::unique_ptr<sys::Screen> screen);
  void began(const session::Progress& progress) override;
  void node(const session::NodeReport& report, const session::Progress& progress) override;
  void progress(const session::Progress& progress) override;
  void note(std::string_view line) override;
  [[nodiscard]] std::optional<Instant> wake_up() const override { return wake_up_; }
  void ended(const session::Progress& progress, std::string_view status, Nanoseconds wall) override;

 private:
  void write(const session::Progress& progress);

  std::unique_ptr<sys::Screen> screen_;
  session::Counts told_;
  Instant next_line_;
  std::optional<Instant> wake_up_;
};

}  // namespace dsched::cli
