// SPDX-License-Identifier: Apache-2.0
#include "wire/json_writer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace dsched::wire {
namespace {

using nlohmann::json;

std::string sample(JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("a").number(std::int64_t{-1});
  out.key("list").begin_array().text("x").boolean(true).null().begin_object().end_object();
  out.end_array();
  out.key("empty").begin_array().end_array();
  out.end_object();
  return out.take();
}

TEST_CASE("wire: the compact layout has no space at all") {
  CHECK(sample(JsonWriter::Layout::compact) == R"({"a":-1,"list":["x",true,null,{}],"empty":[]})");
}

TEST_CASE("wire: the indented layout has a line per element, two spaces a level") {
  CHECK(sample(JsonWriter::Layout::indented) ==
        "{\n  \"a\": -1,\n  \"list\": [\n    \"x\",\n    true,\n    null,\n    {}\n  ],\n"
        "  \"empty\": []\n}");
}

TEST_CASE("wire: both layouts say the same") {
  CHECK(json::parse(sample(JsonWriter::Layout::compact)) ==
        json::parse(sample(JsonWriter::Layout::indented)));
}

TEST_CASE("wire: numbers stand as they are, whole reals keep a decimal") {
  JsonWriter out;
  out.begin_array();
  out.number(std::numeric_limits<std::int64_t>::min());
  out.number(std::numeric_limits<std::uint64_t>::max());
  out.real(100).real(0.1).real(-0.0).real(1e300);
  out.real(std::nan("")).real(std::numeric_limits<double>::infinity());
  out.end_array();
  CHECK(out.take() ==
        "[-9223372036854775808,18446744073709551615,100.0,0.1,-0.0,1e+300,null,null]");
}

TEST_CASE("wire: every character comes back, as text and as name") {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBF";
  JsonWriter out;
  out.begin_object().key(all).text(all).end_object();
  const json back = json::parse(out.take());
  CHECK(back.at(all) == all);
}

TEST_CASE("wire: taken pieces together are the document") {
  JsonWriter out;
  std::string document;
  out.begin_array();
  for (std::uint64_t i = 0; i < 100; ++i) {
    out.number(i);
    document += out.take();
    CHECK(out.size() == 0);
  }
  out.end_array();
  document += out.take();
  const json back = json::parse(document);
  REQUIRE(back.size() == 100);
  CHECK(back[99] == 99);
}

void write(JsonWriter& out, const json& value) {
  if (value.is_object()) {
    out.begin_object();
    for (const auto& [name, member] : value.items()) {
      out.key(name);
      write(out, member);
    }
    out.end_object();
  } else if (value.is_array()) {
    out.begin_array();
    for (const json& element : value) write(out, element);
    out.end_array();
  } else if (value.is_string()) {
    out.text(value.get<std::string>());
  } else if (value.is_number_float()) {
    out.real(value.get<double>());
  } else if (value.is_number_unsigned()) {
    out.number(value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    out.number(value.get<std::int64_t>());
  } else if (value.is_boolean()) {
    out.boolean(value.get<bool>());
  } else {
    out.null();
  }
}

json random_value(std::mt19937& dice, int depth) {
  switch (dice() % (depth > 0 ? 8 : 6)) {
    case 0:
      return static_cast<std::int64_t>(dice()) - 1'000'000'000;
    case 1:
      return std::ldexp(static_cast<double>(dice()), static_cast<int>(dice() % 200) - 100);
    case 2:
      return std::string(dice() % 9, static_cast<char>('\1' + dice() % 120));
    case 3:
      return dice() % 2 == 0;
    case 4:
      return nullptr;
    case 5:
      return std::uint64_t{dice()} << 32;
    case 6: {
      json list = json::array();
      for (auto count = dice() % 5; count > 0; --count)
        list.push_back(random_value(dice, depth - 1));
      return list;
    }
    default: {
      json object = json::object();
      for (auto count = dice() % 5; count > 0; --count) {
        object["m" + std::to_string(dice() % 9)] = random_value(dice, depth - 1);
      }
      return object;
    }
  }
}

TEST_CASE("wire: random values come back as they were, in both layouts") {
  std::mt19937 dice(3);
  for (int round = 0; round < 500; ++round) {
    const json value = random_value(dice, 4);
    for (const auto layout : {JsonWriter::Layout::compact, JsonWriter::Layout::indented}) {
      JsonWriter out(layout);
      write(out, value);
      CHECK(json::parse(out.take()) == value);
    }
  }
}

}  // namespace
}  // namespace dsched::wire
