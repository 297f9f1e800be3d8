// SPDX-License-Identifier: Apache-2.0
#include "value/value.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "base/text.h"
#include "value/failure.h"

namespace dsched::value {

struct Value::Content {
  std::variant<std::string, Integer, std::vector<Value>, std::vector<double>,
               std::vector<std::int64_t>, std::vector<std::uint8_t>, std::vector<Member>>
      data;
  std::uint32_t depth = 0;
};

namespace {

// All NaNs are one value, so that equal results have equal bytes.
double one_nan(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(one_nan(a)) == std::bit_cast<std::uint64_t>(one_nan(b));
}

std::uint32_t depth_over(std::uint32_t inner) {
  if (inner >= k_depth_max) {
    fail("lists nested deeper than " + std::to_string(k_depth_max) + " levels");
  }
  return inner + 1;
}

void check_count(std::size_t count) {
  if (count > k_list_max) {
    fail("a list of more than " + std::to_string(k_list_max) + " elements");
  }
}

}  // namespace

Value Value::of_content(Kind kind, Content content) {
  Value made;
  made.kind_ = kind;
  made.content_ = std::make_shared<const Content>(std::move(content));
  return made;
}

Value Value::boolean(bool value) {
  Value made;
  made.kind_ = Kind::boolean;
  made.boolean_ = value;
  return made;
}

Value Value::integer(const Integer& value) {
  if (!value.small()) return of_content(Kind::integer, {value, 0});
  Value made;
  made.kind_ = Kind::integer;
  made.integer_ = *value.small();
  return made;
}

Value Value::number(double value) {
  Value made;
  made.kind_ = Kind::number;
  made.number_ = one_nan(value);
  return made;
}

Value Value::text(std::string utf8) {
  DSCHED_ASSERT(is_utf8(utf8), "whoever makes a text has looked at its bytes");
  return of_content(Kind::text, {std::move(utf8), 0});
}

Value Value::bytes(std::string bytes) {
  return of_content(Kind::bytes, {std::move(bytes), 0});
}

Value Value::list(std::vector<Value> elements) {
  ListBuilder builder;
  builder.reserve(elements.size());
  for (const Value& element : elements) builder.add(element);
  return builder.finish();
}

Value Value::numbers(std::vector<double> elements) {
  if (elements.empty()) return of_content(Kind::list, {std::vector<Value>(), 1});
  check_count(elements.size());
  return of_content(Kind::list, {std::move(elements), 1});
}

Value Value::integers(std::vector<std::int64_t> elements) {
  if (elements.empty()) return numbers({});
  check_count(elements.size());
  return of_content(Kind::list, {std::move(elements), 1});
}

Value Value::booleans(std::vector<std::uint8_t> elements) {
  if (elements.empty()) return numbers({});
  check_count(elements.size());
  return of_content(Kind::list, {std::move(elements), 1});
}

Value Value::object(std::vector<Member> members) {
  std::uint32_t inner = 0;
  for (const Member& member : members) inner = std::max(inner, member.value.depth());
  return of_content(Kind::object, {std::move(members), depth_over(inner)});
}

bool Value::as_boolean() const {
  DSCHED_ASSERT(kind_ == Kind::boolean, "the caller has looked at the kind");
  return boolean_;
}

Integer Value::as_integer() const {
  DSCHED_ASSERT(kind_ == Kind::integer, "the caller has looked at the kind");
  return content_ == nullptr ? Integer(integer_) : std::get<Integer>(content_->data);
}

double Value::as_number() const {
  DSCHED_ASSERT(kind_ == Kind::number, "the caller has looked at the kind");
  return number_;
}

std::string_view Value::as_text() const {
  DSCHED_ASSERT(kind_ == Kind::text || kind_ == Kind::bytes, "the caller has looked at the kind");
  return std::get<std::string>(content_->data);
}

std::span<const Member> Value::members() const {
  DSCHED_ASSERT(kind_ == Kind::object, "the caller has looked at the kind");
  return std::get<std::vector<Member>>(content_->data);
}

Packing Value::packing() const {
  DSCHED_ASSERT(kind_ == Kind::list, "the caller has looked at the kind");
  if (std::holds_alternative<std::vector<double>>(content_->data)) return Packing::numbers;
  if (std::holds_alternative<std::vector<std::int64_t>>(content_->data)) return Packing::integers;
  if (std::holds_alternative<std::vector<std::uint8_t>>(content_->data)) return Packing::booleans;
  return Packing::values;
}

std::span<const Value> Value::as_values() const {
  if (packing() != Packing::values) return {};
  return std::get<std::vector<Value>>(content_->data);
}

std::span<const double> Value::as_numbers() const {
  if (packing() != Packing::numbers) return {};
  return std::get<std::vector<double>>(content_->data);
}

std::span<const std::int64_t> Value::as_integers() const {
  if (packing() != Packing::integers) return {};
  return std::get<std::vector<std::int64_t>>(content_->data);
}

std::span<const std::uint8_t> Value::as_booleans() const {
  if (packing() != Packing::booleans) return {};
  return std::get<std::vector<std::uint8_t>>(content_->data);
}

std::size_t Value::size() const {
  switch (packing()) {
    case Packing::values:
      return as_values().size();
    case Packing::numbers:
      return as_numbers().size();
    case Packing::integers:
      return as_integers().size();
    case Packing::booleans:
      return as_booleans().size();
  }
  return 0;
}

Value Value::at(std::size_t index) const {
  DSCHED_ASSERT(index < size(), "the caller has looked at the size");
  switch (packing()) {
    case Packing::values:
      return as_values()[index];
    case Packing::numbers:
      return number(as_numbers()[index]);
    case Packing::integers:
      return integer(as_integers()[index]);
    case Packing::booleans:
      return boolean(as_booleans()[index] != 0);
  }
  return {};
}

std::uint32_t Value::depth() const {
  return content_ == nullptr ? 0 : content_->depth;
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return false;
  switch (a.kind_) {
    case Kind::none:
      return true;
    case Kind::boolean:
      return a.boolean_ == b.boolean_;
    case Kind::integer:
      return a.as_integer() == b.as_integer();
    case Kind::number:
      return same_bits(a.number_, b.number_);
    case Kind::text:
    case Kind::bytes:
      return a.as_text() == b.as_text();
    case Kind::object:
      return std::ranges::equal(a.members(), b.members(), [](const Member& x, const Member& y) {
        return x.name == y.name && x.value == y.value;
      });
    case Kind::list:
      break;
  }
  if (a.content_ == b.content_) return true;
  return a.packing() == b.packing() && std::ranges::equal(a.as_values(), b.as_values()) &&
         std::ranges::equal(a.as_numbers(), b.as_numbers(), same_bits) &&
         std::ranges::equal(a.as_integers(), b.as_integers()) &&
         std::ranges::equal(a.as_booleans(), b.as_booleans());
}

Value text_or_bytes(std::string content) {
  return is_utf8(content) ? Value::text(std::move(content)) : Value::bytes(std::move(content));
}

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::none:
      return "none";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::number:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "a list";
    case Kind::object:
      return "an object";
  }
  return "nothing";
}

