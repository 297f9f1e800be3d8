// SPDX-License-Identifier: Apache-2.0
#include "dag/name_table.h"

#include <doctest/doctest.h>

#include <string>
#include <unordered_map>

namespace dsched::dag {
namespace {

std::vector<std::string> many_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(std::string(i % 23, 'x') + std::to_string(i % (count / 2)));
  return names;
}

TEST_CASE("dag: symbols count the different names from zero, in the order of their first use") {
  const std::vector<std::string> names = many_names(20'000);
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<Symbol> symbols(views.size());
  NameTable table;
  table.intern(views, symbols);
  std::unordered_map<std::string_view, std::uint32_t> expected;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto next = static_cast<std::uint32_t>(expected.size());
    const auto [known, is_new] = expected.try_emplace(views[i], next);
    REQUIRE(symbols[i].value == known->second);
    REQUIRE(table.name(symbols[i]) == views[i]);
    REQUIRE(table.find(views[i]) == symbols[i]);
  }
  CHECK(table.size() == expected.size());
}

TEST_CASE("dag: interning one by one gives the symbols of a batch") {
  const std::vector<std::string> names = many_names(3000);
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<Symbol> symbols(views.size());
  NameTable batch;
  batch.reserve(10);
  batch.intern(views, symbols);
  NameTable single;
  for (std::size_t i = 0; i < views.size(); ++i) REQUIRE(single.intern(views[i]) == symbols[i]);
}

TEST_CASE("dag: a name that was never interned has no symbol") {
  NameTable table;
  CHECK_FALSE(table.find("a"));
  (void)table.intern("a");
  CHECK_FALSE(table.find("b"));
  CHECK_FALSE(table.find(""));
}

}  // namespace
}  // namespace dsched::dag
