// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pull reader of JSON text: one token at a time, no tree, no recursion.
//
// The caller asks for the next token and reads its text, offset and line. Strings without escapes
// are views into the text; only a string with escapes is copied, into a buffer that the next token
// reuses. The relaxed dialect accepts comments (// and /* */), trailing commas and a byte order
// mark, as programs may have them; the strict one is RFC 8259. In both, strings and comments must
// be UTF-8, control characters in strings must be escaped, a surrogate must come in a pair, and
// containers nest at most 200 deep. After a fault the token stays `failed`.
//
// The reader does not look for duplicate names; canonical_json.h and the callers do.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsched {

inline constexpr std::uint32_t k_json_depth_max = 200;

enum class JsonToken : std::uint8_t {
  name,  // a member's name; its value follows
  string,
  number,
  true_value,
  false_value,
  null_value,
  begin_object,
  end_object,
  begin_array,
  end_array,
  end,     // the document is over
  failed,  // not JSON; see error()
};

enum class JsonDialect : std::uint8_t { strict, relaxed };

// Where an offset lies, both from 1; columns count characters, not bytes.
struct TextPosition {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  auto operator<=>(const TextPosition&) const = default;
};
[[nodiscard]] TextPosition position_of(std::string_view text, std::size_t offset);

// "a string", "an object", …: what a token begins, for messages.
[[nodiscard]] std::string_view describe(JsonToken token);

// The value of a number token: a 64-bit integer where it is written as one and fits, else a double.
struct JsonNumber {
  enum class Kind : std::uint8_t { negative, unsigned_integer, real };
  Kind kind = Kind::unsigned_integer;
  std::int64_t negative = 0;           // below zero
  std::uint64_t unsigned_integer = 0;  // zero and above
  double real = 0;
  [[nodiscard]] double as_double() const;
};
// `text` is the text of a number token. Empty when no double holds it (1e999).
[[nodiscard]] std::optional<JsonNumber> number_from_json(std::string_view text);

class JsonReader {
 public:
  // `text` must outlive the reader and the views it hands out.
  explicit JsonReader(std::string_view text, JsonDialect dialect = JsonDialect::strict);

  // Advances to the next token and returns it.
  JsonToken next();
  // Passes over the value whose first token is the current one; stays at its last token.
  void skip();

  [[nodiscard]] JsonToken token() const { return token_; }
  // The characters of a name or string, the digits of a number. Valid until the next call of
  // next(), and as long as the text when is_stable().
  [[nodiscard]] std::string_view text() const { return value_; }
  [[nodiscard]] bool is_stable() const { return stable_; }
  // Where the current token begins; for `failed`, where the fault is.
  [[nodiscard]] std::size_t offset() const { return offset_; }
  // Behind the last character of the current token (of a name: behind its colon).
  [[nodiscard]] std::size_t end_offset() const { return static_cast<std::size_t>(at_ - begin_); }
  // The line of the current token, from 1.
  [[nodiscard]] std::uint32_t line() const { return line_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  // All of the text, read and unread.
  [[nodiscard]] std::string_view source() const {
    return {begin_, static_cast<std::size_t>(end_ - begin_)};
  }
  // What is wrong, as "expected ',' or '}'"; empty while nothing is.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  enum class State : std::uint8_t { value, first_in_array, first_in_object, after_value, done };

  JsonToken fail(const char* where, std::string_view what);
  bool skip_gap();
  bool skip_space();
  bool skip_comment();
  JsonToken read_value();
  JsonToken read_name();
  JsonToken read_after_value();
  JsonToken read_word(std::string_view word, JsonToken token);
  JsonToken read_number();
  JsonToken open(char bracket);
  JsonToken close(char bracket);
  bool read_string();
  bool read_escaped_string(const char* from);
  bool read_escape();
  std::optional<std::uint32_t> read_four_digits();

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string_view value_;
  std::size_t offset_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t depth_ = 0;
  JsonToken token_ = JsonToken::null_value;
  State state_ = State::value;
  JsonDialect dialect_;
  bool stable_ = true;
  // The bracket that opened each container; written before it is read, so not cleared for every
  // one of the many small texts that are read.
  std::array<char, k_json_depth_max> open_;
  std::string buffer_;
  std::string error_;
};

}  // namespace dsched
