// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many columns a text takes in a terminal, and cutting it to fit.
//
// Texts are UTF-8 without control characters (base escape_for_terminal makes any text so).
// Widths come from a small table of our own, so they do not depend on the locale. A terminal may
// disagree about rare characters: the displays switch line wrapping off while they draw, so a
// disagreement costs a few columns of one line and never moves another line.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsched::cli {

// 0 for combining marks and format characters, 2 for wide ones, else 1.
[[nodiscard]] std::size_t code_point_width(std::uint32_t code_point);

[[nodiscard]] std::size_t text_width(std::string_view text);

// `text`, or as much of its beginning as fits into `columns` together with `ellipsis`. Never cuts
// between a character and its combining marks.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t columns,
                                       std::string_view ellipsis);

}  // namespace dsched::cli
