// SPDX-License-Identifier: Apache-2.0
#include "value/body.h"

#include "base/canonical_json.h"
#include "value/primitives.h"
#include "value_support.h"

namespace dsched::value {
namespace {

Step step(std::string name, std::vector<std::uint32_t> arguments) {
  Step made;
  made.operator_name = std::move(name);
  made.arguments = std::move(arguments);
  return made;
}

Step loop_step(std::string name, std::vector<std::uint32_t> arguments, Body body) {
  Step made = step(std::move(name), std::move(arguments));
  made.body = std::make_shared<const Body>(std::move(body));
  return made;
}

// x * x + 1, of which 1.0 is value 1.
Body square_and_one() {
  return {0, {number(1)}, {step("vox1.*", {0, 0}), step("vox1.+", {2, 1})}, 3};
}

Body body_of(std::string name, std::vector<std::uint32_t> arguments,
             std::vector<Value> constants = {}, std::uint32_t captures = 0) {
  Body body{captures, std::move(constants), {step(std::move(name), std::move(arguments))}, 0};
  body.result = body.first_step();
  return body;
}

// What only inner loops capture.
std::vector<bool> deferred_in(const Body& body) {
  std::vector<bool> deferred(body.first_step() + body.steps.size());
  for (std::size_t number = deferred.size(); number-- > body.first_step();) {
    bool is_used = number == body.result;
    bool is_needed = number == body.result;
    for (std::size_t i = 0; i < body.steps.size(); ++i) {
      const Step& user = body.steps[i];
      for (std::size_t k = 0; k < user.arguments.size(); ++k) {
        if (user.arguments[k] != number) continue;
        is_used = true;
        is_needed |= !(user.body != nullptr && k > 0) && !deferred[body.first_step() + i];
      }
    }
    deferred[number] = is_used && !is_needed;
  }
  return deferred;
}

std::vector<Value> one_by_one(const Body& body, const Value& sequence,
                              const std::vector<Value>& captures, std::string& fault);

// One element, step after step; a deferred step when an inner loop needs it.
class OneElement {
 public:
  OneElement(const Body& body, const Value& element, const std::vector<Value>& captures)
      : body_(body), values_{element} {
    values_.insert(values_.end(), captures.begin(), captures.end());
    values_.insert(values_.end(), body.constants.begin(), body.constants.end());
    done_.assign(values_.size(), true);
    values_.resize(values_.size() + body.steps.size());
    done_.resize(values_.size());
  }

  Value run(std::string& fault) {
    const std::vector<bool> deferred = deferred_in(body_);
    for (auto number = body_.first_step(); number < values_.size() && fault.empty(); ++number) {
      if (!deferred[number]) work_out(number, fault);
    }
    return values_[body_.result];
  }

 private:
  void work_out(std::uint32_t number, std::string& fault) {
    if (done_[number] || !fault.empty()) return;
    const Step& one = body_.steps[number - body_.first_step()];
    if (one.body == nullptr) {
      for (const std::uint32_t argument : one.arguments) work_out(argument, fault);
      std::vector<Value> arguments;
      for (const std::uint32_t argument : one.arguments) arguments.push_back(values_[argument]);
      if (!fault.empty()) return;
      fault = message_of(
          [&] { values_[number] = apply(one.operator_name, one.attributes, arguments); });
    } else {
      work_out(one.arguments[0], fault);
      if (!fault.empty()) return;
      const Value over = elements_of(values_[one.arguments[0]]);
      std::vector<Value> captures;
      for (std::size_t k = 1; k < one.arguments.size(); ++k) {
        if (over.size() > 0) work_out(one.arguments[k], fault);
        captures.push_back(values_[one.arguments[k]]);
      }
      if (fault.empty()) values_[number] = list(one_by_one(*one.body, over, captures, fault));
    }
    done_[number] = fault.empty();
  }

