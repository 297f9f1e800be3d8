// SPDX-License-Identifier: Apache-2.0
#include "value/text.h"

#include "value_support.h"

namespace dsched::value {
namespace {

TEST_CASE("value: numbers are written as Python's repr writes them") {
  const std::vector<std::pair<double, std::string>> rows{
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1e15, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.25e-5, "1.25e-05"},
      {1e100, "1e+100"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {k_infinity, "inf"},
      {-k_infinity, "-inf"},
      {k_nan, "nan"},
      {123456789.123, "123456789.123"},
  };
  for (const auto& [value, expected] : rows) CHECK(text_of(number(value)) == expected);
}

TEST_CASE("value: texts have quotes inside of lists only") {
  CHECK(text_of(text("it's")) == "it's");
  CHECK(text_of(list({text("it's"), text("say \"x\""), text("'\"")})) ==
        R"(["it's", 'say "x"', '\'"'])");
  CHECK(text_of(list({text("")})) == "['']");
}

TEST_CASE("value: what cannot be printed is escaped in a repr, and nothing else") {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"a\nb\tc\rd\\", R"('a\nb\tc\rd\\')"},
      {std::string("\0\x1f\x7f", 3), R"('\x00\x1f\x7f')"},
      {"é ß 日本 😀", "'é ß 日本 😀'"},
      {"\u00a0\u00ad\u0085", R"('\xa0\xad\x85')"},
      {"\u200b\u2028\ufeff\ue000", R"('\u200b\u2028\ufeff\ue000')"},
      {"\U000e0001\U0010ffff", R"('\U000e0001\U0010ffff')"},
      {"\u0378", R"('\u0378')"},
  };
  for (const auto& [raw, expected] : rows) CHECK(repr_of(text(raw)) == expected);
  CHECK(ascii_of(text("é日😀")) == R"('\xe9\u65e5\U0001f600')");
}

TEST_CASE("value: every kind is written as Python writes it") {
  const Value object = Value::object({{"a", number(1)}, {"it's", list({Value()})}});
  CHECK(text_of(object) == R"({'a': 1.0, "it's": [None]})");
  CHECK(text_of(Value::bytes(std::string("a'\"\\\n\0\xff", 7))) == R"(b'a\'"\\\n\x00\xff')");
  CHECK(text_of(list({Value::boolean(true), Value(), whole(-3)})) == "[True, None, -3]");
  CHECK(text_of(list({})) == "[]");
  CHECK(text_of(Value::object({})) == "{}");
}

TEST_CASE("value: JSON is written as json.dumps writes it") {
  const Value value = Value::object({{"é", list({number(1), number(1e16), whole(2), Value()})},
                                     {"none", list({})},
                                     {"x", text("a\"\\/\n\x01😀\x7f")},
                                     {"n", list({number(k_nan), number(-k_infinity)})}});
  CHECK(json_of(value, 2) ==
        "{\n  \"\\u00e9\": [\n    1.0,\n    1e+16,\n    2,\n    null\n  ],\n  \"none\": [],\n"
        "  \"x\": \"a\\\"\\\\/\\n\\u0001\\ud83d\\ude00\\u007f\",\n  \"n\": [\n    NaN,\n"
        "    -Infinity\n  ]\n}");
  CHECK(json_of(list({number(1), Value::boolean(true), list({})})) == "[1.0, true, []]");
  CHECK(message_of([] { static_cast<void>(json_of(Value::bytes("a"))); }) ==
        "bytes cannot be written as JSON");
}

TEST_CASE("value: strict JSON has no words of its own for numbers and bytes") {
  const Value value = list({number(k_infinity), Value::bytes("\xff"), text("é"), number(0.5)});
  CHECK(strict_json_of(value) == R"(["inf",{"base64":"/w=="},"é",0.5])");
}

TEST_CASE("value: JSON that was written reads back as the same value") {
  AnyValue any(2);
  int compared = 0;
  for (int round = 0; round < 400; ++round) {
    const Value value = any.value();
    CAPTURE(text_of(value));
    std::string json;
    if (!message_of([&] { json = json_of(value, round % 3); }).empty()) continue;
    ++compared;
    CHECK(from_json(json) == value);
  }
  CHECK(compared > 100);
}

TEST_CASE("value: JSON is read as json.loads reads it") {
  CHECK(from_json(" [1, 1.0, 1e2, -0, -0.0, NaN, -Infinity, 123456789012345678901] ") ==
        list({whole(1), number(1), number(100), whole(0), number(-0.0), number(k_nan),
              number(-k_infinity), Value::integer(*integer_from_digits("123456789012345678901"))}));
  CHECK(from_json(R"("\u00e9\ud83d\ude00\/\b")") == text("é😀/\b"));
  CHECK(from_json(R"({"a":1,"b":2,"a":[3]})") ==
        Value::object({{"a", list({whole(3)})}, {"b", whole(2)}}));
  CHECK(from_json("1e999") == number(k_infinity));
  CHECK(from_json("-1e-999") == number(-0.0));
  CHECK(from_json("[[],{}]") == list({list({}), Value::object({})}));
}

TEST_CASE("value: what is not JSON is refused with its place") {
  CHECK(message_of([] { static_cast<void>(from_json("[1,\n 2,]")); }) ==
        "not JSON: line 2, column 4: expected a value");
  for (const std::string_view bad : {"",       "[",       "[1",          "[1,]",
                                     "{",      "{\"a\"",  "{\"a\":",     "{\"a\":1,}",
                                     "{a:1}",  "01",      "1.",          ".5",
                                     "+1",     "-",       "1e",          "nul",
                                     "\"",     "\"\\x\"", "\"\\ud800\"", "\"\\u12g4\"",
                                     "\"\n\"", "1 2",     "[1}",         "\"\xff\"",
                                     "'a'",    "\ufeff1", "--1",         "\"\\ud800\\u0041\"",
                                     "Nan",    "tru"}) {
    CAPTURE(bad);
    CHECK(message_of([&] { static_cast<void>(from_json(bad)); }).starts_with("not JSON: "));
  }
}

TEST_CASE("value: JSON nests to the limit of values and no deeper") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(from_json(nested(k_depth_max)).depth() == k_depth_max);
  CHECK(message_of([&] { static_cast<void>(from_json(nested(1'000'000))); }) ==
        "not JSON: line 1, column 502: nested deeper than 500 levels");
}

TEST_CASE("value: float() and int() of texts take what Python takes") {
  CHECK(number_from_text(" 1_000.5e1\n") == 10005.0);
  CHECK(number_from_text("-Infinity") == -k_infinity);
  CHECK(number_from_text(".5") == 0.5);
  CHECK(number_from_text("1.") == 1.0);
  CHECK(number_from_text("1e400") == k_infinity);
  CHECK(number_from_text("0.000001e-400") == 0.0);
  CHECK(number_from_text("1" + std::string(400, '0') + "e-400") == 1.0);
  for (const std::string_view bad :
       {"", " ", "a", "1__0", "_1", "1_", "0x1", "1e", "e1", ".", "--1", "+-1", "1 2", "infin"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_from_text(bad).has_value());
  }
  CHECK(integer_from_text(" -1_2 ")->text() == "-12");
  CHECK_FALSE(integer_from_text("1.0").has_value());
}

}  // namespace
}  // namespace dsched::value
