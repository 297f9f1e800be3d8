// SPDX-License-Identifier: Apache-2.0
#include "base/json_reader.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace dsched {
namespace {

constexpr std::uint64_t k_ones = 0x0101010101010101ULL;
constexpr std::uint64_t k_high_bits = 0x8080808080808080ULL;

// The high bit of each byte of `word` that is zero, and no other bit.
constexpr std::uint64_t zero_bytes(std::uint64_t word) {
  return ~(((word & ~k_high_bits) + ~k_high_bits) | word) & k_high_bits;
}

constexpr bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

// The first byte from `at` on that is a quote, a backslash or a control character, else `end`.
// `seen` collects the bits of all bytes passed, so that its high bit tells of non-ASCII text.
// Eight bytes at a time, because most of a program's text is strings.
const char* find_special(const char* at, const char* end, unsigned char& seen) {
  std::uint64_t passed = 0;
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      const std::uint64_t special = zero_bytes(word ^ (k_ones * '"')) |
                                    zero_bytes(word ^ (k_ones * '\\')) |
                                    zero_bytes(word & (k_ones * 0xE0));
      if (special != 0) {
        const int bits = std::countr_zero(special) & ~7;
        passed |= word & ((std::uint64_t{1} << bits) - 1);
        if ((passed & k_high_bits) != 0) seen |= 0x80;
        return at + bits / 8;
      }
      passed |= word;
      at += 8;
    }
  }
  if ((passed & k_high_bits) != 0) seen |= 0x80;
  for (; at != end && is_plain(*at); ++at) seen |= static_cast<unsigned char>(*at);
  return at;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

TextPosition position_of(std::string_view text, std::size_t offset) {
  TextPosition position;
  const char* line = text.data();
  const char* const target = text.data() + std::min(offset, text.size());
  while (line != target) {
    const void* found = std::memchr(line, '\n', static_cast<std::size_t>(target - line));
    if (found == nullptr) break;
    line = static_cast<const char*>(found) + 1;
    ++position.line;
  }
  for (; line != target; ++line) {
    if ((static_cast<unsigned char>(*line) & 0xC0) != 0x80) ++position.column;
  }
  return position;
}

std::string_view describe(JsonToken token) {
  switch (token) {
    case JsonToken::name:
      return "a name";
    case JsonToken::string:
      return "a string";
    case JsonToken::number:
      return "a number";
    case JsonToken::true_value:
      return "true";
    case JsonToken::false_value:
      return "false";
    case JsonToken::null_value:
      return "null";
    case JsonToken::begin_object:
    case JsonToken::end_object:
      return "an object";
    case JsonToken::begin_array:
    case JsonToken::end_array:
      return "an array";
    case JsonToken::end:
      return "the end of the text";
    case JsonToken::failed:
      return "invalid JSON";
  }
  return "invalid JSON";
}

double JsonNumber::as_double() const {
  if (kind == Kind::real) return real;
  return kind == Kind::negative ? static_cast<double>(negative)
                                : static_cast<double>(unsigned_integer);
}

std::optional<JsonNumber> number_from_json(std::string_view text) {
  JsonNumber number;
  const char* const first = text.data();
  const char* const last = first + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    if (!text.starts_with('-')) {
      if (std::from_chars(first, last, number.unsigned_integer).ec == std::errc{}) return number;
    } else if (std::from_chars(first, last, number.negative).ec == std::errc{}) {
      number.kind = number.negative == 0 ? JsonNumber::Kind::unsigned_integer  // -0 is 0
                                         : JsonNumber::Kind::negative;
      number.unsigned_integer = 0;
      return number;
    }
  }
  number = {};
  number.kind = JsonNumber::Kind::real;
  if (std::from_chars(first, last, number.real).ec != std::errc{}) return std::nullopt;
  return number;
}

JsonReader::JsonReader(std::string_view text, JsonDialect dialect)
    : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), dialect_(dialect) {
  if (dialect == JsonDialect::relaxed && text.starts_with(k_byte_order_mark))
    at_ += k_byte_order_mark.size();
}

JsonToken JsonReader::fail(const char* where, std::string_view what) {
  offset_ = static_cast<std::size_t>(where - begin_);
  error_ = what;
  value_ = {};
  return token_ = JsonToken::failed;
}

// Like skip_space(), quick for the usual gap between two tokens: one blank or none.
inline bool JsonReader::skip_gap() {
  if (at_ != end_ && *at_ == ' ') ++at_;
  if (at_ != end_ && *at_ > ' ' && *at_ != '/') return true;
  return skip_space();
}