  const Body& body_;
  std::vector<Value> values_;
  std::vector<bool> done_;
};

// Element after element: what map() must be like. `fault` is the first one.
std::vector<Value> one_by_one(const Body& body, const Value& sequence,
                              const std::vector<Value>& captures, std::string& fault) {
  std::vector<Value> results;
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    results.push_back(OneElement(body, sequence.at(i), captures).run(fault));
    if (!fault.empty()) {
      fault = "element " + std::to_string(i) + ": " + fault;
      return {};
    }
  }
  return results;
}

// A straight line of operations on numbers, booleans and whatever comes of them.
Body any_body(AnyValue& any, int depth) {
  const std::vector<std::string> binary{"vox1.+",           "vox1.-",
                                        "vox1.*",           "vox1./",
                                        "vox1.<",           "vox1.==",
                                        "vox1.>=",          "default.addition",
                                        "default.division", "default.multiplication",
                                        "vox1.num_sub",     "default.bool_and_scalar",
                                        "vox1.num_neq",     "default.bool_or_scalar"};
  const std::vector<std::string> unary{"vox1.bool_not_scalar", "default.not_compat",
                                       "default.sequence", "strings.concat"};
  Body body{2, {number(any.a_number()), whole(static_cast<int>(any.below(5)))}, {}, 0};
  for (std::uint32_t left = 1 + any.below(5); left > 0; --left) {
    const auto count = static_cast<std::uint32_t>(body.first_step() + body.steps.size());
    const auto some = [&] { return any.below(count); };
    const std::uint32_t what = any.below(12);
    if (what == 0) {
      body.steps.push_back(step(unary[any.below(4)], {some()}));
    } else if (what == 1 && depth > 0) {
      const std::uint32_t first = some();
      body.steps.push_back(any.below(3) == 0 ? step("default.sequence", {})
                                             : step("default.sequence", {first, some()}));
      body.steps.push_back(loop_step("default.map", {count, some(), 0}, any_body(any, depth - 1)));
    } else {
      body.steps.push_back(step(binary[any.below(14)], {some(), some()}));
    }
  }
  body.result = any.below(static_cast<std::uint32_t>(body.first_step() + body.steps.size()));
  return body;
}

TEST_CASE("value: a loop over many elements is like one element after the other") {
  AnyValue any(7);
  int failed = 0;
  int done = 0;
  for (int round = 0; round < 600; ++round) {
    const Body body = any_body(any, 2);
    std::vector<Value> elements;
    const std::uint32_t kind = any.below(4);
    for (std::uint32_t left = any.below(round % 20 == 0 ? 3000 : 12); left > 0; --left) {
      elements.push_back(kind == 0   ? number(any.a_number())
                         : kind == 1 ? whole(any.an_integer())
                         : kind == 2 ? Value::boolean(any.below(2) == 0)
                                     : any.scalar());
    }
    const Value sequence = list(std::move(elements));
    const std::vector<Value> captures{number(any.a_number()), any.scalar()};
    CAPTURE(text_of(body));
    CAPTURE(text_of(list(captures)));
    std::string expected_fault;
    const Value expected = list(one_by_one(body, sequence, captures, expected_fault));
    Value answer;
    const std::string fault = message_of([&] { answer = map(body, sequence, captures); });
    CHECK(fault == expected_fault);
    if (fault.empty()) CHECK(answer == expected);
    ++(fault.empty() ? done : failed);
  }
  CHECK(done > 100);
  CHECK(failed > 100);
}

TEST_CASE("value: a filter keeps the elements whose body is true") {
  const Body body = body_of("vox1.>", {0, 1}, {number(50)});
  std::vector<std::int64_t> integers;
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < 5000; ++i) {
    integers.push_back(i % 100);
    if (i % 100 > 50) kept.push_back(i % 100);
  }
  CHECK(filter(body, Value::integers(integers), {}) == Value::integers(kept));
  CHECK(filter(body, list({text("60"), number(70), whole(2)}), {}) ==
        list({text("60"), number(70)}));
  Body always{0, {number(1)}, {}, 1};
  CHECK(filter(always, list({text("a")}), {}) == list({text("a")}));
}

