// SPDX-License-Identifier: Apache-2.0
#include "cli/style.h"

#include <cstdlib>

namespace dsched::cli {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The locale that decides about characters, in the order of setlocale(3).
bool is_utf8_locale(const TerminalEnvironment& environment) {
  const std::string_view locale = !environment.lc_all.empty()     ? environment.lc_all
                                  : !environment.lc_ctype.empty() ? environment.lc_ctype
                                                                  : environment.lang;
  for (const std::string_view name : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
    if (locale.find(name) != std::string_view::npos) return true;
  }
  return false;
}

std::string_view sequence_of(Paint paint) {
  switch (paint) {
    case Paint::plain:
      return "";
    case Paint::bold:
      return "\x1b[1m";
    case Paint::dim:
      return "\x1b[2m";
    case Paint::red:
      return "\x1b[31m";
    case Paint::green:
      return "\x1b[32m";
    case Paint::yellow:
      return "\x1b[33m";
    case Paint::cyan:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

TerminalEnvironment terminal_environment() {
  return {.term = variable("TERM"),
          .no_color = variable("NO_COLOR"),
          .lc_all = variable("LC_ALL"),
          .lc_ctype = variable("LC_CTYPE"),
          .lang = variable("LANG")};
}

bool can_redraw(const TerminalEnvironment& environment, OutputKind output) {
  return output == OutputKind::terminal && !environment.term.empty() && environment.term != "dumb";
}

Style choose_style(ColorChoice choice, const TerminalEnvironment& environment, OutputKind output) {
  Style style;
  style.symbols = is_utf8_locale(environment);
  switch (choice) {
    case ColorChoice::always:
      style.color = true;
      break;
    case ColorChoice::never:
      style.color = false;
      break;
    case ColorChoice::automatic:
      style.color = can_redraw(environment, output) && environment.no_color.empty();
  }
  return style;
}

std::string painted(std::string_view text, Paint paint, Style style) {
  if (!style.color || paint == Paint::plain || text.empty()) return std::string(text);
  std::string out(sequence_of(paint));
  out += text;
  out += "\x1b[0m";
  return out;
}

}  // namespace dsched::cli
