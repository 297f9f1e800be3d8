// SPDX-License-Identifier: Apache-2.0
#include "base/flat_index.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace dsched {
namespace {

TEST_CASE("base: a flat index agrees with a map whatever is inserted and erased") {
  // Hashes of few bits, so that many elements contend for the same places.
  const std::uint64_t seed = 20260101;
  CAPTURE(seed);
  std::uint64_t state = seed;
  const auto draw = [&](std::uint32_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state >> 33) % below;
  };
  FlatIndex index;
  std::vector<std::uint32_t> names;  // by number
  std::map<std::uint32_t, std::uint32_t> numbers;
  const auto find = [&](std::uint32_t name) {
    return index.find(name % 64, [&](std::uint32_t number) { return names[number] == name; });
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::uint32_t name = draw(500);
    const auto known = numbers.find(name);
    REQUIRE(find(name) == (known == numbers.end() ? FlatIndex::k_none : known->second));
    if (known == numbers.end()) {
      const auto number = static_cast<std::uint32_t>(names.size());
      names.push_back(name);
      numbers.emplace(name, number);
      index.insert(name % 64, number);
    } else if (draw(2) == 0) {
      index.erase(name % 64, known->second);
      numbers.erase(known);
    }
    REQUIRE(index.size() == numbers.size());
  }
}

TEST_CASE("base: equal texts have equal hashes wherever they stand") {
  const std::string text = "0123456789abcdefghij";
  const std::string shifted = "x" + text;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    CHECK(hash_of(std::string_view(text).substr(0, size)) ==
          hash_of(std::string_view(shifted).substr(1, size)));
  }
}

}  // namespace
}  // namespace dsched
