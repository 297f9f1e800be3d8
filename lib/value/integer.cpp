// SPDX-License-Identifier: Apache-2.0
#include "value/integer.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "value/failure.h"

namespace dsched::value {
namespace {

struct BignumFree {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
using Bignum = std::unique_ptr<BIGNUM, BignumFree>;
using BignumContext = std::unique_ptr<BN_CTX, BignumFree>;

// libcrypto's calls fail only for want of memory here.
template <class Result>
Result bignum_check(Result result) {
  if (!result) throw std::bad_alloc();
  return result;
}

Bignum bignum_new() {
  return Bignum(bignum_check(BN_new()));
}

BignumContext bignum_context() {
  return BignumContext(bignum_check(BN_CTX_new()));
}

Bignum bignum_of(std::int64_t small) {
  static_assert(sizeof(BN_ULONG) == 8);
  Bignum made = bignum_new();
  const std::uint64_t bits = static_cast<std::uint64_t>(small);
  bignum_check(BN_set_word(made.get(), small < 0 ? ~bits + 1 : bits));
  BN_set_negative(made.get(), small < 0 ? 1 : 0);
  return made;
}

std::optional<std::int64_t> small_of(const BIGNUM& number) {
  if (BN_num_bits(&number) > 64) return std::nullopt;
  const std::uint64_t word = BN_get_word(&number);
  constexpr std::uint64_t k_least = std::uint64_t{1} << 63;
  if (BN_is_negative(&number) != 0) {
    if (word > k_least) return std::nullopt;
    return static_cast<std::int64_t>(~word + 1);
  }
  if (word >= k_least) return std::nullopt;
  return static_cast<std::int64_t>(word);
}

void check_bits(int bits) {
  if (bits > k_integer_bits_max) {
    fail("a whole number of more than " + std::to_string(k_integer_bits_max) + " bits");
  }
}

}  // namespace

class Integer::Access {
 public:
  // The number as a BIGNUM, for as long as this object lives.
  explicit Access(const Integer& from) : shared_(from.big_) {
    if (shared_ == nullptr) shared_ = bignum_of(from.small_);
  }
  [[nodiscard]] const BIGNUM* get() const { return shared_.get(); }

  [[nodiscard]] static Integer wrap(Bignum number) {
    check_bits(BN_num_bits(number.get()));
    Integer made;
    if (const auto small = small_of(*number)) {
      made.small_ = *small;
    } else {
      made.big_ = std::shared_ptr<const BIGNUM>(number.release(), BN_free);
    }
    return made;
  }
  [[nodiscard]] static const BIGNUM* big(const Integer& from) { return from.big_.get(); }

