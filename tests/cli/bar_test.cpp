// SPDX-License-Identifier: Apache-2.0
#include "cli/bar.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "cli/builders.h"
#include "cli/progress_text.h"
#include "cli/terminal_text.h"

namespace dsched::tests {
namespace {

using namespace std::chrono_literals;
using cli::BarDisplay;
using cli::draw;
using cli::Style;
using session::NodeChange;
using session::NodeReport;

constexpr Style k_plain{.color = false, .symbols = true};
constexpr std::string_view k_long_name =
    "a/name/that/is/longer/than/the/terminal/of/the/test/is/wide";
constexpr Style k_ascii{.color = false, .symbols = false};

session::RunningNode running(std::string_view node_id, std::chrono::milliseconds since) {
  return {.node_id = node_id, .started = at(-since), .expected = {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

TEST_CASE("cli: the frame is a bar with counts and a line per running node") {
  Scene scene;
  scene.counts.reused = 3;
  scene.remaining = 185s;
  scene.running = {running("compile main.c", 72s), running("words", 400ms)};
  scene.running[0].attempt = 2;
  scene.running[1].expected = 12s;
  CHECK(draw(scene.progress(), {.columns = 81, .rows = 24}, k_ascii) ==
        "[###############...................]  45%  12/30  2 running  3 reused  ETA 3m05s\n"
        "  1m12s  compile main.c (attempt 2)\n"
        "   0.4s  words (usually 12s)");
}

TEST_CASE("cli: a narrow frame drops the least important counts first") {
  Scene scene;
  scene.counts.reused = 3;
  scene.counts.failed = 1;
  scene.remaining = 12s;
  struct Case {
    std::uint16_t columns;
    std::string line;
  };
  const std::vector<Case> cases = {
      {60, "[####......]  45%  12/30  1 failed  2 running  3 reused  ETA 12s"},
      {50, " 45%  12/30  1 failed  2 running  ETA 12s"},
      {36, " 45%  12/30  1 failed  ETA 12s"},
      {20, " 45%  12/30"},
      {12, " 45%  12/30"},
      {5, " 45%"},
      {2, " "},
  };
  for (const Case& one : cases) {
    const std::string line = draw(scene.progress(), {.columns = one.columns, .rows = 2}, k_ascii);
    CAPTURE(one.columns);
    CHECK(cli::text_width(line) < one.columns);
    if (one.columns < 60) CHECK(line == one.line);
  }
}

TEST_CASE("cli: running nodes take a third of the rows and the rest is a number") {
  Scene scene;
  scene.counts.running = 12;
  for (int i = 0; i < 12; ++i) scene.running.push_back(running("n", 5s));
  const auto lines = lines_of(draw(scene.progress(), {.columns = 30, .rows = 12}, k_plain));
  CHECK(lines == std::vector<std::string>{" 45%  12/30  12 running", "   5.0s  n", "   5.0s  n",
                                          "   5.0s  n", "         … and 9 more"});
}

TEST_CASE("cli: no line of a frame is as wide as the terminal and no frame as high") {
  Scene scene;
  scene.counts = {.total = 1234567,
                  .completed = 1000000,
                  .reused = 999,
                  .failed = 1,
                  .cancelled = 5,
                  .running = 40,
                  .pending = 234521};
  scene.remaining = 100h;
  for (int i = 0; i < 40; ++i)
    scene.running.push_back(running(i % 2 == 0 ? "漢字漢字漢字漢字漢字漢字" : "a\x1b[2Jb\nc", 5s));
  for (std::uint16_t columns = 1; columns < 130; ++columns) {
    for (std::uint16_t rows = 1; rows < 60; ++rows) {
      const auto lines = lines_of(draw(scene.progress(), {columns, rows}, k_plain));
      CAPTURE(columns);
      CAPTURE(rows);
      REQUIRE(lines.size() < std::max<std::size_t>(rows, 2));
      for (const std::string& line : lines)
        REQUIRE(cli::text_width(line) < std::max<std::size_t>(columns, 2));
    }
  }
}

TEST_CASE("cli: control characters of node ids never reach the terminal") {
  Scene scene;
  scene.running = {running("a\x1b[2J\nb\x9b", 1s)};
  const std::string frame = draw(scene.progress(), {.columns = 80, .rows = 24}, k_plain);
  CHECK(lines_of(frame).at(1) == "   1.0s  a\\x1b[2J\\nb\\x9b");
}

TEST_CASE("cli: the bar redraws at most ten times a second, each in one write") {
  Written written({.columns = 60, .rows = 10});
  BarDisplay display(screen_into(written), k_plain);
  Scene scene;
  display.began(scene.progress());
  for (int ms = 0; ms <= 1000; ++ms) {
    scene.now = std::chrono::milliseconds{ms};
    scene.counts.completed = static_cast<std::uint64_t>(ms);
    display.progress(scene.progress());
  }
  CHECK(written.writes == 10);
}

TEST_CASE("cli: a change between two redraws asks for a wake-up at the next one") {
  Written written({.columns = 60, .rows = 10});
  BarDisplay display(screen_into(written), k_plain);
  Scene scene;
  display.began(scene.progress());
  scene.now = 30ms;
  display.progress(scene.progress());
  CHECK(written.writes == 0);
  REQUIRE(display.wake_up());
  CHECK(*display.wake_up() == at(100ms));
  scene.now = 100ms;
  display.progress(scene.progress());
  CHECK(written.writes == 1);
  CHECK(*display.wake_up() == at(1100ms));
}

TEST_CASE("cli: a failure is told at once above the bar, with command and log") {
  Written written({.columns = 60, .rows = 20});
  BarDisplay display(screen_into(written), k_plain);
  Scene scene;
  scene.running = {running("words", 3s)};
  scene.now = 200ms;
  display.progress(scene.progress());
  const NodeReport report{.node_id = "top",
                          .change = NodeChange::failed,
                          .wall = 400ms,
                          .command = "sort \"$1\"",
                          .cause = "exit 3",
                          .output_tail = {},
                          .log_tail = "sort: no\x1b[31mpe\n",
                          .explanation = {}};
  display.node(report, scene.progress());
  const auto rows = written.terminal.rows();
  REQUIRE(rows.size() == 7);
  CHECK(rows[0] == "top failed after 0.4s: exit 3");
  CHECK(rows[1] == "  command:");
  CHECK(rows[2] == "    sort \"$1\"");
  CHECK(rows[3] == "  log:");
  CHECK(rows[4] == "    sort: no\\x1b[31mpe");
  CHECK(rows[6] == "   3.2s  words");
}

TEST_CASE("cli: at the end the bar is replaced by one summary line") {
  Written written({.columns = 100, .rows = 20});
  BarDisplay display(screen_into(written), k_plain);
  Scene scene;
  scene.running = {running("words", 3s)};
  scene.now = 200ms;
  display.progress(scene.progress());
  scene.counts = {.total = 30, .completed = 30, .reused = 12};
  display.ended(scene.progress(), "completed", 3400ms);
  CHECK(written.terminal.rows() ==
        std::vector<std::string>{
            "wordcount completed after 3.4s: 30 of 30 nodes completed (12 reused); execution 17",
            ""});
  CHECK_FALSE(display.wake_up());
}

TEST_CASE("cli: a terminal that draws characters wider than reckoned moves no other line") {
  Written written({.columns = 60, .rows = 20});
  written.terminal.widen_ambiguous();
  BarDisplay display(screen_into(written), k_plain);
  Scene scene;
  scene.running = {running("words", 3s), running(k_long_name, 2s)};
  for (int redraws = 0; redraws < 3; ++redraws) {
    scene.now += 200ms;
    display.progress(scene.progress());
    CHECK(written.terminal.rows().size() == 3);
    CHECK(written.terminal.cursor_row() == 0);
  }
  display.note("later");
  CHECK(written.terminal.rows().at(0) == "dsched-run: later");
  CHECK(written.terminal.cursor_row() == 1);
}

TEST_CASE("cli: after any redraws, notes and resizes the screen holds all notes and one frame") {
  const char* const names[] = {"words", "漢字", "e\xcc\x81tude", "a/very/long/name/of/a/node", "x"};
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    for (const Resizing resizing : {Resizing::reflow, Resizing::crop}) {
      CAPTURE(seed);
      CAPTURE(int(resizing));
      std::mt19937 random(seed);
      const auto dice = [&](std::uint32_t sides) {
        return static_cast<std::uint32_t>(random() % sides);
      };
      Written written({.columns = 60, .rows = 20}, resizing);
      written.terminal.feed("$ earlier output\r\n");
      BarDisplay display(screen_into(written), k_plain);
      Scene scene;
      display.began(scene.progress());
      std::vector<std::string> meant = {"$ earlier output"};
      for (int turn = 0; turn < 60; ++turn) {
        scene.now += 200ms;
        const std::uint32_t what = dice(3);
        if (what == 0) {
          // Short enough to stay whole on the narrowest terminal of this test, which may crop.
          const std::string note = "n" + std::to_string(turn);
          display.note(note);
          meant.push_back("dsched-run: " + note);
        } else if (what == 1) {
          written.terminal.resize({.columns = static_cast<std::uint16_t>(20 + dice(80)),
                                   .rows = static_cast<std::uint16_t>(8 + dice(40))});
        }
        scene.running.clear();
        for (std::uint32_t i = dice(12); i > 0; --i)
          scene.running.push_back(running(names[dice(5)], std::chrono::seconds{i}));
        scene.counts.running = scene.running.size();
        display.progress(scene.progress());

        const auto frame = lines_of(draw(scene.progress(), written.terminal.size(), k_plain));
        auto rows = written.terminal.rows();
        REQUIRE(written.terminal.cursor_column() == 0);
        REQUIRE(written.terminal.cursor_row() + frame.size() == rows.size());
        REQUIRE(std::equal(frame.begin(), frame.end(),
                           rows.end() - static_cast<std::ptrdiff_t>(frame.size())));
        auto lines = written.terminal.lines();
        lines.resize(lines.size() - frame.size());
        REQUIRE(lines == meant);
      }
    }
  }
}

}  // namespace dsched::tests
