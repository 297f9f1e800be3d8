// SPDX-License-Identifier: Apache-2.0
#include "value/value.h"

#include "value_support.h"

namespace dsched::value {
namespace {

TEST_CASE("value: a list is packed exactly when all its elements are of one simple kind") {
  CHECK(list({number(1), number(2)}).packing() == Packing::numbers);
  CHECK(list({whole(1), whole(2)}).packing() == Packing::integers);
  CHECK(list({Value::boolean(true)}).packing() == Packing::booleans);
  CHECK(list({}).packing() == Packing::values);
  CHECK(list({number(1), whole(2)}).packing() == Packing::values);
  CHECK(list({Value::boolean(true), whole(2)}).packing() == Packing::values);
  CHECK(list({Value::integer(multiply(INT64_MAX, 2))}).packing() == Packing::values);
  CHECK(Value::numbers({}) == list({}));
}

TEST_CASE("value: a list gives back what it was made of, however it is held") {
  AnyValue any(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Value> elements;
    for (std::uint32_t left = any.below(8); left > 0; --left) elements.push_back(any.value(1));
    const Value made = list(elements);
    REQUIRE(made.size() == elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) CHECK(made.at(i) == elements[i]);
  }
}

TEST_CASE("value: equality tells kinds and signs of zero apart and joins all NaN") {
  CHECK_FALSE(whole(1) == number(1));
  CHECK_FALSE(Value::boolean(true) == whole(1));
  CHECK_FALSE(number(0.0) == number(-0.0));
  CHECK_FALSE(text("a") == Value::bytes("a"));
  CHECK(number(k_nan) == number(-k_nan));
  CHECK(list({number(k_nan)}) == list({number(-k_nan)}));
  CHECK(Value() == Value());
}

TEST_CASE("value: lists nest to a limit, and beyond it is an error") {
  Value nested = list({});
  for (std::uint32_t depth = 1; depth < k_depth_max; ++depth) nested = list({nested});
  CHECK(nested.depth() == k_depth_max);
  CHECK(text_of(nested).size() == 2 * k_depth_max);
  CHECK(message_of([&] { static_cast<void>(list({nested})); }) ==
        "lists nested deeper than 500 levels");
}

TEST_CASE("value: what a command wrote is a text where it is UTF-8") {
  CHECK(text_or_bytes("é") == text("é"));
  CHECK(text_or_bytes("\xff") == Value::bytes("\xff"));
}

struct Sum {
  const char* left;
  const char* right;
  const char* sum;
  const char* product;
};

TEST_CASE("value: integers of any size add, subtract, multiply and compare as on paper") {
  for (const Sum& row : {
           Sum{"9223372036854775807", "1", "9223372036854775808", "9223372036854775807"},
           Sum{"-9223372036854775808", "-1", "-9223372036854775809", "9223372036854775808"},
           Sum{"99999999999999999999", "1", "100000000000000000000", "99999999999999999999"},
           Sum{"123456789012345678901234567890", "-123456789012345678901234567890", "0",
               "-15241578753238836750495351562536198787501905199875019052100"},
       }) {
    const Integer left = *integer_from_digits(row.left);
    const Integer right = *integer_from_digits(row.right);
    CHECK(add(left, right).text() == row.sum);
    CHECK(multiply(left, right).text() == row.product);
    CHECK(subtract(add(left, right), right) == left);
    CHECK((left <=> right) == (subtract(left, right).sign() <=> 0));
  }
}

TEST_CASE("value: digits of any length are read as they were written") {
  std::string digits = "7";
  for (int i = 0; i < 700; ++i) digits += static_cast<char>('0' + (i * i + 3) % 10);
  CHECK(integer_from_digits(digits)->text() == digits);
  CHECK(integer_from_digits("-" + digits)->text() == "-" + digits);
  CHECK(integer_from_digits("+007")->text() == "7");
  for (const std::string_view bad : {"", "-", "1.0", "1e5", " 1", "1_0", "--1", "0x1"}) {
    CHECK_FALSE(integer_from_digits(bad).has_value());
  }
}

TEST_CASE("value: an integer becomes the nearest double, or none beyond their range") {
  CHECK(integer_from_digits("9007199254740993")->as_double() == 9007199254740992.0);
  CHECK(integer_from_digits("9007199254740995")->as_double() == 9007199254740996.0);
  CHECK(integer_from_digits("100000000000000000000000000000")->as_double() == 1e29);
  CHECK_FALSE(integer_from_digits("1" + std::string(309, '0'))->as_double().has_value());
  CHECK_FALSE(integer_from_digits("-1" + std::string(400, '0'))->as_double().has_value());
}

TEST_CASE("value: integers divide to the nearest double, even where both are beyond doubles") {
  CHECK(divide(1, 3) == 1.0 / 3.0);
  CHECK(divide(-7, 2) == -3.5);
  const Integer large = *integer_from_digits("1" + std::string(400, '0'));
  CHECK(divide(large, multiply(large, 4)) == 0.25);
  CHECK(divide(multiply(large, -3), large) == -3.0);
  CHECK_FALSE(divide(large, 3).has_value());
  CHECK(divide(3, large) == 0.0);
  // 2^64 + 2^11 lies half way between two doubles, and one more does not.
  const Integer half = *integer_from_digits("18446744073709553664");
  CHECK(divide(half, 1) == 18446744073709551616.0);
  CHECK(divide(add(half, 1), 1) == 18446744073709555712.0);
}

TEST_CASE("value: integers and doubles are compared exactly") {
  const Integer odd = *integer_from_digits("9007199254740993");
  CHECK(compare(odd, 9007199254740992.0) > 0);
  CHECK(compare(odd, 9007199254740994.0) < 0);
  CHECK(compare(2, 2.5) < 0);
  CHECK(compare(-2, -2.5) > 0);
  CHECK(compare(3, 3.0) == 0);
  CHECK(compare(*integer_from_digits("1" + std::string(400, '0')), 1e308) > 0);
  CHECK(compare(1, k_infinity) < 0);
  CHECK(compare(1, k_nan) == std::partial_ordering::unordered);
}

TEST_CASE("value: Fibonacci numbers of any size") {
  CHECK(fibonacci(0).text() == "0");
  CHECK(fibonacci(1).text() == "1");
  CHECK(fibonacci(200).text() == "280571172992510140037611932413038677189525");
  CHECK(message_of([] { static_cast<void>(fibonacci(2'000'000)); }) ==
        "the number at that place has more than 1000000 bits");
}

TEST_CASE("value: no product grows beyond the limit of integers") {
  Integer large = 3;
  const std::string said = message_of([&] {
    while (true) large = multiply(large, large);
  });
  CHECK(said == "a whole number of more than 1000000 bits");
}

}  // namespace
}  // namespace dsched::value
