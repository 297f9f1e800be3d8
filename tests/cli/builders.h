// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress values for the displays' tests: a scene defaults everything but what a test is about.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/virtual_terminal.h"
#include "session/observer.h"
#include "sys/terminal.h"

namespace dsched::tests {

inline Instant at(std::chrono::milliseconds since_start) {
  return Instant{} + std::chrono::hours{1} + since_start;
}

struct Scene {
  session::Counts counts{.total = 30, .completed = 12, .running = 2, .pending = 16};
  double percentage = 45;
  std::optional<Nanoseconds> remaining;
  std::vector<session::RunningNode> running;
  std::chrono::milliseconds now{0};

  [[nodiscard]] session::Progress progress() const {
    return {.dag_id = "wordcount",
            .execution_id = "0199",
            .execution = 17,
            .counts = counts,
            .percentage = percentage,
            .remaining = remaining,
            .running = running,
            .now = at(now),
            .wall = WallTime{} + std::chrono::hours{24}};
  }
};

// What a display writes: as bytes, as the number of writes and as a terminal shows it.
struct Written {
  explicit Written(sys::TerminalSize size, Resizing resizing = Resizing::reflow)
      : terminal(size, resizing) {}
  VirtualTerminal terminal;
  std::string bytes;
  std::size_t writes = 0;
};

class WrittenScreen : public sys::Screen {
 public:
  explicit WrittenScreen(Written& written) : written_(written) {}
  void write(std::string_view bytes) override {
    ++written_.writes;
    written_.bytes += bytes;
    written_.terminal.feed(with_carriage_returns(bytes));
  }
  sys::TerminalSize size() override { return written_.terminal.size(); }

 private:
  // What the terminal line discipline does (ONLCR).
  static std::string with_carriage_returns(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
  }
  Written& written_;
};

inline std::unique_ptr<sys::Screen> screen_into(Written& written) {
  return std::make_unique<WrittenScreen>(written);
}

}  // namespace dsched::tests
