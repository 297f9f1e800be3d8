// SPDX-License-Identifier: Apache-2.0
#include "value/scalars.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "value/failure.h"
#include "value/text.h"

namespace dsched::value {
namespace {

bool is_whole(const Value& value) {
  return value.is(Kind::boolean) || value.is(Kind::integer);
}

bool is_numeric(const Value& value) {
  return is_whole(value) || value.is(Kind::number);
}

Integer whole_of(const Value& value) {
  return value.is(Kind::boolean) ? Integer(value.as_boolean() ? 1 : 0) : value.as_integer();
}

// Shown in messages: not more of a value than tells which it is.
std::string shown(const Value& value) {
  constexpr std::size_t k_shown_max = 40;
  if (value.is(Kind::list) || value.is(Kind::object) || value.is(Kind::bytes)) {
    return std::string(describe(value.kind()));
  }
  std::string text;
  if (value.is(Kind::text)) {
    const std::string_view whole = value.as_text();
    std::size_t end = std::min(whole.size(), k_shown_max);
    while (end < whole.size() && (static_cast<unsigned char>(whole[end]) & 0xC0) == 0x80) --end;
    text = repr_of(Value::text(std::string(whole.substr(0, end))));
    if (end < whole.size()) text.insert(text.size() - 1, "…");
    return "the text " + text;
  }
  text = repr_of(value);
  if (text.size() > k_shown_max) text = text.substr(0, k_shown_max) + "…";
  return text;
}

std::string_view symbol_of(Arithmetic operation) {
  switch (operation) {
    case Arithmetic::add:
      return "+";
    case Arithmetic::subtract:
      return "-";
    case Arithmetic::multiply:
      return "*";
    case Arithmetic::divide:
      break;
  }
  return "/";
}

Value float_result(Arithmetic operation, double left, double right) {
  switch (operation) {
    case Arithmetic::add:
      return Value::number(left + right);
    case Arithmetic::subtract:
      return Value::number(left - right);
    case Arithmetic::multiply:
      return Value::number(left * right);
    case Arithmetic::divide:
      break;
  }
  if (right == 0) fail("division by zero");
  return Value::number(left / right);
}

Value whole_result(Arithmetic operation, const Integer& left, const Integer& right) {
  switch (operation) {
    case Arithmetic::add:
      return Value::integer(add(left, right));
    case Arithmetic::subtract:
      return Value::integer(subtract(left, right));
    case Arithmetic::multiply:
      return Value::integer(multiply(left, right));
    case Arithmetic::divide:
      break;
  }
  if (right.sign() == 0) fail("division by zero");
  const auto quotient = divide(left, right);
  if (!quotient) fail("the quotient of the integers is too large for a number");
  return Value::number(*quotient);
}

std::size_t repeated_size(std::size_t size, const Integer& count, std::size_t max) {
  if (!count.small()) fail("the repetition is too long");
  if (count.sign() <= 0 || size == 0) return 0;
  const Integer all = multiply(static_cast<std::int64_t>(size), count);
  if (all > Integer(static_cast<std::int64_t>(max))) fail("the repetition is too long");
  return static_cast<std::size_t>(*count.small());
}

Value repeat(const Value& what, const Integer& count) {
  if (what.is(Kind::list)) {
    const std::size_t times = repeated_size(what.size(), count, k_list_max);
    ListBuilder builder;
    for (std::size_t i = 0; i < times; ++i) {
      for (std::size_t at = 0; at < what.size(); ++at) builder.add(what.at(at));
    }
    return builder.finish();
  }
  const std::size_t times = repeated_size(what.as_text().size(), count, k_text_max);
  std::string out;
  out.reserve(times * what.as_text().size());
  for (std::size_t i = 0; i < times; ++i) out += what.as_text();
  return what.is(Kind::text) ? Value::text(std::move(out)) : Value::bytes(std::move(out));
}

bool is_repeatable(const Value& value) {
  return value.is(Kind::text) || value.is(Kind::bytes) || value.is(Kind::list);
}

Value join(const Value& left, const Value& right) {
  if (left.is(Kind::list)) {
    ListBuilder builder;
    for (const Value* part : {&left, &right}) {
      for (std::size_t at = 0; at < part->size(); ++at) builder.add(part->at(at));
    }
    return builder.finish();
  }
  if (left.as_text().size() + right.as_text().size() > k_text_max) fail("the text is too long");
  std::string out = std::string(left.as_text()) + std::string(right.as_text());
  return left.is(Kind::text) ? Value::text(std::move(out)) : Value::bytes(std::move(out));
}

// Python's ==, which also compares what has no order.
bool are_equal(const Value& left, const Value& right) {
  if (is_numeric(left) && is_numeric(right)) return order_of(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  if (!left.is(Kind::list)) return left == right;
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!are_equal(left.at(i), right.at(i))) return false;
  }
  return true;
}

std::partial_ordering order_of_lists(const Value& left, const Value& right) {
  const std::size_t both = std::min(left.size(), right.size());
  for (std::size_t i = 0; i < both; ++i) {
    const Value a = left.at(i);
    const Value b = right.at(i);
    if (!are_equal(a, b)) return order_of(a, b);
  }
  return left.size() <=> right.size();
}

bool holds(Comparison comparison, std::partial_ordering order) {
  switch (comparison) {
    case Comparison::equal:
      return order == 0;
    case Comparison::not_equal:
      return order != 0;
    case Comparison::less:
      return order < 0;
    case Comparison::less_equal:
      return order <= 0;
    case Comparison::greater:
      return order > 0;
    case Comparison::greater_equal:
      break;
  }
  return order >= 0;
}

}  // namespace

