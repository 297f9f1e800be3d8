// SPDX-License-Identifier: Apache-2.0
#include "value/primitives.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "value/code_points.h"
#include "value/failure.h"
#include "value/operations.h"
#include "value/scalars.h"

namespace dsched::value {
namespace {

using Scalar = Value (*)(const Value& left, const Value& right);

template <Elementwise elementwise, Scalar scalar>
Value run_broadcast(const Call& call) {
  return broadcast(elementwise, scalar, call.arguments[0], call.arguments[1]);
}

template <Scalar scalar>
Value run_scalar(const Call& call) {
  return scalar(call.arguments[0], call.arguments[1]);
}

template <Arithmetic arithmetic>
Value exact_of(const Value& left, const Value& right) {
  return exact(arithmetic, left, right);
}

template <Arithmetic arithmetic>
Value float_of(const Value& left, const Value& right) {
  return inexact(arithmetic, left, right);
}

template <Comparison comparison, Texts texts>
Value comparison_of(const Value& left, const Value& right) {
  return Value::boolean(compare_floats(comparison, left, right, texts));
}

Value both_true(const Value& left, const Value& right) {
  return Value::boolean(is_true(left) && is_true(right));
}

Value either_true(const Value& left, const Value& right) {
  return Value::boolean(is_true(left) || is_true(right));
}

// Any value may be asked whether it is true, but ! is also of images and so takes no texts or
// lists.
Value run_not_compat(const Call& call) {
  const Value& value = call.arguments[0];
  if (!value.is(Kind::boolean) && !value.is(Kind::integer) && !value.is(Kind::number)) {
    fail("needs a boolean or a number, not " + std::string(describe(value.kind())));
  }
  return Value::boolean(!is_true(value));
}

Value run_not(const Call& call) {
  return Value::boolean(!is_true(call.arguments[0]));
}

Value run_fibonacci(const Call& call) {
  const Value& value = call.arguments[0];
  if (value.is(Kind::boolean)) return value;  // as in Python, where True is an int
  if (value.is(Kind::text)) fail("the place must be a whole number, not a text");
  const Integer place = to_whole(value, "the place");
  if (place.sign() < 0) fail("the place must not be negative, as " + place.text() + " is");
  return Value::integer(fibonacci(place));
}

template <Arithmetic arithmetic, Elementwise elementwise>
constexpr Operation exact_operation(std::string_view name) {
  return {name, 2, 2, run_broadcast<elementwise, exact_of<arithmetic>>, elementwise};
}

template <Arithmetic arithmetic, Elementwise elementwise>
constexpr Operation float_operation(std::string_view name) {
  return {name, 2, 2, run_broadcast<elementwise, float_of<arithmetic>>, elementwise};
}

template <Comparison comparison, Elementwise elementwise>
constexpr Operation comparing_operation(std::string_view name) {
  return {name, 2, 2, run_broadcast<elementwise, comparison_of<comparison, Texts::compared>>,
          elementwise};
}

template <Arithmetic arithmetic, Elementwise elementwise>
constexpr Operation scalar_operation(std::string_view name) {
  return {name, 2, 2, run_scalar<float_of<arithmetic>>, elementwise};
}

template <Comparison comparison, Elementwise elementwise>
constexpr Operation scalar_comparison(std::string_view name) {
  return {name, 2, 2, run_scalar<comparison_of<comparison, Texts::must_be_numbers>>, elementwise};
}

// By name.
constexpr auto k_operations = std::to_array<Operation>({
    exact_operation<Arithmetic::add, Elementwise::exact_add>("default.addition"),
    {"default.argmax", 1, 1, run_argmax},
    {"default.bool_and_scalar", 2, 2, run_scalar<both_true>, Elementwise::both},
    {"default.bool_or_scalar", 2, 2, run_scalar<either_true>, Elementwise::either},
    exact_operation<Arithmetic::divide, Elementwise::exact_divide>("default.division"),
    {"default.fold", 1, 2, run_fold},
    {"default.index", 2, 2, run_index},
    exact_operation<Arithmetic::multiply, Elementwise::exact_multiply>("default.multiplication"),
    {"default.not_compat", 1, 1, run_not_compat, Elementwise::negate},
    scalar_comparison<Comparison::equal, Elementwise::equal>("default.num_eq"),
    scalar_comparison<Comparison::greater_equal, Elementwise::greater_equal>("default.num_geq"),
    scalar_comparison<Comparison::greater, Elementwise::greater>("default.num_gt"),
    scalar_comparison<Comparison::less_equal, Elementwise::less_equal>("default.num_leq"),
    scalar_comparison<Comparison::less, Elementwise::less>("default.num_lt"),
    scalar_comparison<Comparison::not_equal, Elementwise::not_equal>("default.num_neq"),
    {"default.range", 1, 2, run_range},
    {"default.sequence", 0, Operation::k_any_number, run_sequence},
    {"default.slice", 3, 3, run_slice},
    {"default.subsequence", 2, 3, run_subsequence},
    exact_operation<Arithmetic::subtract, Elementwise::exact_subtract>("default.subtraction"),
    {"strings.concat", 1, Operation::k_any_number, run_concat},
    {"strings.format_string", 1, Operation::k_any_number, run_format_string},
    {"test.fibonacci", 1, 1, run_fibonacci},
    comparing_operation<Comparison::not_equal, Elementwise::not_equal>("vox1.!="),
    float_operation<Arithmetic::multiply, Elementwise::float_multiply>("vox1.*"),
    float_operation<Arithmetic::add, Elementwise::float_add>("vox1.+"),
    float_operation<Arithmetic::subtract, Elementwise::float_subtract>("vox1.-"),
    float_operation<Arithmetic::divide, Elementwise::float_divide>("vox1./"),
    comparing_operation<Comparison::less, Elementwise::less>("vox1.<"),
    comparing_operation<Comparison::less_equal, Elementwise::less_equal>("vox1.<="),
    comparing_operation<Comparison::equal, Elementwise::equal>("vox1.=="),
    comparing_operation<Comparison::greater, Elementwise::greater>("vox1.>"),
    comparing_operation<Comparison::greater_equal, Elementwise::greater_equal>("vox1.>="),
    {"vox1.bool_and_scalar", 2, 2, run_scalar<both_true>, Elementwise::both},
    {"vox1.bool_not_scalar", 1, 1, run_not, Elementwise::negate},
    {"vox1.bool_or_scalar", 2, 2, run_scalar<either_true>, Elementwise::either},
    scalar_operation<Arithmetic::add, Elementwise::float_add>("vox1.num_add"),
    scalar_operation<Arithmetic::divide, Elementwise::float_divide>("vox1.num_div"),
    scalar_comparison<Comparison::equal, Elementwise::equal>("vox1.num_eq"),
    scalar_comparison<Comparison::greater_equal, Elementwise::greater_equal>("vox1.num_geq"),
    scalar_comparison<Comparison::greater, Elementwise::greater>("vox1.num_gt"),
    scalar_comparison<Comparison::less_equal, Elementwise::less_equal>("vox1.num_leq"),
    scalar_comparison<Comparison::less, Elementwise::less>("vox1.num_lt"),
    scalar_operation<Arithmetic::multiply, Elementwise::float_multiply>("vox1.num_mul"),
    scalar_comparison<Comparison::not_equal, Elementwise::not_equal>("vox1.num_neq"),
    scalar_operation<Arithmetic::subtract, Elementwise::float_subtract>("vox1.num_sub"),
});

constexpr bool are_in_order() {
  for (std::size_t i = 1; i < k_operations.size(); ++i) {
    if (k_operations[i].name <= k_operations[i - 1].name) return false;
  }
  return true;
}
static_assert(are_in_order(), "find_operation() searches by halves");

Value value_of(Packed packed) {
  if (auto* numbers = std::get_if<std::vector<double>>(&packed)) {
    return Value::numbers(std::move(*numbers));
  }
  if (auto* integers = std::get_if<std::vector<std::int64_t>>(&packed)) {
    return Value::integers(std::move(*integers));
  }
  return Value::booleans(std::move(std::get<std::vector<std::uint8_t>>(packed)));
}

}  // namespace

const Operation* find_operation(std::string_view name) {
  const auto found = std::lower_bound(
      k_operations.begin(), k_operations.end(), name,
      [](const Operation& one, std::string_view wanted) { return one.name < wanted; });
  return found == k_operations.end() || found->name != name ? nullptr : &*found;
}

std::string arity_text(const Operation& operation) {
  std::string text = std::to_string(operation.arguments_min);
  if (operation.arguments_max == Operation::k_any_number) {
    text += " or more";
  } else if (operation.arguments_max != operation.arguments_min) {
    text += " to " + std::to_string(operation.arguments_max);
  }
  return text + (text == "1" ? " argument" : " arguments");
}

// The one place where an Error is caught in this module but for the loops of body.cpp: the cause is
// told deep inside, and here is known what it is the cause of.
Value run_operation(const Operation& operation, const Call& call) {
  try {
    if (!operation.allows(call.arguments.size())) {
      fail("takes " + arity_text(operation) + ", not " + std::to_string(call.arguments.size()));
    }
    return operation.run(call);
  } catch (const Error& cause) {
    throw Error(cause.kind(), std::string(operation.name) + ": " + cause.what(), cause.hint());
  }
}

Value broadcast(Elementwise elementwise, Value (*scalar)(const Value& left, const Value& right),
                const Value& left, const Value& right) {
  const bool is_left_list = left.is(Kind::list);
  const bool is_right_list = right.is(Kind::list);
  if (!is_left_list && !is_right_list) return scalar(left, right);
  if (is_left_list && is_right_list && left.size() != right.size()) {
    fail("lists of different lengths, " + std::to_string(left.size()) + " and " +
         std::to_string(right.size()));
  }
  const std::size_t count = is_left_list ? left.size() : right.size();
  const auto left_column = column_of(left);
  const auto right_column = column_of(right);
  if (left_column && right_column) {
    const std::array<Column, 2> operands{*left_column, *right_column};
    if (auto packed = run_elementwise(elementwise, operands, count)) {
      return value_of(std::move(*packed));
    }
  }
  ListBuilder builder;
  builder.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    builder.add(scalar(is_left_list ? left.at(i) : left, is_right_list ? right.at(i) : right));
  }
  return builder.finish();
}

