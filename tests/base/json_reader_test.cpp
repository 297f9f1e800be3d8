// SPDX-License-Identifier: Apache-2.0
#include "base/json_reader.h"

#include <doctest/doctest.h>

#include <vector>

namespace dsched {
namespace {

struct Token {
  JsonToken token;
  std::string text;
  bool operator==(const Token&) const = default;
};

std::vector<Token> tokens_of(std::string_view text, JsonDialect dialect = JsonDialect::strict) {
  JsonReader reader(text, dialect);
  std::vector<Token> tokens;
  while (reader.next() < JsonToken::end)
    tokens.push_back({reader.token(), std::string(reader.text())});
  tokens.push_back({reader.token(), reader.error()});
  return tokens;
}

// The text of the only token, a string.
std::string string_in(std::string_view text) {
  const std::vector<Token> tokens = tokens_of(text);
  REQUIRE(tokens.size() == 2);
  REQUIRE(tokens[0].token == JsonToken::string);
  REQUIRE(tokens[1].token == JsonToken::end);
  return tokens[0].text;
}

// What is wrong, and at which offset.
std::pair<std::string, std::size_t> fault_in(std::string_view text,
                                             JsonDialect dialect = JsonDialect::strict) {
  JsonReader reader(text, dialect);
  while (reader.next() < JsonToken::end) {
  }
  return {reader.error(), reader.offset()};
}

TEST_CASE("base: the JSON reader gives the tokens of a document in their order") {
  using enum JsonToken;
  CHECK(tokens_of(R"({"a": [1, true, null], "b": {"c": "d"}, "e": false})") ==
        std::vector<Token>{{begin_object, ""},
                           {name, "a"},
                           {begin_array, ""},
                           {number, "1"},
                           {true_value, "true"},
                           {null_value, "null"},
                           {end_array, ""},
                           {name, "b"},
                           {begin_object, ""},
                           {name, "c"},
                           {string, "d"},
                           {end_object, ""},
                           {name, "e"},
                           {false_value, "false"},
                           {end_object, ""},
                           {end, ""}});
}

TEST_CASE("base: the JSON reader keeps saying that the document is over") {
  JsonReader reader("1");
  CHECK(reader.next() == JsonToken::number);
  CHECK(reader.next() == JsonToken::end);
  CHECK(reader.next() == JsonToken::end);
}

TEST_CASE("base: the JSON reader reads every escape") {
  CHECK(string_in(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(string_in(R"("\u0041\u00e9\u20ac\ud83d\ude00\u0000")") == std::string("Aé€😀\0", 11));
}

TEST_CASE("base: the JSON reader hands out strings without escapes as views") {
  const std::string text = R"(["plain é", "with\tescape"])";
  JsonReader reader(text);
  reader.next();
  reader.next();
  CHECK(reader.is_stable());
  CHECK(reader.text().data() == text.data() + 2);
  reader.next();
  CHECK_FALSE(reader.is_stable());
  CHECK(reader.text() == "with\tescape");
}

TEST_CASE("base: the JSON reader finds the end of a string wherever it falls in a word") {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string content(length, 'x');
    CHECK(string_in("\"" + content + "\"") == content);
    CHECK(string_in("\"" + content + "\\n\"") == content + "\n");
    CHECK(string_in("\"" + content + "é\"") == content + "é");
  }
}

TEST_CASE("base: the JSON reader names a fault and where it is") {
  struct Wrong {
    std::string_view text;
    std::string_view error;
    std::size_t offset;
  };
  const Wrong table[] = {
      {"", "the text ends where a value is expected", 0},
      {"[1 2]", "expected ',' or ']'", 3},
      {"{\"a\" 1}", "expected ':'", 5},
      {"{1: 2}", "expected a name in double quotes", 1},
      {"{\"a\": 1]", "expected ',' or '}'", 7},
      {"[1,]", "a trailing comma", 2},
      {"[,]", "expected a value", 1},
      {"tru", "expected a value", 0},
      {"01", "a number must not begin with 0", 0},
      {"[-]", "a number without digits", 1},
      {"1.", "a number without digits behind the point", 0},
      {"1e", "a number without digits in its exponent", 0},
      {"+1", "expected a value", 0},
      {"NaN", "expected a value", 0},
      {"1 2", "there is text behind the end of the document", 2},
      {"\"a", "this string is not closed", 0},
      {"\"a\nb\"", "this string is not closed on its line (a line break is written \\n)", 0},
      {"\"a\tb\"", "a control character in a string must be escaped", 2},
      {"\"\\x\"", "an unknown escape (write a backslash as \\\\)", 1},
      {"\"\\u12g4\"", "\\u wants four hexadecimal digits", 1},
      {"\"\\ud800\"", "half of a surrogate pair is no character", 1},
      {"\"\\ud800\\u0041\"", "half of a surrogate pair is no character", 1},
      {"\"\\udc00\"", "half of a surrogate pair is no character", 1},
      {"\"ab\xC0\xAF\"", "this is not UTF-8", 3},
      {"\"\xED\xA0\x80\"", "this is not UTF-8", 1},
      {"\"\\n\xFF\"", "this is not UTF-8", 3},
      {"// x", "a comment is not allowed here", 0},
      {"/", "unexpected character '/'", 0},
  };
  for (const Wrong& wrong : table) {
    CAPTURE(wrong.text);
    CHECK(fault_in(wrong.text) == std::pair(std::string(wrong.error), wrong.offset));
  }
}

TEST_CASE("base: the relaxed dialect passes over comments, trailing commas and a byte order mark") {
  using enum JsonToken;
  CHECK(tokens_of("\xEF\xBB\xBF /* a */ [1, // b\n {\"c\": /**/ 2,},] // d",
                  JsonDialect::relaxed) == std::vector<Token>{{begin_array, ""},
                                                              {number, "1"},
                                                              {begin_object, ""},
                                                              {name, "c"},
                                                              {number, "2"},
                                                              {end_object, ""},
                                                              {end_array, ""},
                                                              {end, ""}});
}

TEST_CASE("base: the relaxed dialect refuses comments that are not closed or not UTF-8") {
  CHECK(fault_in("1 /* ", JsonDialect::relaxed) ==
        std::pair(std::string("this comment is not closed"), std::size_t{2}));
  CHECK(fault_in("1 // \xFF", JsonDialect::relaxed) ==
        std::pair(std::string("this is not UTF-8"), std::size_t{5}));
}

TEST_CASE("base: the JSON reader nests 200 levels and not one more") {
  const std::string open(k_json_depth_max, '[');
  const std::string close(k_json_depth_max, ']');
  CHECK(fault_in(open + close).first.empty());
  CHECK(fault_in("[" + open).first == "nested deeper than 200 levels");
}

TEST_CASE("base: skipping a value leads to its last token") {
  JsonReader reader(R"([{"a": [[], {"b": 1}]}, 2])");
  reader.next();
  reader.next();
  reader.skip();
  CHECK(reader.token() == JsonToken::end_object);
  CHECK(reader.next() == JsonToken::number);
  CHECK(reader.text() == "2");
}

TEST_CASE("base: the JSON reader counts lines through comments and space") {
  JsonReader reader("[1,\n\n2, /* \n */ // \n3]", JsonDialect::relaxed);
  reader.next();
  reader.next();
  CHECK(reader.line() == 1);
  reader.next();
  CHECK(reader.line() == 3);
  reader.next();
  CHECK(reader.line() == 5);
}

TEST_CASE("base: a position counts lines and characters from one") {
  CHECK(position_of("", 0) == TextPosition{1, 1});
  CHECK(position_of("ab\ncd", 4) == TextPosition{2, 2});
  CHECK(position_of("éé|", 4) == TextPosition{1, 3});
  CHECK(position_of("a", 99) == TextPosition{1, 2});
}

}  // namespace
}  // namespace dsched