// ---- ListBuilder

std::size_t ListBuilder::size() const {
  return values_.size() + numbers_.size() + integers_.size() + booleans_.size();
}

// What is packed becomes values, one by one: an element of another kind has come.
void ListBuilder::unpack() {
  if (packing_ == Packing::values) return;
  values_.reserve(std::max(expected_, size() + 1));
  for (const double number : numbers_) values_.push_back(Value::number(number));
  for (const std::int64_t integer : integers_) values_.push_back(Value::integer(integer));
  for (const std::uint8_t boolean : booleans_) values_.push_back(Value::boolean(boolean != 0));
  numbers_ = {};
  integers_ = {};
  booleans_ = {};
  packing_ = Packing::values;
}

template <class Element>
void ListBuilder::append(Packing packing, std::vector<Element>& to,
                         std::span<const Element> elements) {
  if (elements.empty()) return;
  check_count(size() + elements.size());
  if (is_empty_) {
    packing_ = packing;
    is_empty_ = false;
    to.reserve(std::max(expected_, elements.size()));
  }
  if (packing_ == packing) {
    to.insert(to.end(), elements.begin(), elements.end());
    return;
  }
  unpack();
  for (const Element element : elements) {
    if constexpr (std::is_same_v<Element, double>) {
      values_.push_back(Value::number(element));
    } else if constexpr (std::is_same_v<Element, std::int64_t>) {
      values_.push_back(Value::integer(element));
    } else {
      values_.push_back(Value::boolean(element != 0));
    }
  }
}

void ListBuilder::add(std::span<const double> numbers) {
  append(Packing::numbers, numbers_, numbers);
}

void ListBuilder::add(std::span<const std::int64_t> integers) {
  append(Packing::integers, integers_, integers);
}

void ListBuilder::add(std::span<const std::uint8_t> booleans) {
  append(Packing::booleans, booleans_, booleans);
}

void ListBuilder::add(const Value& element) {
  if (element.is(Kind::number)) {
    const double number = element.as_number();
    return add(std::span(&number, 1));
  }
  if (element.is(Kind::boolean)) {
    const std::uint8_t boolean = element.as_boolean() ? 1 : 0;
    return add(std::span(&boolean, 1));
  }
  if (element.is(Kind::integer)) {
    if (const auto small = element.as_integer().small()) return add(std::span(&*small, 1));
  }
  check_count(size() + 1);
  if (is_empty_) values_.reserve(expected_);
  is_empty_ = false;
  unpack();
  values_.push_back(element);
}

Value ListBuilder::finish() {
  switch (packing_) {
    case Packing::numbers:
      return Value::numbers(std::move(numbers_));
    case Packing::integers:
      return Value::integers(std::move(integers_));
    case Packing::booleans:
      return Value::booleans(std::move(booleans_));
    case Packing::values:
      break;
  }
  std::uint32_t inner = 0;
  for (const Value& element : values_) inner = std::max(inner, element.depth());
  return Value::of_content(Kind::list, {std::move(values_), depth_over(inner)});
}

}  // namespace dsched::value
