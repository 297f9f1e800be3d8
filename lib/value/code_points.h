// SPDX-License-Identifier: Apache-2.0
#pragma once
// UTF-8 one character at a time. A byte that begins no well-formed character is one by itself, so
// that walking a text always ends at its end.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::value {

struct CodePoint {
  std::uint32_t code = 0;
  std::uint32_t length = 1;  // bytes
  bool is_valid = true;
};

// The character at `text[at]`, which exists.
[[nodiscard]] CodePoint code_point_at(std::string_view text, std::size_t at);
[[nodiscard]] std::size_t count_code_points(std::string_view text);
// Views of the single characters.
[[nodiscard]] std::vector<std::string_view> characters_of(std::string_view text);
void append_code_point(std::string& out, std::uint32_t code);
[[nodiscard]] bool is_printable(std::uint32_t code);

}  // namespace dsched::value
