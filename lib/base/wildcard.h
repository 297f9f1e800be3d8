// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matching a sequence against a pattern with stars, whatever the two are made of.
//
// A star stands for any number of items. With one point to come back to, the last star, the time is
// linear in practice and at worst the product of the two lengths: what an earlier star took can
// stay as it is.

#include <cstddef>

namespace dsched {

// is_star(p): a star stands at place p of the pattern; it is one place long. fits(p, n): what
// stands at p fits item n, and then p has been moved behind it. may_take(n): a star may take item
// n.
template <class IsStar, class Fits, class MayTake>
[[nodiscard]] bool wildcard_matches(std::size_t pattern_size, std::size_t size, IsStar is_star,
                                    Fits fits, MayTake may_take) {
  constexpr std::size_t k_none = static_cast<std::size_t>(-1);
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t behind_star = k_none;
  std::size_t taken_to = 0;  // by that star
  while (n < size) {
    if (p < pattern_size && is_star(p)) {
      behind_star = ++p;
      taken_to = n;
    } else if (p < pattern_size && fits(p, n)) {
      ++n;
    } else if (behind_star != k_none && may_take(taken_to)) {
      p = behind_star;
      n = ++taken_to;
    } else {
      return false;
    }
  }
  while (p < pattern_size && is_star(p)) ++p;
  return p == pattern_size;
}

}  // namespace dsched