TEST_CASE("value: the first element that fails is named, in whatever step it fails") {
  // Element 5 fails in the first step, element 3 in the second.
  const Body body{
      0, {number(1)}, {step("vox1./", {1, 0}), step("vox1.-", {0, 1}), step("vox1./", {1, 3})}, 4};
  std::vector<double> numbers(2000, 2.0);
  numbers[5] = 0;
  numbers[3] = 1;
  CHECK(message_of([&] { static_cast<void>(map(body, Value::numbers(numbers), {})); }) ==
        "element 3: vox1./: division by zero");
  numbers[3] = 2;
  numbers[1999] = 1;
  CHECK(message_of([&] { static_cast<void>(map(body, Value::numbers(numbers), {})); }) ==
        "element 5: vox1./: division by zero");
  numbers[5] = 2;
  CHECK(message_of([&] { static_cast<void>(map(body, Value::numbers(numbers), {})); }) ==
        "element 1999: vox1./: division by zero");
}

TEST_CASE("value: nothing of a body is evaluated over an empty sequence") {
  const Body body{0, {number(0)}, {step("vox1./", {1, 1})}, 2};
  CHECK(map(body, list({}), {}) == list({}));
  CHECK(message_of([&] { static_cast<void>(map(body, list({number(1)}), {})); }) ==
        "element 0: vox1./: division by zero");
  CHECK(message_of([&] { static_cast<void>(map(body, number(1), {})); }) ==
        "a number is no sequence");
}

TEST_CASE("value: loops in loops see what is outside through their captures") {
  // for r in rows do for c in columns do r * 10 + c
  Body inner{1, {number(10)}, {step("vox1.*", {1, 2}), step("vox1.+", {3, 0})}, 4};
  Body outer{1, {}, {loop_step("default.for_loop", {1, 0}, inner)}, 2};
  const std::vector<Value> columns{Value::integers({0, 1})};
  CHECK(text_of(map(outer, Value::integers({0, 1, 2}), columns)) ==
        "[[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]]");
  outer.steps[0].operator_name = "default.filter";
  CHECK(text_of(map(outer, Value::integers({0, 1}), columns)) == "[[1], [0, 1]]");
}

TEST_CASE("value: what stands in an inner loop is not evaluated where that has no elements") {
  // for i in is do for j in range(0, i) do 10 / i
  const Body inner{1, {}, {}, 1};
  const Body outer{0,
                   {number(10), number(0)},
                   {step("vox1./", {1, 0}), step("default.range", {2, 0}),
                    loop_step("default.for_loop", {4, 3}, inner)},
                   5};
  CHECK(text_of(map(outer, Value::integers({2, 0, 1}), {})) == "[[5.0, 5.0], [], [10.0]]");
  // The same where the division is not of the element's own.
  const Body constant{0,
                      {number(10), number(0)},
                      {step("vox1./", {1, 2}), step("default.range", {2, 0}),
                       loop_step("default.for_loop", {4, 3}, inner)},
                      5};
  CHECK(text_of(map(constant, Value::integers({0, -1}), {})) == "[[], []]");
  CHECK(message_of([&] {
          static_cast<void>(map(constant, Value::integers({0, 1}), {}));
        }) == "element 1: vox1./: division by zero");
}