// Passes over white space and comments; false when that failed.
bool JsonReader::skip_space() {
  while (at_ != end_) {
    switch (*at_) {
      case '\n':
        ++line_;
        [[fallthrough]];
      case ' ':
      case '\t':
      case '\r':
        ++at_;
        break;
      case '/':
        if (!skip_comment()) return false;
        break;
      default:
        return true;
    }
  }
  return true;
}

bool JsonReader::skip_comment() {
  const char* const start = at_;
  const bool is_block = end_ - at_ >= 2 && at_[1] == '*';
  if (!is_block && (end_ - at_ < 2 || at_[1] != '/')) {
    fail(start, "unexpected character '/'");
    return false;
  }
  if (dialect_ == JsonDialect::strict) {
    fail(start, "a comment is not allowed here");
    return false;
  }
  const std::string_view rest(at_ + 2, static_cast<std::size_t>(end_ - at_) - 2);
  std::size_t length = rest.find(is_block ? "*/" : "\n");
  if (length == std::string_view::npos) {
    if (is_block) {
      fail(start, "this comment is not closed");
      return false;
    }
    length = rest.size();
  }
  const std::string_view comment = rest.substr(0, length);
  if (const auto bad = find_invalid_utf8(comment)) {
    fail(comment.data() + *bad, "this is not UTF-8");
    return false;
  }
  for (const char c : comment) {
    if (c == '\n') ++line_;
  }
  at_ = comment.data() + length + (is_block ? 2 : 0);
  return true;
}

JsonToken JsonReader::next() {
  if (token_ == JsonToken::failed || !skip_gap()) return token_;
  switch (state_) {
    case State::value:
      return read_value();
    case State::first_in_array:
      if (at_ != end_ && *at_ == ']') return close(']');
      return read_value();
    case State::first_in_object:
      if (at_ != end_ && *at_ == '}') return close('}');
      return read_name();
    case State::after_value:
      return read_after_value();
    case State::done:
      if (at_ != end_) return fail(at_, "there is text behind the end of the document");
      offset_ = end_offset();
      return token_ = JsonToken::end;
  }
  return token_;
}

JsonToken JsonReader::read_after_value() {
  const bool in_object = open_[depth_ - 1] == '{';
  if (at_ != end_) {
    if (*at_ == ']' || *at_ == '}') return close(*at_);
    if (*at_ == ',') {
      const char* const comma = at_++;
      if (!skip_gap()) return token_;
      if (at_ != end_ && (*at_ == ']' || *at_ == '}')) {
        if (dialect_ == JsonDialect::strict) return fail(comma, "a trailing comma");
        return close(*at_);
      }
      return in_object ? read_name() : read_value();
    }
  }
  if (at_ == end_) {
    return fail(at_,
                in_object ? "the text ends inside an object" : "the text ends inside an array");
  }
  return fail(at_, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
}

JsonToken JsonReader::read_value() {
  if (at_ == end_) return fail(at_, "the text ends where a value is expected");
  offset_ = end_offset();
  switch (*at_) {
    case '"':
      if (!read_string()) return token_;
      state_ = depth_ == 0 ? State::done : State::after_value;
      return token_ = JsonToken::string;
    case '{':
    case '[':
      return open(*at_);
    case 't':
      return read_word("true", JsonToken::true_value);
    case 'f':
      return read_word("false", JsonToken::false_value);
    case 'n':
      return read_word("null", JsonToken::null_value);
    default:
      if (*at_ == '-' || is_digit(*at_)) return read_number();
      return fail(at_, "expected a value");
  }
}

JsonToken JsonReader::read_name() {
  if (at_ == end_) return fail(at_, "the text ends inside an object");
  offset_ = end_offset();
  if (*at_ != '"') return fail(at_, "expected a name in double quotes");
  if (!read_string() || !skip_gap()) return token_;
  if (at_ == end_ || *at_ != ':') return fail(at_, "expected ':'");
  ++at_;
  state_ = State::value;
  return token_ = JsonToken::name;
}

JsonToken JsonReader::read_word(std::string_view word, JsonToken token) {
  const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  if (!rest.starts_with(word)) return fail(at_, "expected a value");
  at_ += word.size();
  value_ = rest.substr(0, word.size());
  stable_ = true;
  state_ = depth_ == 0 ? State::done : State::after_value;
  return token_ = token;
}

JsonToken JsonReader::read_number() {
  const char* const start = at_;
  const auto digits = [&] {
    const char* const from = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != from;
  };
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
    if (at_ != end_ && is_digit(*at_)) return fail(start, "a number must not begin with 0");
  } else if (!digits()) {
    return fail(start, "a number without digits");
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail(start, "a number without digits behind the point");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail(start, "a number without digits in its exponent");
  }
  value_ = {start, static_cast<std::size_t>(at_ - start)};
  stable_ = true;
  state_ = depth_ == 0 ? State::done : State::after_value;
  return token_ = JsonToken::number;
}

