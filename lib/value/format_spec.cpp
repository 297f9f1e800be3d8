// SPDX-License-Identifier: Apache-2.0
#include "value/format_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "value/code_points.h"
#include "value/failure.h"
#include "value/scalars.h"
#include "value/text.h"

namespace dsched::value {
namespace {

constexpr std::size_t k_width_max = 1'000'000;
constexpr std::size_t k_precision_max = 10'000;

bool is_align(std::string_view character) {
  return character.size() == 1 && std::string_view("<>=^").find(character[0]) != std::string::npos;
}

// Digits at the front; empty: there are none.
std::optional<std::size_t> take_count(std::string_view& text, std::size_t max) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return std::nullopt;
  std::size_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + digits, count);
  if (read.ec != std::errc() || count > max) {
    fail("a width or precision of more than " + std::to_string(max));
  }
  text.remove_prefix(digits);
  return count;
}

bool take_one(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

void append_fill(std::string& out, std::string_view fill, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out += fill;
}

// A number on its way out, in the parts between which padding may come.
struct NumberParts {
  std::string sign;
  std::string prefix;  // 0x
  std::string digits;  // before the point
  std::string rest;    // the point, what follows it, exponent, %
};

std::string grouped(std::string_view digits, char separator, std::size_t group,
                    std::size_t width_min) {
  std::string reversed;
  std::size_t count = 0;
  const auto put = [&](char digit) {
    if (separator != '\0' && count > 0 && count % group == 0) reversed += separator;
    reversed += digit;
    ++count;
  };
  for (auto at = digits.rbegin(); at != digits.rend(); ++at) put(*at);
  while (reversed.size() < width_min) put('0');
  return {reversed.rbegin(), reversed.rend()};
}

std::string padded(const FormatSpec& spec, char default_align, const std::string& before,
                   const std::string& text) {
  const std::size_t size = before.size() + count_code_points(text);
  const std::size_t missing = spec.width > size ? spec.width - size : 0;
  const char align = spec.align == '\0' ? default_align : spec.align;
  const std::size_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  std::string out;
  append_fill(out, spec.fill, left);
  out += before;
  if (align == '=') append_fill(out, spec.fill, missing);
  out += text;
  if (align != '=') append_fill(out, spec.fill, missing - left);
  return out;
}

std::string laid_out(const FormatSpec& spec, const NumberParts& parts) {
  const bool groups_of_four =
      spec.type == 'b' || spec.type == 'o' || spec.type == 'x' || spec.type == 'X';
  const std::string before = parts.sign + parts.prefix;
  std::size_t width_min = 0;
  if (spec.fill == "0" && spec.align == '=') {
    const std::size_t others = before.size() + parts.rest.size();
    width_min = spec.width > others ? spec.width - others : 0;
  }
  std::string digits = parts.digits;
  if (!digits.empty()) digits = grouped(digits, spec.grouping, groups_of_four ? 4 : 3, width_min);
  return padded(spec, '>', before, digits + parts.rest);
}

std::string sign_of(const FormatSpec& spec, bool is_negative) {
  if (is_negative) return "-";
  return spec.sign == '-' ? std::string() : std::string(1, spec.sign);
}

[[noreturn]] void unknown_code(char type, const Value& value) {
  fail(std::string("unknown format code '") + type + "' for " +
       std::string(describe(value.kind())));
}

// ---- floats

std::string chars_of(double value, std::chars_format format, std::size_t precision) {
  constexpr std::size_t k_digits_max = 320;  // before the point
  std::string buffer(k_digits_max + precision, '\0');
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format,
                                 static_cast<int>(precision));
  DSCHED_ASSERT(end.ec == std::errc(), "no double has more digits");
  buffer.resize(static_cast<std::size_t>(end.ptr - buffer.data()));
  return buffer;
}

enum class Shape : std::uint8_t {
  general,     // g
  with_point,  // no type: at least one digit behind the point
};

