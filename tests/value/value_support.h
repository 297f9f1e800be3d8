// SPDX-License-Identifier: Apache-2.0
#pragma once
// Short ways to write values down, and generated ones.

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "value/text.h"
#include "value/value.h"

namespace dsched::value {

inline Value number(double value) {
  return Value::number(value);
}
inline Value whole(std::int64_t value) {
  return Value::integer(value);
}
inline Value text(std::string value) {
  return Value::text(std::move(value));
}
inline Value list(std::vector<Value> elements) {
  return Value::list(std::move(elements));
}

inline constexpr double k_infinity = std::numeric_limits<double>::infinity();
inline constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();

// What `action` says when it gives up; empty: it does not.
template <class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Values of every kind, the awkward ones often.
class AnyValue {
 public:
  explicit AnyValue(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t count) {
    return std::uniform_int_distribution<std::uint32_t>(0, count - 1)(random_);
  }
  double a_number() {
    constexpr std::array<double, 12> k_awkward{0.0,  -0.0,  1.0,    -1.0,       0.5,         1e16,
                                               1e-5, 1e308, 5e-324, k_infinity, -k_infinity, k_nan};
    if (below(2) == 0) return k_awkward[below(k_awkward.size())];
    return std::normal_distribution<double>(0, 100)(random_);
  }
  std::int64_t an_integer() {
    const auto bits = std::uniform_int_distribution<std::int64_t>(INT64_MIN, INT64_MAX)(random_);
    return bits >> below(64);
  }
  std::string a_text() {
    constexpr std::array<const char*, 9> k_parts{"a", "'", "\"", "\\", "\n", "é", "😀", "\x7f", ""};
    std::string out;
    for (std::uint32_t left = below(6); left > 0; --left) out += k_parts[below(k_parts.size())];
    return out;
  }
  Value scalar() {
    switch (below(7)) {
      case 0:
        return {};
      case 1:
        return Value::boolean(below(2) == 0);
      case 2:
        return whole(an_integer());
      case 3:
        return Value::integer(multiply(multiply(an_integer(), an_integer()), an_integer()));
      case 4:
        return text(a_text());
      case 5:
        return Value::bytes(a_text() + '\xff');
      default:
        return number(a_number());
    }
  }
  Value value(int depth = 4) {
    const std::uint32_t what = depth == 0 ? 0 : below(6);
    if (what < 3) return scalar();
    if (what == 3) return packed();
    std::vector<Value> elements;
    std::vector<Member> members;
    for (std::uint32_t left = below(5); left > 0; --left) {
      elements.push_back(value(depth - 1));
      members.push_back({std::to_string(left) + a_text(), elements.back()});
    }
    return what == 4 ? list(std::move(elements)) : Value::object(std::move(members));
  }
  Value packed() {
    const std::uint32_t what = below(3);
    std::vector<Value> elements;
    for (std::uint32_t left = below(20); left > 0; --left) {
      elements.push_back(what == 0   ? number(a_number())
                         : what == 1 ? whole(an_integer())
                                     : Value::boolean(below(2) == 0));
    }
    return list(std::move(elements));
  }

 private:
  std::mt19937 random_;
};

}  // namespace dsched::value
