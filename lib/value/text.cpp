// SPDX-License-Identifier: Apache-2.0
#include "value/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "value/code_points.h"

namespace dsched::value {
namespace {

enum class Escape : std::uint8_t { unprintable, beyond_ascii };

void append_escape(std::string& out, char letter, std::uint32_t code, int digits) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  out += '\\';
  out += letter;
  for (int at = digits - 1; at >= 0; --at) out += k_digits[(code >> (4 * at)) & 15];
}

// Python prefers single quotes, unless the text has those and no double ones.
char quote_for(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  return has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
}

// What repr writes for the ASCII characters that have an escape of their own; false: none of them.
bool append_short_escape(std::string& out, std::uint32_t code, char quote) {
  switch (code) {
    case '\n':
      out += "\\n";
      return true;
    case '\r':
      out += "\\r";
      return true;
    case '\t':
      out += "\\t";
      return true;
    case '\\':
      out += "\\\\";
      return true;
    default:
      if (code != static_cast<unsigned char>(quote)) return false;
      out += '\\';
      out += quote;
      return true;
  }
}

void append_text_repr(std::string& out, std::string_view text, Escape escape) {
  const char quote = quote_for(text);
  out += quote;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (!point.is_valid) {
      append_escape(out, 'x', point.code, 2);
    } else if (append_short_escape(out, point.code, quote)) {
    } else if (is_printable(point.code) && (point.code < 0x80 || escape == Escape::unprintable)) {
      out.append(text, at, point.length);
    } else if (point.code <= 0xFF) {
      append_escape(out, 'x', point.code, 2);
    } else if (point.code <= 0xFFFF) {
      append_escape(out, 'u', point.code, 4);
    } else {
      append_escape(out, 'U', point.code, 8);
    }
    at += point.length;
  }
  out += quote;
}

void append_bytes_repr(std::string& out, std::string_view bytes) {
  const char quote = quote_for(bytes);
  out += 'b';
  out += quote;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (append_short_escape(out, code, quote)) continue;
    if (code >= 0x20 && code < 0x7F) {
      out += c;
    } else {
      append_escape(out, 'x', code, 2);
    }
  }
  out += quote;
}

void append_repr(std::string& out, const Value& value, Escape escape);

void append_list_repr(std::string& out, const Value& list, Escape escape) {
  out += '[';
  const std::span<const double> numbers = list.as_numbers();
  for (std::size_t i = 0, count = list.size(); i < count; ++i) {
    if (i > 0) out += ", ";
    if (numbers.empty()) {
      append_repr(out, list.at(i), escape);
    } else {
      append_number(out, numbers[i]);
    }
  }
  out += ']';
}

// Recursion is as deep as values may nest (k_depth_max).
void append_repr(std::string& out, const Value& value, Escape escape) {
  switch (value.kind()) {
    case Kind::none:
      out += "None";
      return;
    case Kind::boolean:
      out += value.as_boolean() ? "True" : "False";
      return;
    case Kind::integer:
      out += value.as_integer().text();
      return;
    case Kind::number:
      return append_number(out, value.as_number());
    case Kind::text:
      return append_text_repr(out, value.as_text(), escape);
    case Kind::bytes:
      return append_bytes_repr(out, value.as_text());
    case Kind::list:
      return append_list_repr(out, value, escape);
    case Kind::object:
      out += '{';
      for (const Member& member : value.members()) {
        if (&member != value.members().data()) out += ", ";
        append_text_repr(out, member.name, escape);
        out += ": ";
        append_repr(out, member.value, escape);
      }
      out += '}';
      return;
  }
}

// Without white space at the ends and the single _ that may stand between digits; empty: there is
// one elsewhere, or nothing is left.
std::string plain_digits(std::string_view text) {
  constexpr std::string_view k_space = " \t\n\r\f\v\x1c\x1d\x1e\x1f";
  const std::size_t begin = text.find_first_not_of(k_space);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(k_space) - begin + 1);
  const auto is_digit = [&](std::size_t at) {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  };
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '_') {
      out += text[at];
    } else if (at == 0 || !is_digit(at - 1) || !is_digit(at + 1)) {
      return {};
    }
  }
  return out;
}

bool is_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) | 0x20) != word[i]) return false;
  }
  return true;
}

// Digits with a point and an exponent that are beyond the range of doubles: too large or too small?
double beyond_range(std::string_view digits) {
  long exponent = 0;
  const std::size_t e = digits.find_first_of("eE");
  if (e != std::string_view::npos) {
    const std::string_view written = digits.substr(e + 1);
    const std::size_t skip = written.starts_with('+') ? 1 : 0;
    const auto read =
        std::from_chars(written.data() + skip, written.data() + written.size(), exponent);
    const bool is_negative = written.starts_with('-');
    if (read.ec != std::errc()) {
      return is_negative ? 0.0 : std::numeric_limits<double>::infinity();
    }
    digits = digits.substr(0, e);
  }
  const auto point = static_cast<long>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<long>(digits.find_first_not_of("0."));
  return exponent + point - first > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

}  // namespace

std::string repr_of(const Value& value) {
  std::string out;
  append_repr(out, value, Escape::unprintable);
  return out;
}

std::string ascii_of(const Value& value) {
  std::string out;
  append_repr(out, value, Escape::beyond_ascii);
  return out;
}

std::string text_of(const Value& value) {
  return value.is(Kind::text) ? std::string(value.as_text()) : repr_of(value);
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
    return;
  }
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end.ptr, exponent);
  constexpr int k_exponent_min = -4;
  constexpr int k_exponent_max = 15;
  if (exponent < k_exponent_min || exponent > k_exponent_max) {
    out += text;
    return;
  }
  if (text[0] == '-') out += '-';
  text = text.substr(text[0] == '-' ? 1 : 0, e - (text[0] == '-' ? 1 : 0));
  const char first = text[0];
  const std::string_view rest = text.size() > 2 ? text.substr(2) : std::string_view();
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0') += first;
    out += rest;
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent);  // digits of the rest before the point
  out += first;
  out += rest.substr(0, whole);
  if (whole > rest.size()) out.append(whole - rest.size(), '0');
  out += '.';
  out += whole < rest.size() ? rest.substr(whole) : "0";
}

std::string number_text(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

std::optional<double> number_from_text(std::string_view text) {
  const std::string plain = plain_digits(text);
  std::string_view digits = plain;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  if (is_word(digits, "inf") || is_word(digits, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (is_word(digits, "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    const bool is_plain = digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
    if (!is_plain || digits.starts_with('-') || digits.starts_with('+')) return std::nullopt;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ptr != digits.data() + digits.size()) return std::nullopt;
    if (read.ec == std::errc::result_out_of_range) {
      value = beyond_range(digits);
    } else if (read.ec != std::errc()) {
      return std::nullopt;
    }
  }
  return is_negative ? -value : value;
}

std::optional<Integer> integer_from_text(std::string_view text) {
  return integer_from_digits(plain_digits(text));
}

}  // namespace dsched::value
