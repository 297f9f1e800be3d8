// SPDX-License-Identifier: Apache-2.0
#pragma once
// How text may look on a terminal: with colours or without, with UTF-8 symbols or ASCII only.
//
// The choice is a pure function of what the person asked for and of a few environment variables,
// so that it can be tested; reading the environment is left to the caller.

#include <cstdint>
#include <string>
#include <string_view>

namespace dsched::cli {

enum class ColorChoice : std::uint8_t { automatic, always, never };  // --color

// The variables that matter; empty where unset. NO_COLOR counts when it is set and not empty.
struct TerminalEnvironment {
  std::string_view term;
  std::string_view no_color;
  std::string_view lc_all;
  std::string_view lc_ctype;
  std::string_view lang;
};

enum class OutputKind : std::uint8_t { terminal, other };

struct Style {
  bool color = false;
  bool symbols = true;  // "…" and block characters; otherwise "..." and "#"
};

[[nodiscard]] TerminalEnvironment terminal_environment();

[[nodiscard]] Style choose_style(ColorChoice choice, const TerminalEnvironment& environment,
                                 OutputKind output);

// Whether cursor movement may be written at all: a terminal that is not TERM=dumb (or unset).
[[nodiscard]] bool can_redraw(const TerminalEnvironment& environment, OutputKind output);

enum class Paint : std::uint8_t { plain, bold, dim, red, green, yellow, cyan };

// `text` in the paint where the style has colours, else unchanged.
[[nodiscard]] std::string painted(std::string_view text, Paint paint, Style style);

}  // namespace dsched::cli
