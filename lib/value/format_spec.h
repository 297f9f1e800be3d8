// SPDX-License-Identifier: Apache-2.0
#pragma once
// Python's format specifications: [[fill]align][sign][z][#][0][width][,_][.precision][type].

#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace dsched::value {

struct FormatSpec {
  std::string fill = " ";  // one character
  char align = '\0';       // < > = ^; none: as the kind of value has it
  char sign = '-';         // + - or a space
  bool no_negative_zero = false;
  bool alternate = false;
  std::size_t width = 0;  // in characters
  char grouping = '\0';   // , or _
  std::optional<std::size_t> precision;
  char type = '\0';
  bool is_empty = true;  // nothing was written
};

// `default_align` is the kind's own: '<' of texts, '>' of numbers. Throws Error.
[[nodiscard]] FormatSpec read_format_spec(std::string_view text, char default_align);

// format(value, spec). Throws Error with the cause alone.
[[nodiscard]] std::string formatted(const Value& value, std::string_view spec);

}  // namespace dsched::value
