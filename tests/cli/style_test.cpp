// SPDX-License-Identifier: Apache-2.0
#include "cli/style.h"

#include <doctest/doctest.h>

#include <vector>

#include "cli/progress.h"
#include "cli/progress_text.h"
#include "cli/terminal_text.h"

namespace dsched::tests {

using namespace std::chrono_literals;
using cli::ColorChoice;
using cli::OutputKind;
using cli::TerminalEnvironment;

namespace {

TerminalEnvironment environment(std::string_view term, std::string_view no_color) {
  return {.term = term, .no_color = no_color, .lc_all = "", .lc_ctype = "", .lang = "C.UTF-8"};
}

}  // namespace

TEST_CASE("cli: colours follow --color, then NO_COLOR, TERM and the kind of output") {
  struct Case {
    ColorChoice choice;
    std::string_view term;
    std::string_view no_color;
    OutputKind output;
    bool color;
  };
  const std::vector<Case> cases = {
      {ColorChoice::automatic, "xterm", "", OutputKind::terminal, true},
      {ColorChoice::automatic, "xterm", "1", OutputKind::terminal, false},
      {ColorChoice::automatic, "dumb", "", OutputKind::terminal, false},
      {ColorChoice::automatic, "", "", OutputKind::terminal, false},
      {ColorChoice::automatic, "xterm", "", OutputKind::other, false},
      {ColorChoice::always, "dumb", "1", OutputKind::other, true},
      {ColorChoice::never, "xterm", "", OutputKind::terminal, false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.term);
    CAPTURE(one.no_color);
    CHECK(choose_style(one.choice, environment(one.term, one.no_color), one.output).color ==
          one.color);
  }
}

TEST_CASE("cli: a dumb or unknown terminal is never redrawn") {
  CHECK(can_redraw(environment("xterm", "1"), OutputKind::terminal));
  CHECK_FALSE(can_redraw(environment("dumb", ""), OutputKind::terminal));
  CHECK_FALSE(can_redraw(environment("", ""), OutputKind::terminal));
  CHECK_FALSE(can_redraw(environment("xterm", ""), OutputKind::other));
}

TEST_CASE("cli: symbols need a UTF-8 locale, and LC_ALL wins over LANG") {
  TerminalEnvironment utf8 = environment("xterm", "");
  CHECK(choose_style(ColorChoice::never, utf8, OutputKind::terminal).symbols);
  utf8.lc_all = "C";
  CHECK_FALSE(choose_style(ColorChoice::never, utf8, OutputKind::terminal).symbols);
}

TEST_CASE("cli: text is painted only where there are colours") {
  CHECK(painted("x", cli::Paint::red, {.color = true}) == "\x1b[31mx\x1b[0m");
  CHECK(painted("x", cli::Paint::red, {.color = false}) == "x");
}

TEST_CASE("cli: widths count columns, not bytes or characters") {
  struct Case {
    std::string_view text;
    std::size_t columns;
  };
  const std::vector<Case> cases = {{"abc", 3},
                                   {"", 0},
                                   {"é", 1},
                                   {"e\xcc\x81", 1},
                                   {"漢字", 4},
                                   {"…", 1},
                                   {"👍", 2},
                                   {"각", 2},
                                   {"\xe1\x84\x80\xe1\x85\xa1", 2},  // a syllable in two parts
                                   {"a\xe2\x80\x8d", 1}};
  for (const Case& one : cases) {
    CAPTURE(one.text);
    CHECK(cli::text_width(one.text) == one.columns);
  }
}

TEST_CASE("cli: a text is cut at whole characters with their marks") {
  CHECK(cli::cut_to_width("abcdef", 6, "…") == "abcdef");
  CHECK(cli::cut_to_width("abcdef", 5, "…") == "abcd…");
  CHECK(cli::cut_to_width("漢字漢", 5, "…") == "漢字…");
  CHECK(cli::cut_to_width("漢字漢", 4, "…") == "漢…");
  CHECK(cli::cut_to_width("ae\xcc\x81i", 2, "") == "ae\xcc\x81");
  CHECK(cli::cut_to_width("abc", 0, "…") == "");
}

TEST_CASE("cli: numbers are grouped by thousands") {
  CHECK(cli::grouped(0) == "0");
  CHECK(cli::grouped(999) == "999");
  CHECK(cli::grouped(1000) == "1,000");
  CHECK(cli::grouped(1234567) == "1,234,567");
}

TEST_CASE("cli: a long log shows its last lines and a long line its beginning") {
  std::string log;
  for (int i = 1; i <= 30; ++i) log += "line " + std::to_string(i) + "\n";
  log += std::string(2000, 'x');
  session::NodeReport report;
  report.node_id = "n";
  report.change = session::NodeChange::failed;
  report.wall = 1s;
  report.log_tail = log;
  const std::string block = cli::failure_block(report, {.color = false});
  CHECK(block.starts_with("n failed after 1.0s\n  last lines of the log:\n    line 12\n"));
  CHECK(block.ends_with("    " + std::string(1000, 'x') + " ...\n"));
}

TEST_CASE("cli: --progress takes five names") {
  CHECK(cli::progress_mode_from("bar") == cli::ProgressMode::bar);
  CHECK(cli::progress_mode_from("auto") == cli::ProgressMode::automatic);
  CHECK_FALSE(cli::progress_mode_from("fancy"));
}

}  // namespace dsched::tests
