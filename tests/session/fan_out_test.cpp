// SPDX-License-Identifier: Apache-2.0
#include "session/fan_out.h"

#include <doctest/doctest.h>

#include "session/elements.h"
#include "session/tracker.h"

namespace dsched::session {
namespace {

using Texts = std::vector<std::string>;

Texts cut(std::string_view list) {
  auto elements = elements_of(list);
  REQUIRE(std::holds_alternative<Elements>(elements));
  return std::get<Elements>(std::move(elements)).values;
}

TEST_CASE("session: a list is a JSON array or lines") {
  const std::pair<std::string_view, Texts> cases[] = {
      {"", {}},
      {"\n", {""}},
      {"a\r\nb\n\nc", {"a", "b", "", "c"}},
      {"[]", {}},
      {" \r\n[ \"a\\u0041\" , 1.0 ,{\"b\":1,\"a\":[ ]}, null ]\n",
       {"aA", "1", R"({"a":[],"b":1})", "null"}},
      {"[1e999]", {"1e999"}},
      {"[1]\n[2]\n", {"[1]", "[2]"}},
      {"[1,]", {"[1,]"}},
      {"[", {"["}},
      {"{\"a\":1}", {"{\"a\":1}"}}};
  for (const auto& [list, texts] : cases) {
    CAPTURE(std::string(list));
    CHECK(cut(list) == texts);
  }
}

TEST_CASE("session: text that begins like an array and is none leaves a doubt") {
  CHECK(std::get<Elements>(elements_of("[1]\n[2]\n")).doubt.starts_with("line 2: "));
  CHECK(std::get<Elements>(elements_of("[1]\n")).doubt.empty());
  CHECK(std::get<Elements>(elements_of("a [1\n")).doubt.empty());
}

TEST_CASE("session: a list may have a million elements and no more") {
  std::string lines(2 * k_elements_max, '\n');
  CHECK(std::holds_alternative<TooManyElements>(elements_of(lines)));
  lines.resize(k_elements_max + 1);
  CHECK(std::holds_alternative<TooManyElements>(elements_of(lines)));
  lines.resize(k_elements_max);
  CHECK(cut(lines).size() == k_elements_max);
  std::string array = "[0";
  for (std::size_t i = 0; i < k_elements_max; ++i) array += ",0";
  CHECK(std::holds_alternative<TooManyElements>(elements_of(array + "]")));
}

TEST_CASE("session: results are text, base64 or values") {
  ResultArray array;
  CHECK(array.take() == "[]");
  array.add("a\"\n", ResultArray::Kind::bytes);
  array.add("\xFF", ResultArray::Kind::bytes);
  array.add("[1]", ResultArray::Kind::json);
  CHECK(array.take() == R"([{"text":"a\"\n"},{"base64":"/w=="},{"value":[1]}])");
}

TEST_CASE("session: copies of a template share one recorded duration") {
  CHECK(journal::name_of_copies("m.12") == "m.*");
  CHECK(journal::name_of_copies("a.b.3.0") == "a.b.*.*");
  CHECK(journal::name_of_copies("m").empty());
  CHECK(journal::name_of_copies("m.x1").empty());
  CHECK(journal::name_of_copies("12.").empty());
}

}  // namespace
}  // namespace dsched::session
