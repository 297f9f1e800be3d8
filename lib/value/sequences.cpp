// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "base/json_reader.h"
#include "value/code_points.h"
#include "value/failure.h"
#include "value/operations.h"
#include "value/primitives.h"
#include "value/scalars.h"

// The primitives that make and take lists.

namespace dsched::value {
namespace {

std::string elements_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " element" : " elements");
}

// The elements from `begin` up to `end`, which lie within.
Value part_of(const Value& list, std::size_t begin, std::size_t end) {
  const std::size_t count = end - begin;
  if (count == list.size()) return list;
  const auto copy = [&](const auto& elements) {
    const auto from = elements.begin() + static_cast<std::ptrdiff_t>(begin);
    return std::vector(from, from + static_cast<std::ptrdiff_t>(count));
  };
  switch (list.packing()) {
    case Packing::numbers:
      return Value::numbers(copy(list.as_numbers()));
    case Packing::integers:
      return Value::integers(copy(list.as_integers()));
    case Packing::booleans:
      return Value::booleans(copy(list.as_booleans()));
    case Packing::values:
      break;
  }
  return Value::list(copy(list.as_values()));
}

// A bound as Python's slices have it: negative ones count from the end.
std::size_t slice_bound(const Integer& bound, std::size_t size) {
  if (bound.sign() >= 0) return clamp(bound, size);
  return clamp(add(bound, static_cast<std::int64_t>(size)), size);
}

std::optional<Integer> slice_bound_of(const Value& value, std::string_view what) {
  if (value.is(Kind::none)) return std::nullopt;
  constexpr std::string_view k_space = " \t\n\r\f\v";
  const bool is_blank =
      value.is(Kind::text) && value.as_text().find_first_not_of(k_space) == std::string_view::npos;
  if (is_blank) return std::nullopt;
  return to_whole(value, what);
}

// ---- fold

enum class FoldKind : std::uint8_t { sum, difference, product, all, any, least, greatest };

FoldKind fold_kind(std::string_view symbol) {
  if (symbol == "+") return FoldKind::sum;
  if (symbol == "-") return FoldKind::difference;
  if (symbol == "*") return FoldKind::product;
  if (symbol == "&&") return FoldKind::all;
  if (symbol == "||") return FoldKind::any;
  if (symbol == "min") return FoldKind::least;
  if (symbol == "max") return FoldKind::greatest;
  fail("there is no fold with the operator " + std::string(symbol));
}

FoldKind fold_kind_of(std::string_view attributes) {
  JsonReader reader(attributes);
  if (reader.next() == JsonToken::begin_object) {
    while (reader.next() == JsonToken::name) {
      const bool is_operator = reader.text() == "operator";
      const JsonToken token = reader.next();
      if (is_operator && token == JsonToken::string) return fold_kind(reader.text());
      reader.skip();
    }
  }
  fail("the operator is missing");
}

Value fold_start(FoldKind kind) {
  switch (kind) {
    case FoldKind::product:
      return Value::integer(1);
    case FoldKind::all:
      return Value::boolean(true);
    case FoldKind::any:
      return Value::boolean(false);
    default:
      return Value::integer(0);
  }
}

Value fold_step(FoldKind kind, const Value& so_far, const Value& element) {
  switch (kind) {
    case FoldKind::sum:
      return exact_sum(so_far, element);
    case FoldKind::difference:
      return exact_difference(so_far, element);
    case FoldKind::product:
      return exact_product(so_far, element);
    case FoldKind::all:
      return Value::boolean(is_true(so_far) && is_true(element));
    case FoldKind::any:
      return Value::boolean(is_true(so_far) || is_true(element));
    case FoldKind::least:
      return order_of(element, so_far) < 0 ? element : so_far;
    case FoldKind::greatest:
      break;
  }
  return order_of(element, so_far) > 0 ? element : so_far;
}

// Of numbers alone: the same steps without values between them.
double fold_numbers(FoldKind kind, double so_far, std::span<const double> elements) {
  for (const double element : elements) {
    switch (kind) {
      case FoldKind::sum:
        so_far += element;
        break;
      case FoldKind::difference:
        so_far -= element;
        break;
      case FoldKind::product:
        so_far *= element;
        break;
      case FoldKind::least:
        so_far = element < so_far ? element : so_far;
        break;
      default:
        so_far = element > so_far ? element : so_far;
        break;
    }
  }
  return so_far;
}

}  // namespace

Value run_sequence(const Call& call) {
  return Value::list({call.arguments.begin(), call.arguments.end()});
}