JsonToken JsonReader::open(char bracket) {
  if (depth_ == k_json_depth_max) {
    return fail(at_, "nested deeper than " + std::to_string(k_json_depth_max) + " levels");
  }
  open_[depth_++] = bracket;
  ++at_;
  value_ = {};
  state_ = bracket == '{' ? State::first_in_object : State::first_in_array;
  return token_ = bracket == '{' ? JsonToken::begin_object : JsonToken::begin_array;
}

JsonToken JsonReader::close(char bracket) {
  const bool in_object = open_[depth_ - 1] == '{';
  if (in_object != (bracket == '}'))
    return fail(at_, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
  offset_ = end_offset();
  ++at_;
  --depth_;
  value_ = {};
  state_ = depth_ == 0 ? State::done : State::after_value;
  return token_ = in_object ? JsonToken::end_object : JsonToken::end_array;
}

void JsonReader::skip() {
  if (token_ == JsonToken::name) next();
  if (token_ != JsonToken::begin_object && token_ != JsonToken::begin_array) return;
  const std::uint32_t outside = depth_ - 1;
  while (depth_ != outside && next() != JsonToken::failed) {
  }
}

// Reads the string whose opening quote is at `at_`.
bool JsonReader::read_string() {
  const char* const start = at_ + 1;
  unsigned char seen = 0;
  const char* const special = find_special(start, end_, seen);
  if (special != end_ && *special == '"') {
    value_ = {start, static_cast<std::size_t>(special - start)};
    stable_ = true;
    at_ = special + 1;
    if ((seen & 0x80) == 0) return true;
    if (const auto bad = find_invalid_utf8(value_)) {
      fail(start + *bad, "this is not UTF-8");
      return false;
    }
    return true;
  }
  at_ = special;
  return read_escaped_string(start);
}

// Goes on with a string that began at `from` and has something special at `at_`.
bool JsonReader::read_escaped_string(const char* from) {
  const char* const quote = from - 1;
  buffer_.assign(from, at_);
  while (true) {
    if (at_ == end_) {
      fail(quote, "this string is not closed");
      return false;
    }
    if (*at_ == '"') break;
    if (*at_ == '\n') {
      fail(quote, "this string is not closed on its line (a line break is written \\n)");
      return false;
    }
    if (*at_ != '\\') {
      fail(at_, "a control character in a string must be escaped");
      return false;
    }
    if (!read_escape()) return false;
    const char* const run = at_;
    unsigned char seen = 0;
    at_ = find_special(at_, end_, seen);
    buffer_.append(run, at_);
  }
  const std::string_view raw(from, static_cast<std::size_t>(at_ - from));
  if (const auto bad = find_invalid_utf8(raw)) {
    fail(from + *bad, "this is not UTF-8");
    return false;
  }
  ++at_;
  value_ = buffer_;
  stable_ = false;
  return true;
}

// Appends what the escape at `at_` stands for and passes over it.
bool JsonReader::read_escape() {
  constexpr std::string_view k_letters = "\"\\/bfnrt";
  constexpr std::string_view k_meanings = "\"\\/\b\f\n\r\t";
  const char* const start = at_++;
  const std::size_t simple = at_ == end_ ? std::string_view::npos : k_letters.find(*at_);
  if (simple != std::string_view::npos) {
    buffer_ += k_meanings[simple];
    ++at_;
    return true;
  }
  if (at_ == end_ || *at_ != 'u') {
    fail(start, "an unknown escape (write a backslash as \\\\)");
    return false;
  }
  std::optional<std::uint32_t> code = read_four_digits();
  if (code && *code >= 0xD800 && *code <= 0xDBFF && end_ - at_ >= 2 && at_[0] == '\\' &&
      at_[1] == 'u') {
    ++at_;
    const std::optional<std::uint32_t> low = read_four_digits();
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
  }
  if (!code) {
    fail(start, "\\u wants four hexadecimal digits");
    return false;
  }
  if (*code >= 0xD800 && *code <= 0xDFFF) {
    fail(start, "half of a surrogate pair is no character");
    return false;
  }
  append_utf8(buffer_, *code);
  return true;
}

// The number behind the 'u' at `at_`; passes over both when it is one.
std::optional<std::uint32_t> JsonReader::read_four_digits() {
  if (end_ - at_ < 5) return std::nullopt;
  std::uint32_t code = 0;
  const auto result = std::from_chars(at_ + 1, at_ + 5, code, 16);
  if (result.ec != std::errc{} || result.ptr != at_ + 5) return std::nullopt;
  at_ += 5;
  return code;
}

}  // namespace dsched
