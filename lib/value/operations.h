// SPDX-License-Identifier: Apache-2.0
#pragma once
// The primitives by name, and their functions. They throw Error with the bare cause;
// run_operation() says of which primitive it is.

#include <span>
#include <string>
#include <string_view>

#include "value/columns.h"
#include "value/value.h"

namespace dsched::value {

struct Call {
  std::string_view attributes;  // JSON object
  std::span<const Value> arguments;
};

struct Operation {
  std::string_view name;  // with its namespace
  std::uint8_t arguments_min = 0;
  std::uint8_t arguments_max = 0;  // k_any_number: no limit
  Value (*run)(const Call& call) = nullptr;
  Elementwise elementwise = Elementwise::none;  // the same over packed elements
  static constexpr std::uint8_t k_any_number = 255;

  [[nodiscard]] bool allows(std::size_t arguments) const {
    return arguments >= arguments_min &&
           (arguments_max == k_any_number || arguments <= arguments_max);
  }
};

// Empty: apply() does not know it.
[[nodiscard]] const Operation* find_operation(std::string_view name);
[[nodiscard]] Value run_operation(const Operation& operation, const Call& call);
// "2 arguments", "1 or more arguments", …: what it takes.
[[nodiscard]] std::string arity_text(const Operation& operation);

// ---- sequences.cpp
[[nodiscard]] Value run_sequence(const Call& call);
[[nodiscard]] Value run_range(const Call& call);
[[nodiscard]] Value run_index(const Call& call);
[[nodiscard]] Value run_slice(const Call& call);
[[nodiscard]] Value run_subsequence(const Call& call);
[[nodiscard]] Value run_argmax(const Call& call);
[[nodiscard]] Value run_fold(const Call& call);

// ---- format.cpp
[[nodiscard]] Value run_concat(const Call& call);
[[nodiscard]] Value run_format_string(const Call& call);

// ---- primitives.cpp
// left OPERATION right over lists, of equal lengths or one of them a single value.
[[nodiscard]] Value broadcast(Elementwise elementwise,
                              Value (*scalar)(const Value& left, const Value& right),
                              const Value& left, const Value& right);
[[nodiscard]] Value exact_sum(const Value& left, const Value& right);
[[nodiscard]] Value exact_difference(const Value& left, const Value& right);
[[nodiscard]] Value exact_product(const Value& left, const Value& right);

}  // namespace dsched::value
