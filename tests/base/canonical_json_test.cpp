// SPDX-License-Identifier: Apache-2.0
#include "base/canonical_json.h"

#include <doctest/doctest.h>

#include <random>

#include "base/text.h"

namespace dsched {
namespace {

TEST_CASE("base: canonical JSON has one text for equal values") {
  const std::pair<std::string_view, std::string_view> table[] = {
      {" { } ", "{}"},
      {"[ 1 , 2 ]", "[1,2]"},
      {R"({"b": 1, "a": {"d": [], "c": 2}, "aa": 3})", R"({"a":{"c":2,"d":[]},"aa":3,"b":1})"},
      {R"("\u0041\/\u001f\u00e9\"\\")", "\"A/\\u001fé\\\"\\\\\""},
      {"-0", "0"},
      {"-0.0", "0"},
      {"1.0", "1"},
      {"1e5", "100000"},
      {"1e20", "1e+20"},
      {"-2.50", "-2.5"},
      {"0.10", "0.1"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709551616"},
      {"123456789.125e-3", "123456.789125"},
      {"[true, false, null]", "[true,false,null]"},
  };
  for (const auto& [text, canonical] : table) {
    CAPTURE(text);
    CHECK(canonical_json(text) == canonical);
  }
}

TEST_CASE("base: canonical names are sorted by their bytes, not by their escapes") {
  // A line feed is escaped with a backslash, which is greater than a letter; the byte is smaller.
  CHECK(canonical_json(R"({"A": 1, "\n": 2})") == R"({"\n":2,"A":1})");
  // U+FFFF sorts below U+10000 in UTF-8, other than in UTF-16.
  CHECK(canonical_json(R"({"\ud800\udc00": 1, "\uffff": 2})") ==
        "{\"\xEF\xBF\xBF\":2,\"\xF0\x90\x80\x80\":1}");
}

TEST_CASE("base: canonical JSON refuses a name that stands twice, however it is written") {
  CHECK_FALSE(canonical_json(R"({"a": 1, "a": 1})"));
  CHECK_FALSE(canonical_json(R"({"a": 1, "b": 2, "\u0061": 1})"));
  CHECK(canonical_json(R"([{"a": 1}, {"a": 1}])"));
}

TEST_CASE("base: canonical JSON refuses numbers beyond a double") {
  CHECK_FALSE(canonical_json("1e999"));
  CHECK_FALSE(canonical_json("[-1e999]"));
}

TEST_CASE("base: a refused value leaves what was written before it") {
  JsonReader reader(R"({"a": {"b": 1, "b": 2}})");
  reader.next();
  std::string out = "before";
  const auto fault = CanonicalJson().append(out, reader);
  REQUIRE(fault);
  CHECK(fault->kind == JsonFault::Kind::duplicate_name);
  CHECK(fault->offset == 15);
  CHECK(out == "before");
}

class Upper final : public JsonReplacement {
 public:
  std::optional<std::string_view> replacement(std::string_view object,
                                              std::size_t offset) override {
    if (object != R"({"v":1})") return std::nullopt;
    offsets.push_back(offset);
    return R"("one")";
  }
  std::vector<std::size_t> offsets;
};

TEST_CASE("base: an object of one member can stand for another value") {
  JsonReader reader(R"({"z": {"v": 1}, "a": [{"v": 1}, {"v": 2}, {"v": 1, "w": 2}]})");
  reader.next();
  Upper upper;
  std::string out;
  CHECK_FALSE(CanonicalJson().append(out, reader, &upper));
  CHECK(out == R"({"a":["one",{"v":2},{"v":1,"w":2}],"z":"one"})");
  CHECK(upper.offsets == std::vector<std::size_t>{6, 22});
}

// Any JSON value, its text written carelessly.
std::string random_json(std::mt19937& random, int depth) {
  const auto pick = [&](std::uint32_t choices) {
    return static_cast<std::uint32_t>(random() % choices);
  };
  std::string out;
  switch (pick(depth > 0 ? 6 : 4)) {
    case 0:
      return std::to_string(static_cast<std::int64_t>(random()) *
                            static_cast<std::int32_t>(random()));
    case 1:
      return std::to_string(static_cast<double>(random()) / 7) + "e" + std::to_string(pick(40));
    case 2:
      return pick(2) == 0 ? "true" : "null";
    case 3:
      append_json_string(out, std::string(pick(5), static_cast<char>(pick(128))));
      return out;
    case 4:
      for (auto i = pick(4); i > 0; --i)
        out += random_json(random, depth - 1) + (i > 1 ? " ," : "");
      return "[" + out + " ]";
    default:
      for (auto i = pick(4); i > 0; --i) {
        append_json_string(out, "k" + std::to_string(i * 7 % 10));
        out += " : " + random_json(random, depth - 1) + (i > 1 ? " , " : "");
      }
      return "{ " + out + "}";
  }
}

TEST_CASE("base: the canonical text of a canonical text is itself") {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string text = random_json(random, 4);
    const auto once = canonical_json(text);
    REQUIRE(once);
    CHECK(canonical_json(*once) == once);
  }
}

}  // namespace
}  // namespace dsched
