// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole number of any size, as Python's int: nothing overflows silently.
//
// What fits 64 bits is held in place; the rest is a BIGNUM of libcrypto, shared by copies because
// it never changes. A number of more than k_integer_bits_max bits is refused with an Error, so that
// no program can ask for one that fills the memory.

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct bignum_st;  // OpenSSL's BIGNUM

namespace dsched::value {

inline constexpr int k_integer_bits_max = 1'000'000;  // about 300,000 digits

class Integer {
 public:
  Integer() = default;
  Integer(std::int64_t small) : small_(small) {}  // NOLINT: every int64 is an Integer

  // The number where it fits 64 bits.
  [[nodiscard]] std::optional<std::int64_t> small() const {
    return big_ == nullptr ? std::optional(small_) : std::nullopt;
  }
  // -1, 0 or 1.
  [[nodiscard]] int sign() const;
  [[nodiscard]] std::string text() const;
  // The nearest double, ties to even; empty beyond the range of doubles.
  [[nodiscard]] std::optional<double> as_double() const;
  // Big-endian, without leading zeros; of zero empty.
  [[nodiscard]] std::string magnitude() const;

  friend std::strong_ordering operator<=>(const Integer& a, const Integer& b);
  friend bool operator==(const Integer& a, const Integer& b) { return (a <=> b) == 0; }
  friend Integer add(const Integer& a, const Integer& b);
  friend Integer subtract(const Integer& a, const Integer& b);
  friend Integer multiply(const Integer& a, const Integer& b);
  // a / b as the nearest double; empty where it is beyond their range. `b` is not zero.
  friend std::optional<double> divide(const Integer& a, const Integer& b);
  friend Integer integer_from_magnitude(std::string_view magnitude, bool is_negative);
  friend Integer integer_from_double(double whole);

 private:
  class Access;  // to BIGNUMs, in integer.cpp

  std::int64_t small_ = 0;
  std::shared_ptr<const bignum_st> big_;  // none: the number fits and is small_
};

[[nodiscard]] Integer add(const Integer& a, const Integer& b);
[[nodiscard]] Integer subtract(const Integer& a, const Integer& b);
[[nodiscard]] Integer multiply(const Integer& a, const Integer& b);
[[nodiscard]] std::optional<double> divide(const Integer& a, const Integer& b);
[[nodiscard]] Integer integer_from_magnitude(std::string_view magnitude, bool is_negative);
// Digits with an optional sign, nothing else; empty when `text` is not so.
[[nodiscard]] std::optional<Integer> integer_from_digits(std::string_view text);
// The whole number that a finite double without a fraction is.
[[nodiscard]] Integer integer_from_double(double whole);
// How a whole number compares with any double, exactly; unordered with NaN.
[[nodiscard]] std::partial_ordering compare(const Integer& a, double b);
// F(0) = 0, F(1) = 1, … `index` is not negative.
[[nodiscard]] Integer fibonacci(const Integer& index);

}  // namespace dsched::value