 private:
  std::shared_ptr<const BIGNUM> shared_;
};

int Integer::sign() const {
  if (big_ != nullptr) return BN_is_negative(big_.get()) != 0 ? -1 : 1;
  return (small_ > 0) - (small_ < 0);
}

std::string Integer::text() const {
  if (big_ == nullptr) return std::to_string(small_);
  const std::unique_ptr<char, BignumFree> digits(bignum_check(BN_bn2dec(big_.get())));
  return digits.get();
}

std::string Integer::magnitude() const {
  const Access number(*this);
  std::string out(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::optional<double> Integer::as_double() const {
  if (big_ == nullptr) return static_cast<double>(small_);
  if (BN_num_bits(big_.get()) > std::numeric_limits<double>::max_exponent) return std::nullopt;
  const std::string digits = text();
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::strong_ordering operator<=>(const Integer& a, const Integer& b) {
  if (a.big_ == nullptr && b.big_ == nullptr) return a.small_ <=> b.small_;
  return BN_cmp(Integer::Access(a).get(), Integer::Access(b).get()) <=> 0;
}

Integer add(const Integer& a, const Integer& b) {
  std::int64_t sum = 0;
  if (a.big_ == nullptr && b.big_ == nullptr && !__builtin_add_overflow(a.small_, b.small_, &sum)) {
    return sum;
  }
  Bignum made = bignum_new();
  bignum_check(BN_add(made.get(), Integer::Access(a).get(), Integer::Access(b).get()));
  return Integer::Access::wrap(std::move(made));
}

Integer subtract(const Integer& a, const Integer& b) {
  std::int64_t rest = 0;
  if (a.big_ == nullptr && b.big_ == nullptr &&
      !__builtin_sub_overflow(a.small_, b.small_, &rest)) {
    return rest;
  }
  Bignum made = bignum_new();
  bignum_check(BN_sub(made.get(), Integer::Access(a).get(), Integer::Access(b).get()));
  return Integer::Access::wrap(std::move(made));
}

Integer multiply(const Integer& a, const Integer& b) {
  std::int64_t product = 0;
  if (a.big_ == nullptr && b.big_ == nullptr &&
      !__builtin_mul_overflow(a.small_, b.small_, &product)) {
    return product;
  }
  const Integer::Access left(a);
  const Integer::Access right(b);
  check_bits(BN_num_bits(left.get()) + BN_num_bits(right.get()) - 1);
  Bignum made = bignum_new();
  bignum_check(BN_mul(made.get(), left.get(), right.get(), bignum_context().get()));
  return Integer::Access::wrap(std::move(made));
}

// The quotient's first 64 bits or a few more, and whether anything is lost behind them, decide how
// it is rounded.
std::optional<double> divide(const Integer& a, const Integer& b) {
  constexpr std::int64_t k_exact = std::int64_t{1} << 53;  // up to here doubles have no gaps
  const bool is_exact = a.big_ == nullptr && b.big_ == nullptr && a.small_ <= k_exact &&
                        a.small_ >= -k_exact && b.small_ <= k_exact && b.small_ >= -k_exact;
  if (is_exact) return static_cast<double>(a.small_) / static_cast<double>(b.small_);
  const Integer::Access above(a);
  const Integer::Access below(b);
  constexpr int k_bits = 63;
  const int shift = k_bits - (BN_num_bits(above.get()) - BN_num_bits(below.get()));
  Bignum scaled = bignum_new();
  Bignum divisor = bignum_new();
  bignum_check(BN_lshift(scaled.get(), above.get(), shift > 0 ? shift : 0));
  bignum_check(BN_lshift(divisor.get(), below.get(), shift < 0 ? -shift : 0));
  BN_set_negative(scaled.get(), 0);
  BN_set_negative(divisor.get(), 0);
  Bignum quotient = bignum_new();
  Bignum rest = bignum_new();
  bignum_check(
      BN_div(quotient.get(), rest.get(), scaled.get(), divisor.get(), bignum_context().get()));
  std::uint64_t word = BN_get_word(quotient.get());
  if (BN_is_zero(rest.get()) == 0) word |= 1;
  const double magnitude = std::ldexp(static_cast<double>(word), -shift);
  if (std::isinf(magnitude)) return std::nullopt;
  return (a.sign() < 0) != (b.sign() < 0) ? -magnitude : magnitude;
}

Integer integer_from_magnitude(std::string_view magnitude, bool is_negative) {
  check_bits(magnitude.size() > k_integer_bits_max ? k_integer_bits_max + 1 : 0);
  Bignum made(bignum_check(BN_bin2bn(reinterpret_cast<const unsigned char*>(magnitude.data()),
                                     static_cast<int>(magnitude.size()), nullptr)));
  BN_set_negative(made.get(), is_negative ? 1 : 0);
  return Integer::Access::wrap(std::move(made));
}

std::optional<Integer> integer_from_digits(std::string_view text) {
  std::string_view digits = text;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::int64_t small = 0;
  const std::string_view signed_digits = is_negative ? text : digits;
  const auto read =
      std::from_chars(signed_digits.data(), signed_digits.data() + signed_digits.size(), small);
  if (read.ec == std::errc()) return Integer(small);
  constexpr std::size_t k_digits_a_word = 18;
  constexpr std::size_t k_digits_max = k_integer_bits_max / 3;
  if (digits.size() > k_digits_max) check_bits(k_integer_bits_max + 1);
  // Halves are joined, so that a long text does not cost the square of its length in steps of one
  // word each.
  std::vector<Integer> parts;
  Integer base = 1;
  for (std::size_t i = 0; i < k_digits_a_word; ++i) base = multiply(base, 10);
  for (std::size_t end = digits.size(); end > 0;) {
    const std::size_t begin = end > k_digits_a_word ? end - k_digits_a_word : 0;
    std::int64_t part = 0;
    std::from_chars(digits.data() + begin, digits.data() + end, part);
    parts.emplace_back(part);
    end = begin;
  }
  while (parts.size() > 1) {
    std::vector<Integer> joined;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
      joined.push_back(i + 1 < parts.size() ? add(multiply(parts[i + 1], base), parts[i])
                                            : parts[i]);
    }
    parts = std::move(joined);
    if (parts.size() > 1) base = multiply(base, base);
  }
  return is_negative ? subtract(0, parts[0]) : parts[0];
}

Integer integer_from_double(double whole) {
  int exponent = 0;
  const double fraction = std::frexp(whole, &exponent);
  constexpr int k_digits = std::numeric_limits<double>::digits;
  const auto digits = static_cast<std::int64_t>(std::ldexp(fraction, k_digits));
  if (exponent <= k_digits) return digits / (std::int64_t{1} << (k_digits - exponent));
  Bignum made = bignum_new();
  bignum_check(BN_lshift(made.get(), bignum_of(digits).get(), exponent - k_digits));
  return Integer::Access::wrap(std::move(made));
}

std::partial_ordering compare(const Integer& a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (std::isinf(b)) return b > 0 ? std::partial_ordering::less : std::partial_ordering::greater;
  const double whole = std::floor(b);
  const std::strong_ordering order = a <=> integer_from_double(whole);
  return order == 0 && whole < b ? std::partial_ordering::less : std::partial_ordering(order);
}

// By doubling: F(2k) = F(k) (2 F(k+1) - F(k)) and F(2k+1) = F(k)² + F(k+1)².
Integer fibonacci(const Integer& index) {
  // F(n) has about 0.694 n bits.
  constexpr std::int64_t k_index_max = std::int64_t{k_integer_bits_max} * 14 / 10;
  const auto wanted = index.small();
  if (!wanted || *wanted > k_index_max) {
    fail("the number at that place has more than " + std::to_string(k_integer_bits_max) + " bits");
  }
  Integer here = 0;
  Integer next = 1;
  for (int bit = 62; bit >= 0; --bit) {
    const Integer even = multiply(here, subtract(add(next, next), here));
    const Integer odd = add(multiply(here, here), multiply(next, next));
    const bool is_odd = ((*wanted >> bit) & 1) != 0;
    here = is_odd ? odd : even;
    next = is_odd ? add(even, odd) : odd;
  }
  return here;
}

}  // namespace dsched::value
