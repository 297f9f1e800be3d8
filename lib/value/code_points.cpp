// SPDX-License-Identifier: Apache-2.0
#include "value/code_points.h"

#include <algorithm>
#include <iterator>

#include "value/printable_table.h"

namespace dsched::value {

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) -> std::uint32_t {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::uint32_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  constexpr std::uint32_t k_least[] = {0x80, 0x800, 0x10000};
  if (first < 0xC2 || first > 0xF4) return {first, 1, false};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::uint32_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {first, 1, false};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < k_least[length - 2] || code > 0x10FFFF || is_surrogate) return {first, 1, false};
  return {code, length, true};
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += code_point_at(text, at).length;
  return count;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size(); at += out.back().size()) {
    out.push_back(text.substr(at, code_point_at(text, at).length));
  }
  return out;
}

void append_code_point(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      byte(0xE0 | (code >> 12));
    } else {
      byte(0xF0 | (code >> 18));
      byte(0x80 | ((code >> 12) & 0x3F));
    }
    byte(0x80 | ((code >> 6) & 0x3F));
  }
  byte(0x80 | (code & 0x3F));
}

bool is_printable(std::uint32_t code) {
  if (code < 0x7F) return code >= 0x20;
  const auto* const after = std::upper_bound(
      std::begin(k_unprintable), std::end(k_unprintable), code,
      [](std::uint32_t c, const UnprintableRange& range) { return c < range.first; });
  return code != 0x7F && (after == std::begin(k_unprintable) || code > std::prev(after)->last);
}

}  // namespace dsched::value
