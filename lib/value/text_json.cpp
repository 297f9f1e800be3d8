// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"
#include "value/code_points.h"
#include "value/failure.h"
#include "value/text.h"

// JSON of values, both ways.

namespace dsched::value {
namespace {

void append_u_escape(std::string& out, std::uint32_t unit) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  out += "\\u";
  for (int at = 3; at >= 0; --at) out += k_digits[(unit >> (4 * at)) & 15];
}

// As json.dumps does by default: nothing beyond ASCII.
void append_ascii_string(std::string& out, std::string_view text) {
  std::string escaped;
  append_json_string(escaped, text);
  for (std::size_t at = 0; at < escaped.size();) {
    const CodePoint point = code_point_at(escaped, at);
    if (point.code < 0x7F) {
      out += escaped[at];
    } else if (point.code < 0x10000) {
      append_u_escape(out, point.code);
    } else {
      append_u_escape(out, 0xD7C0 + (point.code >> 10));
      append_u_escape(out, 0xDC00 + (point.code & 0x3FF));
    }
    at += point.length;
  }
}

// Python's layout: a line for every element, `indent` more spaces for every level.
class JsonWriter {
 public:
  enum class Dialect : std::uint8_t { python, strict };
  JsonWriter(Dialect dialect, std::optional<std::size_t> indent)
      : dialect_(dialect), indent_(indent) {}

  // Recursion is as deep as values may nest (k_depth_max).
  void append(const Value& value) {
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        return;
      case Kind::boolean:
        out_ += value.as_boolean() ? "true" : "false";
        return;
      case Kind::integer:
        out_ += value.as_integer().text();
        return;
      case Kind::number:
        return append_number(value.as_number());
      case Kind::text:
        return append_string(value.as_text());
      case Kind::bytes:
        return append_bytes(value.as_text());
      case Kind::list:
        begin('[');
        for (std::size_t i = 0, count = value.size(); i < count; ++i) {
          separate(i);
          append(value.at(i));
        }
        return end(']', value.size());
      case Kind::object:
        begin('{');
        for (const Member& member : value.members()) {
          separate(static_cast<std::size_t>(&member - value.members().data()));
          append_string(member.name);
          out_ += dialect_ == Dialect::python ? ": " : ":";
          append(member.value);
        }
        return end('}', value.members().size());
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void append_number(double number) {
    if (std::isfinite(number)) return value::append_number(out_, number);
    if (dialect_ == Dialect::strict) return append_string(number_text(number));
    out_ += std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity";
  }
  void append_string(std::string_view text) {
    if (dialect_ == Dialect::strict) {
      append_json_string(out_, text);
    } else {
      append_ascii_string(out_, text);
    }
  }
  void append_bytes(std::string_view bytes) {
    if (dialect_ == Dialect::python) fail("bytes cannot be written as JSON");
    out_ += "{\"base64\":\"" + base64(bytes) + "\"}";
  }
  void begin(char bracket) {
    out_ += bracket;
    ++level_;
  }
  void separate(std::size_t index) {
    if (index > 0) out_ += indent_ || dialect_ == Dialect::strict ? "," : ", ";
    break_line();
  }
  void end(char bracket, std::size_t count) {
    --level_;
    if (count > 0) break_line();
    out_ += bracket;
  }
  void break_line() {
    if (!indent_) return;
    out_ += '\n';
    out_.append(level_ * *indent_, ' ');
  }

  Dialect dialect_;
  std::optional<std::size_t> indent_;
  std::size_t level_ = 0;
  std::string out_;
};

// One of several members of a name is the last one, in the place of the first.
std::vector<Member> without_repeated_names(std::vector<Member> members) {
  std::unordered_map<std::string_view, std::size_t> places;
  std::vector<std::size_t> place_of(members.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto [at, is_new] = places.emplace(members[i].name, count);
    place_of[i] = at->second;
    if (is_new) ++count;
  }
  if (count == members.size()) return members;
  places.clear();
  std::vector<Member> kept(count);
  for (std::size_t i = 0; i < members.size(); ++i) kept[place_of[i]] = std::move(members[i]);
  return kept;
}

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  // The containers that are open lie on a stack of their own: nothing recurses.
  [[nodiscard]] Value read() {
    Value value;
    bool has_value = false;  // `value` is complete and waits for its place
    while (true) {
      if (!has_value) {
        has_value = read_start(value);
      } else if (open_.empty()) {
        break;
      } else {
        has_value = place(value);
      }
    }
    skip_space();
    if (at_ != text_.size()) wrong("something follows the value");
    return value;
  }

 private:
  struct Open {
    bool is_object = false;
    ListBuilder elements;
    std::vector<Member> members;
  };

