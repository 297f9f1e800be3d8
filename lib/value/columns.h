// SPDX-License-Identifier: Apache-2.0
#pragma once
// Arithmetic, comparisons and logic over packed runs of values, as plain loops over arrays.
//
// The answers are those of scalars.h for each element. Where a single element needs more care - a
// division by zero, an integer beyond 64 bits - there is no answer, and the caller goes element by
// element.

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "value/value.h"

namespace dsched::value {

enum class Elementwise : std::uint8_t {
  none,  // this operation has no loop
  float_add,
  float_subtract,
  float_multiply,
  float_divide,
  exact_add,
  exact_subtract,
  exact_multiply,
  exact_divide,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  both,
  either,
  negate,  // of one operand
};

using Packed =
    std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::uint8_t>>;

// An operand: an array that somebody else owns, or one value that stands for every element.
struct Column {
  std::variant<std::span<const double>, std::span<const std::int64_t>,
               std::span<const std::uint8_t>, double, std::int64_t, std::uint8_t>
      data;
};

[[nodiscard]] Column column_of(const Packed& packed);
// A packed list, or a single number, integer of 64 bits or boolean; empty for all else.
[[nodiscard]] std::optional<Column> column_of(const Value& value);

// `operands` has as many as the operation takes; arrays have `count` elements.
[[nodiscard]] std::optional<Packed> run_elementwise(Elementwise operation,
                                                    std::span<const Column> operands,
                                                    std::size_t count);

}  // namespace dsched::value
