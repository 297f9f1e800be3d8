// SPDX-License-Identifier: Apache-2.0
#include "value/encoding.h"

#include "base/text.h"
#include "value_support.h"

namespace dsched::value {
namespace {

std::string encoded(const Value& value) {
  std::string out;
  encode(out, value);
  return out;
}

TEST_CASE("value: the stored form reads back as the same value") {
  AnyValue any(3);
  for (int round = 0; round < 1000; ++round) {
    const Value value = any.value();
    CAPTURE(text_of(value));
    CHECK(decode(encoded(value)) == value);
  }
}

TEST_CASE("value: equal values have equal bytes and others do not") {
  AnyValue any(4);
  std::vector<Value> values;
  for (int i = 0; i < 120; ++i) values.push_back(any.value(1));
  for (const Value& a : values) {
    for (const Value& b : values) CHECK((a == b) == (encoded(a) == encoded(b)));
  }
}

// stored: these bytes are in people's stores.
TEST_CASE("value: the stored form is the documented one") {
  const std::vector<std::pair<Value, std::string>> rows{
      {Value(), "10"},
      {Value::boolean(false), "11"},
      {Value::boolean(true), "12"},
      {whole(-3), "1305"},
      {whole(300), "13d804"},
      {Value::integer(multiply(INT64_MAX, 4)), "140901fffffffffffffffc"},
      {Value::integer(multiply(INT64_MIN, 2)), "1509010000000000000000"},
      {number(1.5), "16000000000000f83f"},
      {number(-k_nan), "16000000000000f87f"},
      {text("é"), "1702c3a9"},
      {Value::bytes("\xff"), "1801ff"},
      {list({}), "1900"},
      {list({text("a"), whole(1)}),
       "190217016113"
       "02"},
      {list({number(0), number(2)}), "1a0200000000000000000000000000000040"},
      {list({whole(1), whole(-1)}), "1b020101ff"},
      {list({whole(1), whole(300)}), "1b020201002c01"},
      {list({Value::boolean(true), Value::boolean(false), Value::boolean(true)}), "1c0305"},
      {Value::object({{"a", Value()}}), "1d01016110"},
  };
  for (const auto& [value, expected] : rows) CHECK(hex(encoded(value)) == expected);
}

TEST_CASE("value: a part of a stored form is damaged, and so is one with more behind it") {
  AnyValue any(5);
  for (int round = 0; round < 100; ++round) {
    const std::string bytes = encoded(any.value(2));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK_FALSE(message_of([&] {
                    static_cast<void>(decode(std::string_view(bytes).substr(0, size)));
                  }).empty());
    }
    CHECK_FALSE(message_of([&] { static_cast<void>(decode(bytes + "x")); }).empty());
  }
}

TEST_CASE("value: whatever bytes are decoded, they are refused or encode to themselves") {
  AnyValue any(6);
  int lawful = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = encoded(any.value(2));
    for (std::uint32_t changes = any.below(3); changes > 0; --changes) {
      bytes[any.below(static_cast<std::uint32_t>(bytes.size()))] =
          static_cast<char>(any.below(256));
    }
    Value value;
    if (!message_of([&] { value = decode(bytes); }).empty()) continue;
    ++lawful;
    CHECK(encoded(value) == bytes);
  }
  CHECK(lawful > 500);
}

TEST_CASE("value: counts that the input cannot hold are refused before memory is taken") {
  for (const char tag : {'\x14', '\x17', '\x18', '\x19', '\x1a', '\x1b', '\x1c', '\x1d'}) {
    const std::string huge = std::string(1, tag) + "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01";
    CHECK_FALSE(message_of([&] { static_cast<void>(decode(huge)); }).empty());
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "\x19\x01";
  CHECK(message_of([&] { static_cast<void>(decode(deep + "\x10")); }) ==
        "a stored value: nested too deep");
}

}  // namespace
}  // namespace dsched::value
