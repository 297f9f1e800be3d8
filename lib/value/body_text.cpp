// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "value/body.h"
#include "value/body_check.h"
#include "value/operations.h"
#include "value/primitives.h"
#include "value/text.h"

// Bodies as text, and what makes a body one that can be evaluated.

namespace dsched::value {
namespace {

[[noreturn]] void refuse(const std::string& cause) {
  throw Error(ErrorKind::invalid_program, "the body of a loop: " + cause);
}

void check_step(const Step& step) {
  const std::string name = escape_for_terminal(step.operator_name);
  const bool has_body = takes_body(step.operator_name);
  if (has_body != (step.body != nullptr)) {
    refuse(name + (has_body ? " without a body" : " takes no body"));
  }
  if (has_body) {
    if (step.arguments.size() != std::size_t{1} + step.body->captures) {
      refuse(name + " must get the sequence and the captures of its body");
    }
    return;
  }
  const Operation* const operation = find_operation(step.operator_name);
  if (operation == nullptr) refuse(name + " cannot be evaluated in a loop");
  if (!operation->allows(step.arguments.size())) {
    refuse(name + " takes " + arity_text(*operation) + ", not " +
           std::to_string(step.arguments.size()));
  }
}

// Recursion is bounded by `depth`, the bodies around this one.
void check_at_depth(const Body& body, std::uint32_t depth) {
  if (depth > k_body_depth_max) {
    refuse("loops nested deeper than " + std::to_string(k_body_depth_max) + " levels");
  }
  if (body.steps.size() > k_body_steps_max) {
    refuse("more than " + std::to_string(k_body_steps_max) + " steps");
  }
  if (body.captures > k_body_steps_max || body.constants.size() > k_body_steps_max) {
    refuse("more than " + std::to_string(k_body_steps_max) + " captures or constants");
  }
  std::size_t number = body.first_step();
  if (body.result >= number + body.steps.size()) refuse("its result is no value of it");
  for (const Step& step : body.steps) {
    check_step(step);
    for (const std::uint32_t argument : step.arguments) {
      if (argument >= number) refuse("a step uses a value that is not there yet");
    }
    if (step.body != nullptr) check_at_depth(*step.body, depth + 1);
    ++number;
  }
}

template <class Elements, class Append>
void append_array(std::string& out, const Elements& elements, const Append& append) {
  out += '[';
  bool is_first = true;
  for (const auto& element : elements) {
    if (!is_first) out += ',';
    is_first = false;
    append(element);
  }
  out += ']';
}

void append_body(std::string& out, const Body& body) {
  out += "{\"captures\":" + std::to_string(body.captures) + ",\"constants\":";
  append_array(out, body.constants,
               [&](const Value& constant) { append_json_string(out, json_of(constant)); });
  out += ",\"result\":" + std::to_string(body.result) + ",\"steps\":";
  append_array(out, body.steps, [&](const Step& step) {
    out += "{\"arguments\":";
    append_array(out, step.arguments,
                 [&](std::uint32_t argument) { out += std::to_string(argument); });
    const auto attributes = canonical_json(step.attributes);
    if (!attributes) refuse("attributes that are no JSON");
    if (*attributes != "{}") out += ",\"attributes\":" + *attributes;
    if (step.body != nullptr) {
      out += ",\"body\":";
      append_body(out, *step.body);
    }
    out += ",\"operator\":";
    append_json_string(out, step.operator_name);
    out += '}';
  });
  out += '}';
}

class BodyReader {
 public:
  explicit BodyReader(std::string_view text) : reader_(text) { reader_.next(); }

  [[nodiscard]] Body read() {
    Body body = read_body(0);
    if (reader_.next() != JsonToken::end) wrong();
    return body;
  }

 private:
  [[noreturn]] void wrong() const {
    refuse(reader_.error().empty() ? "its text is not one" : reader_.error());
  }
  void expect(JsonToken token) const {
    if (reader_.token() != token) wrong();
  }

  // Calls `read` with the name of each member, standing at its value.
  template <class Read>
  void each_member(const Read& read) {
    expect(JsonToken::begin_object);
    while (reader_.next() == JsonToken::name) {
      const std::string name(reader_.text());
      reader_.next();
      read(name);
    }
    expect(JsonToken::end_object);
  }
  template <class Read>
  void each_element(const Read& read) {
    expect(JsonToken::begin_array);
    while (reader_.next() != JsonToken::end_array) {
      if (reader_.token() == JsonToken::failed) wrong();
      read();
    }
  }
  std::uint32_t read_number() const {
    expect(JsonToken::number);
    const std::string_view text = reader_.text();
    std::uint32_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) wrong();
    return number;
  }

  // Recursion is bounded by `depth`, the bodies around this one.
  Body read_body(std::uint32_t depth) {
    if (depth > k_body_depth_max) refuse("loops nested too deep");
    Body body;
    each_member([&](const std::string& name) {
      if (name == "captures") {
        body.captures = read_number();
      } else if (name == "result") {
        body.result = read_number();
      } else if (name == "constants") {
        each_element([&] {
          expect(JsonToken::string);
          body.constants.push_back(from_json(reader_.text()));
        });
      } else if (name == "steps") {
        each_element([&] { body.steps.push_back(read_step(depth)); });
      } else {
        wrong();
      }
    });
    return body;
  }

  Step read_step(std::uint32_t depth) {
    Step step;
    each_member([&](const std::string& name) {
      if (name == "arguments") {
        each_element([&] { step.arguments.push_back(read_number()); });
      } else if (name == "attributes") {
        expect(JsonToken::begin_object);
        const std::size_t begin = reader_.offset();
        reader_.skip();
        if (reader_.token() == JsonToken::failed) wrong();
        step.attributes = reader_.source().substr(begin, reader_.end_offset() - begin);
      } else if (name == "body") {
        step.body = std::make_shared<const Body>(read_body(depth + 1));
      } else if (name == "operator") {
        expect(JsonToken::string);
        step.operator_name = reader_.text();
      } else {
        wrong();
      }
    });
    return step;
  }

  JsonReader reader_;
};

}  // namespace

void check_body(const Body& body) {
  check_at_depth(body, 0);
}

std::string text_of(const Body& body) {
  std::string out;
  append_body(out, body);
  return out;
}

Body body_from_text(std::string_view text) {
  Body body = BodyReader(text).read();
  check_body(body);
  return body;
}

}  // namespace dsched::value
