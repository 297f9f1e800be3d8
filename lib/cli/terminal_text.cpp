// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_text.h"

#include <algorithm>
#include <iterator>

#include "cli/terminal_text_tables.h"

namespace dsched::cli {
namespace {

template <std::size_t n>
bool is_in(const CodePointRange (&ranges)[n], std::uint32_t code_point) {
  const auto after = std::upper_bound(
      std::begin(ranges), std::end(ranges), code_point,
      [](std::uint32_t value, const CodePointRange& range) { return value < range.first; });
  return after != std::begin(ranges) && code_point <= std::prev(after)->last;
}

struct Character {
  std::uint32_t code_point = 0;
  std::size_t length = 1;  // bytes
};

// The character at `text[i]`. The text is well formed; a stray byte counts as one character.
Character character_at(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
  };
  const std::uint8_t lead = byte(i);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (length == 1 || i + length > text.size()) return {lead, 1};
  std::uint32_t code_point = lead & (0xFFU >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) code_point = (code_point << 6) | (byte(i + k) & 0x3FU);
  return {code_point, length};
}

}  // namespace

std::size_t code_point_width(std::uint32_t code_point) {
  if (code_point < 0x300) return 1;  // nearly all text; the tables begin above it
  if (is_in(k_without_width, code_point)) return 0;
  return is_in(k_wide, code_point) ? 2 : 1;
}

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character character = character_at(text, i);
    width += code_point_width(character.code_point);
    i += character.length;
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  const std::size_t ellipsis_width = text_width(ellipsis);
  const std::size_t room = columns > ellipsis_width ? columns - ellipsis_width : 0;
  std::size_t width = 0;
  std::size_t kept = 0;  // bytes that fit together with the ellipsis
  bool open = true;      // whether what comes next may still belong to the kept part
  for (std::size_t i = 0; i < text.size();) {
    const Character character = character_at(text, i);
    width += code_point_width(character.code_point);
    i += character.length;
    if (width > room) open = false;
    if (open) kept = i;
    // Reading stops here, so a name of any length costs no more than what is shown of it.
    if (width > columns) {
      return std::string(text.substr(0, kept)) +
             (ellipsis_width <= columns ? std::string(ellipsis) : std::string());
    }
  }
  return std::string(text);
}

}  // namespace dsched::cli
