// SPDX-License-Identifier: Apache-2.0
#pragma once
// Values as text: Python's str and repr, and JSON as Python's json module reads and writes it.

#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace dsched::value {

// As Python's print shows it: 3.0, True, [1.0, 'a'], b'\x00'; a text as it is.
[[nodiscard]] std::string text_of(const Value& value);
// As it stands inside a list: texts in quotes, with what is not printable escaped.
[[nodiscard]] std::string repr_of(const Value& value);
// The same with everything beyond ASCII escaped.
[[nodiscard]] std::string ascii_of(const Value& value);

// As json.dumps writes it, everything beyond ASCII as \uXXXX, infinities and NaN as Infinity and
// NaN; with `indent` spaces a level, or on one line. Throws Error for bytes, which have no JSON.
[[nodiscard]] std::string json_of(const Value& value, std::optional<std::size_t> indent = {});
// JSON that every reader takes, on one line and in UTF-8: infinities and NaN are the texts "inf",
// "-inf" and "nan", bytes are {"base64": …}.
[[nodiscard]] std::string strict_json_of(const Value& value);
// As json.loads reads it: 1 is an integer, 1.0 a number; of two members of a name the last counts.
// Throws Error with the place for anything else.
[[nodiscard]] Value from_json(std::string_view text);

// The shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
[[nodiscard]] std::string number_text(double value);
void append_number(std::string& out, double value);
// What float() makes of a text: white space around and _ between digits are allowed, inf and nan.
[[nodiscard]] std::optional<double> number_from_text(std::string_view text);
// What int() makes of a text.
[[nodiscard]] std::optional<Integer> integer_from_text(std::string_view text);

}  // namespace dsched::value
