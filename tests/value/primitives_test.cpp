// SPDX-License-Identifier: Apache-2.0
#include "value/primitives.h"

#include <filesystem>
#include <fstream>

#include "value_support.h"

namespace dsched::value {
namespace {

Value applied(std::string_view name, std::vector<Value> arguments,
              std::string_view attributes = "{}") {
  return apply(name, attributes, arguments);
}

std::string refusal(std::string_view name, std::vector<Value> arguments,
                    std::string_view attributes = "{}") {
  return message_of([&] { static_cast<void>(apply(name, attributes, arguments)); });
}

TEST_CASE("value: every primitive does with every mix of kinds what Python does") {
  std::ifstream lines(std::filesystem::path(__FILE__).parent_path() / "python_cases.jsonl");
  int cases = 0;
  int refused = 0;
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    const Value row = from_json(line);
    const std::string name(row.at(0).as_text());
    const std::string attributes = json_of(row.at(1));
    std::vector<Value> arguments;
    for (std::size_t i = 0; i < row.at(2).size(); ++i) arguments.push_back(row.at(2).at(i));
    std::string answer;
    const std::string said =
        message_of([&] { answer = text_of(apply(name, attributes, arguments)); });
    ++cases;
    if (row.at(3).is(Kind::none)) {
      ++refused;
      CAPTURE(answer);
      CHECK(said.starts_with(name + ": "));
    } else {
      CHECK(said == "");
      CHECK(answer == row.at(3).as_text());
    }
  }
  CHECK(cases > 2000);
  CHECK(refused > 500);
}

TEST_CASE("value: a refusal names the primitive and the cause in one line") {
  const Value three = list({number(1), number(2), number(3)});
  CHECK(refusal("vox1.+", {three, list({number(1)})}) ==
        "vox1.+: lists of different lengths, 3 and 1");
  CHECK(refusal("vox1./", {number(1), number(0)}) == "vox1./: division by zero");
  CHECK(refusal("vox1./", {three, list({number(1), number(0), number(1)})}) ==
        "vox1./: division by zero");
  CHECK(refusal("default.division", {whole(1), Value::boolean(false)}) ==
        "default.division: division by zero");
  CHECK(refusal("vox1.*", {text("a\nb"), number(1)}) == "vox1.*: the text 'a\\nb' is not a number");
  CHECK(refusal("vox1.num_add", {three, number(1)}) == "vox1.num_add: a list is not a number");
  CHECK(refusal("default.index", {three, number(3)}) ==
        "default.index: index 3 is out of range: there are 3 elements");
  CHECK(refusal("default.index", {three, number(-1)}) ==
        "default.index: the index must not be negative, as -1 is");
  CHECK(refusal("default.index", {three, number(0.5)}) ==
        "default.index: the index must be a whole number, not 0.5");
  CHECK(refusal("default.fold", {list({})}, R"({"operator":"max"})") ==
        "default.fold: the list is empty, and has no first element");
  CHECK(refusal("default.fold", {list({})}, R"({"operator":"/"})") ==
        "default.fold: there is no fold with the operator /");
  CHECK(refusal("default.fold", {number(1)}, R"({"operator":"+"})") ==
        "default.fold: a number is no list");
  CHECK(refusal("default.argmax", {list({})}) == "default.argmax: the list is empty");
  CHECK(refusal("default.argmax", {list({number(1), text("a")})}) ==
        "default.argmax: the text 'a' and 1.0 have no order");
  CHECK(refusal("default.range", {number(0.5)}) ==
        "default.range: the stop must be a whole number, not 0.5");
  CHECK(refusal("default.addition", {text("a"), number(1)}) ==
        "default.addition: there is no + of the text 'a' and 1.0");
  CHECK(refusal("strings.format_string", {text("{:d}"), number(7)}) ==
        "strings.format_string: unknown format code 'd' for a number");
  CHECK(refusal("strings.format_string", {text("{} {}"), number(7)}) ==
        "strings.format_string: the template asks for argument 1, counted from 0, and there are 1");
  CHECK(refusal("vox1.+", {number(1)}) == "vox1.+: takes 2 arguments, not 1");
  CHECK(refusal("vox1.dt", {number(1)}) == "vox1.dt: there is no such primitive to evaluate");
}

TEST_CASE("value: texts that are no numbers are compared with each other") {
  CHECK(applied("vox1.==", {text("ab"), text("ab")}) == Value::boolean(true));
  CHECK(applied("vox1.!=", {text("ab"), text("é")}) == Value::boolean(true));
  CHECK(applied("vox1.<", {text("ab"), text("é")}) == Value::boolean(true));
  CHECK(applied("vox1.==", {list({text("a"), text("b")}), text("a")}) == Value::booleans({1, 0}));
  CHECK(applied("vox1.<", {text("10"), text("9")}) == Value::boolean(false));
  CHECK(applied("vox1.==", {text("1"), text("1.0")}) == Value::boolean(true));
  CHECK(refusal("vox1.==", {text("a"), number(1)}) == "vox1.==: the text 'a' is not a number");
}

TEST_CASE("value: nothing that a program asks for is too large to be refused") {
  CHECK(refusal("default.range", {number(1e18)}) ==
        "default.range: a list of more than 100000000 elements");
  CHECK(refusal("default.range", {number(-1e300), number(1e300)}) ==
        "default.range: a list of more than 100000000 elements");
  CHECK(refusal("default.multiplication", {text("ab"), whole(INT64_MAX)}) ==
        "default.multiplication: the repetition is too long");
  CHECK(refusal("strings.format_string", {text("{:99999999}"), number(1)}) ==
        "strings.format_string: a width or precision of more than 1000000");
  CHECK(refusal("strings.format_string", {text("{:.99999999999999999999999f}"), number(1)}) ==
        "strings.format_string: a width or precision of more than 10000");
  CHECK(refusal("test.fibonacci", {number(1e300)}) ==
        "test.fibonacci: the number at that place has more than 1000000 bits");
  Value nested = number(1);
  const std::string deep = message_of([&] {
    while (true) nested = applied("default.sequence", {nested});
  });
  CHECK(deep == "default.sequence: lists nested deeper than 500 levels");
}

TEST_CASE("value: a fold of integers goes on where 64 bits end") {
  std::vector<std::int64_t> integers;
  for (std::int64_t i = 1; i <= 30; ++i) integers.push_back(i);
  CHECK(text_of(applied("default.fold", {Value::integers(integers)}, R"({"operator":"*"})")) ==
        "265252859812191058636308480000000");
}

TEST_CASE("value: what is pure and what takes a body is known by name") {
  CHECK(is_pure("vox1.+"));
  CHECK(is_pure("default.fold"));
  for (const std::string_view name : {"default.load", "default.dir", "default.shell", "test.impure",
                                      "test.timewaste", "default.print_primitive", "default.map"}) {
    CHECK_FALSE(is_pure(name));
  }
  CHECK(takes_body("default.filter"));
  CHECK_FALSE(takes_body("default.fold"));
}

TEST_CASE("value: a loop goes over lists, characters, names and bytes") {
  CHECK(elements_of(text("aé")) == list({text("a"), text("é")}));
  CHECK(elements_of(Value::bytes("\x01\xff")) == Value::integers({1, 255}));
  CHECK(elements_of(Value::object({{"k", Value()}})) == list({text("k")}));
  CHECK(message_of([] { static_cast<void>(elements_of(number(1))); }) == "a number is no sequence");
}

}  // namespace
}  // namespace dsched::value