// `precision` digits, with an exponent where the number is too large or small for them.
std::string general_text(double value, std::size_t precision, Shape shape, bool keeps_zeros) {
  precision = std::max<std::size_t>(precision, 1);
  const std::string scientific = chars_of(value, std::chars_format::scientific, precision - 1);
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const char* written = scientific.data() + e + 1;
  if (*written == '+') ++written;
  std::from_chars(written, scientific.data() + scientific.size(), exponent);
  std::string digits = scientific.substr(0, 1);
  if (e > 2) digits += scientific.substr(2, e - 2);
  while (!keeps_zeros && digits.size() > 1 && digits.back() == '0') digits.pop_back();

  const int exponent_max = static_cast<int>(precision) - (shape == Shape::with_point ? 1 : 0);
  if (exponent < -4 || exponent >= exponent_max) {
    std::string out = digits.substr(0, 1);
    if (digits.size() > 1 || keeps_zeros) out += "." + digits.substr(1);
    return out + scientific.substr(e);
  }
  std::string out;
  if (exponent < 0) {
    out = "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    out = digits.substr(0, whole);
    if (digits.size() > whole || keeps_zeros) out += "." + digits.substr(whole);
  }
  if (shape == Shape::with_point && out.find('.') == std::string::npos) out += ".0";
  return out;
}

// Of a number that is not negative, without its sign.
std::string float_text(double value, const FormatSpec& spec) {
  constexpr std::size_t k_precision = 6;
  const std::size_t precision = spec.precision.value_or(k_precision);
  const bool is_percent = spec.type == '%';
  if (is_percent) value *= 100;
  if (!std::isfinite(value)) return number_text(value) + (is_percent ? "%" : "");
  const bool has_point = spec.alternate && precision == 0;
  switch (spec.type) {
    case '\0':
      if (!spec.precision) return number_text(value);
      return general_text(value, precision, Shape::with_point, spec.alternate);
    case 'e':
    case 'E': {
      std::string text = chars_of(value, std::chars_format::scientific, precision);
      if (has_point) text.insert(text.find('e'), ".");
      return text;
    }
    case 'f':
    case 'F':
    case '%':
      return chars_of(value, std::chars_format::fixed, precision) + (has_point ? "." : "") +
             (is_percent ? "%" : "");
    default:
      return general_text(value, precision, Shape::general, spec.alternate);
  }
}

std::string formatted_float(const Value& value, double number, const FormatSpec& spec) {
  if (spec.type != '\0' && std::string_view("eEfFgGn%").find(spec.type) == std::string::npos) {
    unknown_code(spec.type, value);
  }
  if (spec.type == 'n' && spec.grouping != '\0') fail("there is no grouping with 'n'");
  std::string text = float_text(std::abs(number), spec);
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  }
  const bool is_zero =
      text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == std::string::npos;
  const bool is_shown_negative = std::signbit(number) && !std::isnan(number) &&
                                 !(spec.no_negative_zero && is_zero && std::isfinite(number));
  NumberParts parts;
  parts.sign = sign_of(spec, is_shown_negative);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  parts.digits = text.substr(0, digits);
  parts.rest = text.substr(digits);
  return laid_out(spec, parts);
}

// ---- integers

// The digits of a magnitude in base 2, 8 or 16.
std::string digits_in_base(const Integer& integer, int bits_a_digit) {
  std::string bits;
  for (const char c : integer.magnitude()) {
    for (int bit = 7; bit >= 0; --bit) {
      bits += ((static_cast<unsigned char>(c) >> bit) & 1) != 0 ? '1' : '0';
    }
  }
  const auto group = static_cast<std::size_t>(bits_a_digit);
  bits.insert(0, (group - bits.size() % group) % group, '0');
  std::string out;
  for (std::size_t at = 0; at < bits.size(); at += group) {
    std::size_t digit = 0;
    for (std::size_t i = 0; i < group; ++i) digit = digit * 2 + (bits[at + i] == '1' ? 1 : 0);
    out += "0123456789abcdef"[digit];
  }
  out.erase(0, std::min(out.find_first_not_of('0'), out.size()));
  return out.empty() ? "0" : out;
}

std::string formatted_character(const Integer& integer, const FormatSpec& spec) {
  constexpr std::int64_t k_code_max = 0x10FFFF;
  const auto code = integer.small();
  const bool is_surrogate = code && *code >= 0xD800 && *code <= 0xDFFF;
  if (!code || *code < 0 || *code > k_code_max || is_surrogate) {
    fail("there is no character " + integer.text());
  }
  std::string character;
  append_code_point(character, static_cast<std::uint32_t>(*code));
  return padded(spec, '>', "", character);
}