  [[noreturn]] void wrong(std::string_view what) const {
    const TextPosition place = position_of(text_, std::min(at_, text_.size()));
    fail("not JSON: line " + std::to_string(place.line) + ", column " +
         std::to_string(place.column) + ": " + std::string(what));
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  [[nodiscard]] bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  // Reads a whole simple value (true), or opens a container (false, or true where it is empty).
  bool read_start(Value& value) {
    skip_space();
    if (take('[')) return open(false, ']', value);
    if (take('{')) return open(true, '}', value);
    if (take_word("null")) {
      value = Value();
    } else if (take_word("true")) {
      value = Value::boolean(true);
    } else if (take_word("false")) {
      value = Value::boolean(false);
    } else if (take_word("NaN")) {
      value = Value::number(std::numeric_limits<double>::quiet_NaN());
    } else if (take_word("Infinity")) {
      value = Value::number(std::numeric_limits<double>::infinity());
    } else if (take_word("-Infinity")) {
      value = Value::number(-std::numeric_limits<double>::infinity());
    } else if (peek() == '"') {
      value = Value::text(read_string());
    } else {
      value = read_number();
    }
    return true;
  }

  bool open(bool is_object, char closing, Value& value) {
    if (open_.size() >= k_depth_max) {
      wrong("nested deeper than " + std::to_string(k_depth_max) + " levels");
    }
    if (take(closing)) {
      value = is_object ? Value::object({}) : Value::list({});
      return true;
    }
    open_.emplace_back();
    open_.back().is_object = is_object;
    if (is_object) read_name();
    return false;
  }

  void read_name() {
    skip_space();
    if (peek() != '"') wrong("expected a name in quotes");
    open_.back().members.push_back({read_string(), Value()});
    if (!take(':')) wrong("expected ':'");
  }

  // Puts a value into the innermost container; true when that is complete and `value` is now it.
  bool place(Value& value) {
    Open& into = open_.back();
    if (into.is_object) {
      into.members.back().value = std::move(value);
    } else {
      into.elements.add(value);
    }
    if (take(',')) {
      if (into.is_object) read_name();
      return false;
    }
    if (!take(into.is_object ? '}' : ']')) {
      wrong(into.is_object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    value = into.is_object ? Value::object(without_repeated_names(std::move(into.members)))
                           : into.elements.finish();
    open_.pop_back();
    return true;
  }

  std::size_t count_digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - begin;
  }

  Value read_number() {
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    const bool has_zero = peek() == '0';
    const std::size_t digits = count_digits();
    if (digits == 0 || (has_zero && digits > 1)) {
      at_ = begin;
      wrong("expected a value");
    }
    bool is_integer = true;
    if (peek() == '.') {
      is_integer = false;
      ++at_;
      if (count_digits() == 0) wrong("expected a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      is_integer = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (count_digits() == 0) wrong("expected a digit");
    }
    const std::string_view number = text_.substr(begin, at_ - begin);
    if (is_integer) return Value::integer(*integer_from_digits(number));
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    if (read.ec == std::errc()) return Value::number(value);
    return Value::number(*number_from_text(number));  // beyond the range of doubles
  }

  std::string read_string() {
    const std::size_t begin = at_++;
    std::string out;
    while (true) {
      if (at_ >= text_.size()) {
        at_ = begin;
        wrong("this string is not closed");
      }
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) wrong("a control character in a string");
      if (c == '\\') {
        read_escape(out);
        continue;
      }
      const CodePoint point = code_point_at(text_, at_);
      if (!point.is_valid) wrong("this is not UTF-8");
      out.append(text_, at_, point.length);
      at_ += point.length;
    }
    ++at_;
    return out;
  }

  void read_escape(std::string& out) {
    constexpr std::string_view k_letters = "\"\\/bfnrt";
    constexpr std::string_view k_meanings = "\"\\/\b\f\n\r\t";
    ++at_;
    const std::size_t simple = at_ < text_.size() ? k_letters.find(text_[at_]) : std::string::npos;
    if (simple != std::string_view::npos) {
      out += k_meanings[simple];
      ++at_;
      return;
    }
    std::uint32_t code = read_unit();
    if (code >= 0xD800 && code < 0xDC00 && peek() == '\\') {
      ++at_;
      const std::uint32_t low = read_unit();
      if (low < 0xDC00 || low > 0xDFFF) wrong("half of a surrogate pair is no character");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) wrong("half of a surrogate pair is no character");
    append_code_point(out, code);
  }

  // uXXXX
  std::uint32_t read_unit() {
    if (peek() != 'u') wrong("an unknown escape");
    std::uint32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
      ++at_;
      const char c = peek();
      const std::size_t digit = std::string_view("0123456789abcdef")
                                    .find(c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c);
      if (digit == std::string_view::npos) wrong("\\u wants four hexadecimal digits");
      unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    ++at_;
    return unit;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
};

}  // namespace

std::string json_of(const Value& value, std::optional<std::size_t> indent) {
  JsonWriter writer(JsonWriter::Dialect::python, indent);
  writer.append(value);
  return writer.take();
}

std::string strict_json_of(const Value& value) {
  JsonWriter writer(JsonWriter::Dialect::strict, std::nullopt);
  writer.append(value);
  return writer.take();
}

Value from_json(std::string_view text) {
  return JsonParser(text).read();
}

}  // namespace dsched::value