TEST_CASE("value: a fault deep in loops costs what the loops cost") {
  Body body = body_of("vox1./", {0, 1}, {number(0)});
  for (std::uint32_t depth = 0; depth < k_body_depth_max; ++depth) {
    Body around{0, {list({number(1), number(2)})}, {loop_step("default.map", {1}, body)}, 2};
    body = std::move(around);
  }
  std::string expected = "vox1./: division by zero";
  for (std::uint32_t depth = 0; depth <= k_body_depth_max; ++depth) {
    expected.insert(0, "element 0: ");
  }
  CHECK(message_of([&] {
          static_cast<void>(map(body, list({number(1), number(2)}), {}));
        }) == expected);
  const Body deeper{0, {}, {loop_step("default.map", {0}, body)}, 1};
  CHECK(message_of([&] { static_cast<void>(map(deeper, list({}), {})); }) ==
        "the body of a loop: loops nested deeper than 40 levels");
}

TEST_CASE("value: the text of a body is canonical and reads back") {
  CHECK(text_of(square_and_one()) ==
        R"({"captures":0,"constants":["1.0"],"result":3,"steps":[)"
        R"({"arguments":[0,0],"operator":"vox1.*"},{"arguments":[2,1],"operator":"vox1.+"}]})");
  AnyValue any(8);
  for (int round = 0; round < 100; ++round) {
    Body body = any_body(any, 2);
    body.constants.push_back(text("\"\\\n\x01é"));
    body.constants.push_back(list({whole(1), number(k_nan), Value()}));
    const std::string written = text_of(body);
    CAPTURE(written);
    if (!message_of([&] { static_cast<void>(body_from_text(written)); }).empty()) continue;
    CHECK(text_of(body_from_text(written)) == written);
    CHECK(canonical_json(written) == written);
  }
  Body fold = body_of("default.fold", {0});
  fold.steps[0].attributes = R"({ "operator" : "+" })";
  CHECK(text_of(fold) == R"({"captures":0,"constants":[],"result":1,"steps":[{"arguments":[0],)"
                         R"("attributes":{"operator":"+"},"operator":"default.fold"}]})");
  CHECK(text_of(map(body_from_text(text_of(fold)), list({Value::integers({1, 2})}), {})) == "[3]");
}

TEST_CASE("value: a text of no body that can be evaluated is refused") {
  for (const std::string_view bad : {
           R"()",
           R"([])",
           R"({"captures":0,"constants":[],"result":1,"steps":[]})",
           R"({"captures":-1,"constants":[],"result":0,"steps":[]})",
           R"({"captures":4294967295,"constants":[],"result":0,"steps":[]})",
           R"({"captures":0,"constants":["x"],"result":0,"steps":[]})",
           R"({"captures":0,"constants":[1],"result":0,"steps":[]})",
           R"({"captures":0,"constants":[],"result":0,"steps":[],"more":1})",
           R"({"result":1,"steps":[{"arguments":[0,1],"operator":"vox1.+"}]})",
           R"({"result":1,"steps":[{"arguments":[0],"operator":"vox1.+"}]})",
           R"({"result":1,"steps":[{"arguments":[0],"operator":"default.load"}]})",
           R"({"result":1,"steps":[{"arguments":[0],"operator":"default.map"}]})",
           R"({"result":1,"steps":[{"arguments":[0,0],"operator":"vox1.+","body":{}}]})",
           R"({"result":1,"steps":[{"arguments":[],"operator":"default.map","body":{}}]})",
           R"({"result":0} x)",
       }) {
    CAPTURE(bad);
    CHECK_FALSE(message_of([&] { static_cast<void>(body_from_text(bad)); }).empty());
  }
  const Body body = body_of("vox1.+", {0, 1}, {}, 1);
  CHECK(message_of([&] { static_cast<void>(map(body, list({number(1)}), {})); }) ==
        "the body captures 1 values, not 0");
}

TEST_CASE("value: a long body over many elements stays within its memory") {
  Body body{0, {number(1)}, {}, 0};
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    body.steps.push_back(step("vox1.+", {i == 0 ? 0 : i + 1, 1}));
  }
  body.result = body.first_step() + 19'999;
  const Value made = map(body, Value::numbers(std::vector<double>(100, 0.5)), {});
  CHECK(made.at(99) == number(20'000.5));
}

}  // namespace
}  // namespace dsched::value