Value exact_sum(const Value& left, const Value& right) {
  return broadcast(Elementwise::exact_add, exact_of<Arithmetic::add>, left, right);
}

Value exact_difference(const Value& left, const Value& right) {
  return broadcast(Elementwise::exact_subtract, exact_of<Arithmetic::subtract>, left, right);
}

Value exact_product(const Value& left, const Value& right) {
  return broadcast(Elementwise::exact_multiply, exact_of<Arithmetic::multiply>, left, right);
}

bool is_pure(std::string_view operator_name) {
  return find_operation(operator_name) != nullptr;
}

bool takes_body(std::string_view operator_name) {
  return operator_name == "default.map" || operator_name == "default.for_loop" ||
         operator_name == "default.filter";
}

Value apply(std::string_view operator_name, std::string_view attributes,
            std::span<const Value> arguments) {
  const Operation* const operation = find_operation(operator_name);
  if (operation == nullptr) {
    fail(std::string(operator_name) + ": there is no such primitive to evaluate");
  }
  return run_operation(*operation, {attributes, arguments});
}

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::none:
      return false;
    case Kind::boolean:
      return value.as_boolean();
    case Kind::integer:
      return value.as_integer().sign() != 0;
    case Kind::number:
      return value.as_number() != 0;
    case Kind::text:
    case Kind::bytes:
      return !value.as_text().empty();
    case Kind::list:
      return value.size() > 0;
    case Kind::object:
      return !value.members().empty();
  }
  return false;
}

Value elements_of(const Value& value) {
  std::vector<Value> elements;
  switch (value.kind()) {
    case Kind::list:
      return value;
    case Kind::text:
      for (const std::string_view character : characters_of(value.as_text())) {
        elements.push_back(Value::text(std::string(character)));
      }
      return Value::list(std::move(elements));
    case Kind::bytes: {
      std::vector<std::int64_t> integers;
      for (const char c : value.as_text()) integers.push_back(static_cast<unsigned char>(c));
      return Value::integers(std::move(integers));
    }
    case Kind::object:
      for (const Member& member : value.members()) elements.push_back(Value::text(member.name));
      return Value::list(std::move(elements));
    default:
      fail(std::string(describe(value.kind())) + " is no sequence");
  }
}

}  // namespace dsched::value