Value run_range(const Call& call) {
  for (const Value& bound : call.arguments) {
    if (bound.is(Kind::text)) fail("a bound must be a whole number, not a text");
  }
  const bool has_start = call.arguments.size() == 2;
  const Integer start = has_start ? to_whole(call.arguments[0], "the start") : Integer(0);
  const Integer stop = to_whole(call.arguments.back(), "the stop");
  if (stop <= start) return Value::list({});
  const Integer count = subtract(stop, start);
  if (count > Integer(static_cast<std::int64_t>(k_list_max))) {
    fail("a list of more than " + std::to_string(k_list_max) + " elements");
  }
  const std::int64_t size = *count.small();
  if (start.small() && stop.small()) {
    std::vector<std::int64_t> integers(static_cast<std::size_t>(size));
    std::int64_t next = *start.small();
    for (std::int64_t& integer : integers) integer = next++;
    return Value::integers(std::move(integers));
  }
  std::vector<Value> integers;
  for (std::int64_t i = 0; i < size; ++i) integers.push_back(Value::integer(add(start, i)));
  return Value::list(std::move(integers));
}

Value run_index(const Call& call) {
  const Integer place = to_whole(call.arguments[1], "the index");
  if (place.sign() < 0) fail("the index must not be negative, as " + place.text() + " is");
  const Value& whole = call.arguments[0];
  if (whole.is(Kind::object)) fail("an object has no elements by number");
  const Value list = elements_of(whole);
  const std::size_t at = clamp(place, list.size());
  if (at == list.size()) {
    fail("index " + place.text() + " is out of range: there are " + elements_text(list.size()));
  }
  return list.at(at);
}

Value run_slice(const Call& call) {
  const auto start = slice_bound_of(call.arguments[1], "the start");
  const auto stop = slice_bound_of(call.arguments[2], "the stop");
  const Integer from = start.value_or(Integer(0));
  if (stop && *stop <= (from.sign() < 0 ? Integer(0) : from)) return Value::list({});
  const Value list = elements_of(call.arguments[0]);
  const std::size_t begin = slice_bound(from, list.size());
  const std::size_t end = stop ? slice_bound(*stop, list.size()) : list.size();
  return part_of(list, begin, std::max(begin, end));
}

Value run_subsequence(const Call& call) {
  const bool has_start = call.arguments.size() == 3;
  const Integer start = has_start ? to_whole(call.arguments[1], "the start") : Integer(0);
  const Integer stop = to_whole(call.arguments.back(), "the stop");
  if (stop <= start || stop.sign() <= 0) return Value::list({});
  const Value list = elements_of(call.arguments[0]);
  const std::size_t begin = clamp(start, list.size());
  return part_of(list, begin, std::max(begin, clamp(stop, list.size())));
}

Value run_argmax(const Call& call) {
  const Value& list = call.arguments[0];
  if (!list.is(Kind::list)) fail(std::string(describe(list.kind())) + " is no list");
  if (list.size() == 0) fail("the list is empty");
  std::size_t best = 0;
  Value best_value = list.at(0);
  for (std::size_t i = 1, count = list.size(); i < count; ++i) {
    const Value element = list.at(i);
    if (order_of(element, best_value) > 0) {
      best = i;
      best_value = element;
    }
  }
  return Value::integer(static_cast<std::int64_t>(best));
}

Value run_fold(const Call& call) {
  const FoldKind kind = fold_kind_of(call.attributes);
  const Value& list = call.arguments.back();
  if (!list.is(Kind::list)) fail(std::string(describe(list.kind())) + " is no list");
  const bool has_start = call.arguments.size() == 2;
  const bool begins_with_first =
      !has_start && (kind == FoldKind::least || kind == FoldKind::greatest);
  if (begins_with_first && list.size() == 0) fail("the list is empty, and has no first element");
  Value so_far = has_start ? call.arguments[0] : begins_with_first ? list.at(0) : fold_start(kind);
  std::size_t at = begins_with_first ? 1 : 0;
  const bool is_logic = kind == FoldKind::all || kind == FoldKind::any;
  const std::span<const double> numbers = list.as_numbers();
  if (at < numbers.size() && !is_logic) {
    // One step makes a number of whatever the fold starts with, or fails as it should.
    so_far = fold_step(kind, so_far, list.at(at++));
    if (so_far.is(Kind::number)) {
      return Value::number(fold_numbers(kind, so_far.as_number(), numbers.subspan(at)));
    }
  }
  for (const std::size_t count = list.size(); at < count; ++at) {
    so_far = fold_step(kind, so_far, list.at(at));
  }
  return so_far;
}

}  // namespace dsched::value
