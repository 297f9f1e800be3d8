// SPDX-License-Identifier: Apache-2.0
#include "value/columns.h"

#include <functional>
#include <utility>

namespace dsched::value {
namespace {

// An operand of one type: an array, or a single value.
template <class Element>
struct Operand {
  const Element* array = nullptr;  // none: `single` stands for every element
  Element single{};
};

// As elements of another type; converted arrays are kept in `scratch`.
template <class Element>
Operand<Element> operand_of(const Column& column, std::vector<Element>& scratch) {
  return std::visit(
      [&](const auto& data) -> Operand<Element> {
        using Data = std::decay_t<decltype(data)>;
        if constexpr (std::is_arithmetic_v<Data>) {
          return {nullptr, static_cast<Element>(data)};
        } else if constexpr (std::is_same_v<typename Data::value_type, Element>) {
          return {data.data(), {}};
        } else {
          scratch.resize(data.size());
          for (std::size_t i = 0; i < data.size(); ++i) scratch[i] = static_cast<Element>(data[i]);
          return {scratch.data(), {}};
        }
      },
      column.data);
}

template <class Result, class Element, class Function>
std::vector<Result> loop_over(const Operand<Element>& left, const Operand<Element>& right,
                              std::size_t count, const Function& function) {
  std::vector<Result> out(count);
  if (left.array != nullptr && right.array != nullptr) {
    for (std::size_t i = 0; i < count; ++i) out[i] = function(left.array[i], right.array[i]);
  } else if (left.array != nullptr) {
    const Element single = right.single;
    for (std::size_t i = 0; i < count; ++i) out[i] = function(left.array[i], single);
  } else if (right.array != nullptr) {
    const Element single = left.single;
    for (std::size_t i = 0; i < count; ++i) out[i] = function(single, right.array[i]);
  } else {
    out.assign(count, function(left.single, right.single));
  }
  return out;
}

bool is_float(const Column& column) {
  return std::holds_alternative<double>(column.data) ||
         std::holds_alternative<std::span<const double>>(column.data);
}

template <class Result, class Function>
Packed over_floats(const Column& left, const Column& right, std::size_t count,
                   const Function& function) {
  std::vector<double> left_scratch;
  std::vector<double> right_scratch;
  return loop_over<Result>(operand_of(left, left_scratch), operand_of(right, right_scratch), count,
                           function);
}

template <class Function>
Packed compare_columns(const Column& left, const Column& right, std::size_t count,
                       const Function& function) {
  return over_floats<std::uint8_t>(left, right, count, [&](double a, double b) {
    return static_cast<std::uint8_t>(function(a, b) ? 1 : 0);
  });
}

std::optional<Packed> divide_floats(const Column& left, const Column& right, std::size_t count) {
  bool has_zero = false;
  Packed quotients = over_floats<double>(left, right, count, [&](double a, double b) {
    has_zero |= b == 0;
    return a / b;
  });
  if (has_zero) return std::nullopt;
  return quotients;
}

// `function(a, b, &result)` says whether the result does not fit.
template <class Function>
std::optional<Packed> over_integers(const Column& left, const Column& right, std::size_t count,
                                    const Function& function) {
  std::vector<std::int64_t> left_scratch;
  std::vector<std::int64_t> right_scratch;
  bool overflows = false;
  auto out =
      loop_over<std::int64_t>(operand_of(left, left_scratch), operand_of(right, right_scratch),
                              count, [&](std::int64_t a, std::int64_t b) {
                                std::int64_t result = 0;
                                overflows |= function(a, b, &result);
                                return result;
                              });
  if (overflows) return std::nullopt;
  return out;
}

// Up to here doubles hold every integer, so that dividing them rounds once.
std::optional<Packed> divide_integers(const Column& left, const Column& right, std::size_t count) {
  constexpr std::int64_t k_exact = std::int64_t{1} << 53;
  const auto check =
      over_integers(left, right, count, [](std::int64_t a, std::int64_t b, std::int64_t*) {
        return a > k_exact || a < -k_exact || b > k_exact || b < -k_exact;
      });
  if (!check) return std::nullopt;
  return divide_floats(left, right, count);
}

std::optional<Packed> run_exact(Elementwise operation, const Column& left, const Column& right,
                                std::size_t count) {
  using Whole = std::int64_t;
  const bool is_inexact = is_float(left) || is_float(right);
  switch (operation) {
    case Elementwise::exact_add:
      if (is_inexact) return over_floats<double>(left, right, count, std::plus<>());
      return over_integers(left, right, count, [](Whole a, Whole b, Whole* result) {
        return __builtin_add_overflow(a, b, result);
      });
    case Elementwise::exact_subtract:
      if (is_inexact) return over_floats<double>(left, right, count, std::minus<>());
      return over_integers(left, right, count, [](Whole a, Whole b, Whole* result) {
        return __builtin_sub_overflow(a, b, result);
      });
    case Elementwise::exact_multiply:
      if (is_inexact) return over_floats<double>(left, right, count, std::multiplies<>());
      return over_integers(left, right, count, [](Whole a, Whole b, Whole* result) {
        return __builtin_mul_overflow(a, b, result);
      });
    default:
      return is_inexact ? divide_floats(left, right, count) : divide_integers(left, right, count);
  }
}

}  // namespace

Column column_of(const Packed& packed) {
  return std::visit(
      [](const auto& vector) -> Column {
        return {std::span<const typename std::decay_t<decltype(vector)>::value_type>(vector)};
      },
      packed);
}

std::optional<Column> column_of(const Value& value) {
  switch (value.kind()) {
    case Kind::boolean:
      return Column{static_cast<std::uint8_t>(value.as_boolean() ? 1 : 0)};
    case Kind::number:
      return Column{value.as_number()};
    case Kind::integer:
      if (const auto small = value.as_integer().small()) return Column{*small};
      return std::nullopt;
    case Kind::list:
      break;
    default:
      return std::nullopt;
  }
  switch (value.packing()) {
    case Packing::numbers:
      return Column{value.as_numbers()};
    case Packing::integers:
      return Column{value.as_integers()};
    case Packing::booleans:
      return Column{value.as_booleans()};
    case Packing::values:
      break;
  }
  return std::nullopt;
}

std::optional<Packed> run_elementwise(Elementwise operation, std::span<const Column> operands,
                                      std::size_t count) {
  const Column& left = operands.front();
  const Column& right = operands.back();
  switch (operation) {
    case Elementwise::none:
      return std::nullopt;
    case Elementwise::float_add:
      return over_floats<double>(left, right, count, std::plus<>());
    case Elementwise::float_subtract:
      return over_floats<double>(left, right, count, std::minus<>());
    case Elementwise::float_multiply:
      return over_floats<double>(left, right, count, std::multiplies<>());
    case Elementwise::float_divide:
      return divide_floats(left, right, count);
    case Elementwise::equal:
      return compare_columns(left, right, count, std::equal_to<>());
    case Elementwise::not_equal:
      return compare_columns(left, right, count, std::not_equal_to<>());
    case Elementwise::less:
      return compare_columns(left, right, count, std::less<>());
    case Elementwise::less_equal:
      return compare_columns(left, right, count, std::less_equal<>());
    case Elementwise::greater:
      return compare_columns(left, right, count, std::greater<>());
    case Elementwise::greater_equal:
      return compare_columns(left, right, count, std::greater_equal<>());
    case Elementwise::both:
      return compare_columns(left, right, count,
                             [](double a, double b) { return a != 0 && b != 0; });
    case Elementwise::either:
      return compare_columns(left, right, count,
                             [](double a, double b) { return a != 0 || b != 0; });
    case Elementwise::negate:
      return compare_columns(left, right, count, [](double a, double) { return a == 0; });
    case Elementwise::exact_add:
    case Elementwise::exact_subtract:
    case Elementwise::exact_multiply:
    case Elementwise::exact_divide:
      return run_exact(operation, left, right, count);
  }
  return std::nullopt;
}

}  // namespace dsched::value
