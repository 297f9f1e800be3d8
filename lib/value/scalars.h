// SPDX-License-Identifier: Apache-2.0
#pragma once
// Arithmetic and comparison of two single values, as Python has them.
//
// Exact arithmetic is that of namespace default: integers and booleans stay integers, texts can be
// joined and repeated. Float arithmetic is that of vox1: both sides go through float() first. All
// throw Error with the bare cause; who calls them says in what operation.

#include <compare>

#include "value/value.h"

namespace dsched::value {

enum class Arithmetic : std::uint8_t { add, subtract, multiply, divide };
enum class Comparison : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

[[nodiscard]] Value exact(Arithmetic operation, const Value& left, const Value& right);
[[nodiscard]] Value inexact(Arithmetic operation, const Value& left, const Value& right);

// float(): of a boolean, an integer, a number, or a text that is one.
[[nodiscard]] double to_float(const Value& value);
// After float(); texts that are no numbers are compared with each other by their characters when
// `texts` says so.
enum class Texts : std::uint8_t { must_be_numbers, compared };
[[nodiscard]] bool compare_floats(Comparison comparison, const Value& left, const Value& right,
                                  Texts texts);

// The order that Python's < sees, which mixes integers and floats exactly; throws where it sees
// none (a text and a number). Lists are compared element by element.
[[nodiscard]] std::partial_ordering order_of(const Value& left, const Value& right);

// A whole number, given as an integer, a number without fraction or a text of digits; `what` is for
// the message. Booleans are refused.
[[nodiscard]] Integer to_whole(const Value& value, std::string_view what);
// Its nearest value within 0 and `max`.
[[nodiscard]] std::size_t clamp(const Integer& value, std::size_t max);

}  // namespace dsched::value
