// SPDX-License-Identifier: Apache-2.0
#include "program/values.h"

#include <cmath>

namespace dsched::program {
namespace {

// 3 as "3", 0.5 as "0.5".
std::string shown(double number) {
  std::string out;
  append_canonical_number(out, {.kind = JsonNumber::Kind::real, .real = number});
  return out;
}

}  // namespace

std::string_view Values::kept_text() {
  return reader_.is_stable() ? reader_.text() : arena_.keep(reader_.text());
}

std::optional<std::string_view> Values::string(const Path& path) {
  if (reader_.token() == JsonToken::string) return kept_text();
  wrong_type(path, "a string");
  return std::nullopt;
}

std::optional<bool> Values::boolean(const Path& path) {
  if (reader_.token() == JsonToken::true_value) return true;
  if (reader_.token() == JsonToken::false_value) return false;
  wrong_type(path, "true or false");
  return std::nullopt;
}

std::optional<double> Values::number(const Path& path, Range<double> range) {
  if (reader_.token() != JsonToken::number) {
    wrong_type(path, "a number");
    return std::nullopt;
  }
  const std::optional<JsonNumber> number = number_from_json(reader_.text());
  const double value = number ? number->as_double() : HUGE_VAL;
  if (value >= range.least && value <= range.most) return value;
  fault("out_of_range", path,
        last_name(path) + " is " + std::string(reader_.text().substr(0, 40)) + ", but must be " +
            shown(range.least) + " to " + shown(range.most));
  return std::nullopt;
}

std::optional<std::uint64_t> Values::integer(const Path& path, Range<std::uint64_t> range) {
  if (reader_.token() != JsonToken::number) {
    wrong_type(path, "a whole number");
    return std::nullopt;
  }
  const std::optional<JsonNumber> number = number_from_json(reader_.text());
  std::optional<std::uint64_t> value;
  if (number && number->kind == JsonNumber::Kind::unsigned_integer) {
    value = number->unsigned_integer;
  } else if (number && number->kind == JsonNumber::Kind::real && number->real >= 0 &&
             number->real < 9e15 && std::floor(number->real) == number->real) {
    value = static_cast<std::uint64_t>(number->real);  // 1e3 and 2.0 are whole, too
  } else if (number && number->kind == JsonNumber::Kind::real && std::abs(number->real) < 9e15 &&
             std::floor(number->real) != number->real) {
    wrong_type(path, "a whole number");
    return std::nullopt;
  }
  if (value && *value >= range.least && *value <= range.most) return value;
  fault("out_of_range", path,
        last_name(path) + " is " + std::string(reader_.text().substr(0, 40)) + ", but must be " +
            std::to_string(range.least) + " to " + std::to_string(range.most));
  return std::nullopt;
}

bool Values::canonical(const Path& path, std::string& out, JsonReplacement* replacement) {
  if (reader_.token() == JsonToken::failed) return false;
  const std::uint32_t outside = reader_.depth() - (reader_.token() == JsonToken::begin_object ||
                                                           reader_.token() == JsonToken::begin_array
                                                       ? 1U
                                                       : 0U);
  const std::optional<JsonFault> found = canonical_.append(out, reader_, replacement);
  if (!found) return true;
  if (found->kind == JsonFault::Kind::syntax) return false;
  faults_.add({.code = found->kind == JsonFault::Kind::number ? "out_of_range" : "duplicate_name",
               .message = found->message,
               .pointer = pointer_to(path),
               .offset = in_program(found->offset)});
  while (reader_.depth() > outside && reader_.next() != JsonToken::failed) {
  }
  return false;
}

void Values::fault(std::string_view code, const Path& path, std::string message, std::string hint) {
  if (reader_.token() == JsonToken::failed) return;
  faults_.add({.code = code,
               .message = std::move(message),
               .pointer = pointer_to(path),
               .offset = in_program(reader_.offset()),
               .hint = std::move(hint)});
}

void Values::wrong_type(const Path& path, std::string_view wanted) {
  fault("wrong_type", path,
        last_name(path) + " must be " + std::string(wanted) + ", not " +
            std::string(describe(reader_.token())));
  reader_.skip();
}

void Values::duplicate_name(const Path& path) {
  fault("duplicate_name", path,
        "the name '" + std::string(path.name) + "' stands twice in one object");
  reader_.next();
  reader_.skip();
}

}  // namespace dsched::program