std::string formatted_integer(const Value& value, const Integer& integer, const FormatSpec& spec) {
  if (spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string::npos) {
    return formatted_float(value, to_float(Value::integer(integer)), spec);
  }
  if (spec.type != '\0' && std::string_view("bcdnoxX").find(spec.type) == std::string::npos) {
    unknown_code(spec.type, value);
  }
  if (spec.precision) fail("there is no precision of an integer");
  if (spec.no_negative_zero) fail("there is no negative zero of an integer");
  const bool is_decimal = spec.type == '\0' || spec.type == 'd';
  const bool is_grouped_wrong = spec.type == 'n' || spec.type == 'c' || spec.grouping == ',';
  if (spec.grouping != '\0' && !is_decimal && is_grouped_wrong) {
    fail(std::string("there is no grouping by '") + spec.grouping + "' with '" + spec.type + "'");
  }
  if (spec.type == 'c') return formatted_character(integer, spec);
  NumberParts parts;
  parts.sign = sign_of(spec, integer.sign() < 0);
  switch (spec.type) {
    case 'b':
      parts.digits = digits_in_base(integer, 1);
      break;
    case 'o':
      parts.digits = digits_in_base(integer, 3);
      break;
    case 'x':
    case 'X':
      parts.digits = digits_in_base(integer, 4);
      break;
    default:
      parts.digits = integer.text();
      if (integer.sign() < 0) parts.digits.erase(0, 1);
      break;
  }
  if (spec.alternate && !is_decimal && spec.type != 'n') {
    parts.prefix = std::string("0") + spec.type;
  }
  if (spec.type == 'X') {
    std::transform(parts.digits.begin(), parts.digits.end(), parts.digits.begin(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  }
  return laid_out(spec, parts);
}

std::string formatted_text(const Value& value, const FormatSpec& spec) {
  if (spec.type != '\0' && spec.type != 's') unknown_code(spec.type, value);
  if (spec.sign != '-' || spec.no_negative_zero) fail("there is no sign of a text");
  if (spec.alternate) fail("there is no alternate form of a text");
  if (spec.align == '=') fail("there is no '=' alignment of a text");
  if (spec.grouping != '\0') fail("there is no grouping of a text");
  std::string text(value.as_text());
  if (spec.precision) {
    std::size_t end = 0;
    for (std::size_t i = 0; i < *spec.precision && end < text.size(); ++i) {
      end += code_point_at(text, end).length;
    }
    text.resize(end);
  }
  return padded(spec, '<', "", text);
}

}  // namespace

FormatSpec read_format_spec(std::string_view text, char default_align) {
  const std::string_view whole = text;
  FormatSpec spec;
  spec.is_empty = text.empty();
  bool has_fill = false;
  const std::size_t first = text.empty() ? 0 : code_point_at(text, 0).length;
  if (is_align(text.substr(first, 1))) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    has_fill = true;
    text.remove_prefix(first + 1);
  } else if (is_align(text.substr(0, 1))) {
    spec.align = text[0];
    text.remove_prefix(1);
  }
  for (const char sign : {'+', '-', ' '}) {
    if (!text.starts_with(sign)) continue;
    spec.sign = sign;
    text.remove_prefix(1);
    break;
  }
  spec.no_negative_zero = take_one(text, 'z');
  spec.alternate = take_one(text, '#');
  if (!has_fill && take_one(text, '0')) {
    spec.fill = "0";
    if (spec.align == '\0' && default_align == '>') spec.align = '=';
  }
  spec.width = take_count(text, k_width_max).value_or(0);
  for (const char grouping : {',', '_'}) {
    if (spec.grouping == '\0' && take_one(text, grouping)) spec.grouping = grouping;
  }
  if (take_one(text, '.')) {
    spec.precision = take_count(text, k_precision_max);
    if (!spec.precision) fail("the format '" + std::string(whole) + "' lacks its precision");
  }
  if (text.size() > 1) fail("'" + std::string(whole) + "' is no format");
  if (!text.empty()) spec.type = text[0];
  return spec;
}

std::string formatted(const Value& value, std::string_view spec) {
  if (spec.empty()) return text_of(value);
  switch (value.kind()) {
    case Kind::text:
      return formatted_text(value, read_format_spec(spec, '<'));
    case Kind::number:
      return formatted_float(value, value.as_number(), read_format_spec(spec, '>'));
    case Kind::integer:
      return formatted_integer(value, value.as_integer(), read_format_spec(spec, '>'));
    case Kind::boolean:
      return formatted_integer(value, value.as_boolean() ? 1 : 0, read_format_spec(spec, '>'));
    default:
      fail("the format '" + std::string(spec) + "' is not for " +
           std::string(describe(value.kind())));
  }
}

}  // namespace dsched::value