Value exact(Arithmetic operation, const Value& left, const Value& right) {
  if (is_whole(left) && is_whole(right)) {
    return whole_result(operation, whole_of(left), whole_of(right));
  }
  if (is_numeric(left) && is_numeric(right)) {
    return float_result(operation, to_float(left), to_float(right));
  }
  if (operation == Arithmetic::add && left.kind() == right.kind() && is_repeatable(left)) {
    return join(left, right);
  }
  if (operation == Arithmetic::multiply) {
    if (is_repeatable(left) && is_whole(right)) return repeat(left, whole_of(right));
    if (is_whole(left) && is_repeatable(right)) return repeat(right, whole_of(left));
  }
  fail("there is no " + std::string(symbol_of(operation)) + " of " + shown(left) + " and " +
       shown(right));
}

Value inexact(Arithmetic operation, const Value& left, const Value& right) {
  return float_result(operation, to_float(left), to_float(right));
}

double to_float(const Value& value) {
  if (value.is(Kind::number)) return value.as_number();
  if (is_whole(value)) {
    const auto number = whole_of(value).as_double();
    if (!number) fail("an integer is too large for a number");
    return *number;
  }
  if (value.is(Kind::text)) {
    if (const auto number = number_from_text(value.as_text())) return *number;
  }
  fail(shown(value) + " is not a number");
}

bool compare_floats(Comparison comparison, const Value& left, const Value& right, Texts texts) {
  if (texts == Texts::compared && left.is(Kind::text) && right.is(Kind::text) &&
      (!number_from_text(left.as_text()) || !number_from_text(right.as_text()))) {
    return holds(comparison, left.as_text() <=> right.as_text());
  }
  return holds(comparison, to_float(left) <=> to_float(right));
}

std::partial_ordering order_of(const Value& left, const Value& right) {
  if (is_numeric(left) && is_numeric(right)) {
    if (left.is(Kind::number) && right.is(Kind::number)) {
      return left.as_number() <=> right.as_number();
    }
    if (right.is(Kind::number)) return compare(whole_of(left), right.as_number());
    if (left.is(Kind::number)) return 0 <=> compare(whole_of(right), left.as_number());
    return whole_of(left) <=> whole_of(right);
  }
  if (left.kind() == right.kind()) {
    if (left.is(Kind::text) || left.is(Kind::bytes)) return left.as_text() <=> right.as_text();
    if (left.is(Kind::list)) return order_of_lists(left, right);
  }
  fail(shown(left) + " and " + shown(right) + " have no order");
}

Integer to_whole(const Value& value, std::string_view what) {
  if (value.is(Kind::integer)) return value.as_integer();
  if (value.is(Kind::number)) {
    const double number = value.as_number();
    if (std::isfinite(number) && std::floor(number) == number) return integer_from_double(number);
  }
  if (value.is(Kind::text)) {
    if (const auto whole = integer_from_text(value.as_text())) return *whole;
  }
  fail(std::string(what) + " must be a whole number, not " + shown(value));
}

std::size_t clamp(const Integer& value, std::size_t max) {
  if (value.sign() <= 0) return 0;
  const auto small = value.small();
  if (!small || static_cast<std::uint64_t>(*small) > max) return max;
  return static_cast<std::size_t>(*small);
}

}  // namespace dsched::value
