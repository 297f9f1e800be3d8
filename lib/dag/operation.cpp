// SPDX-License-Identifier: Apache-2.0
#include "dag/operation.h"

#include <cmath>

#include "base/error.h"
#include "base/json_reader.h"

namespace dsched::dag {
namespace {

// Walks the members of an object of parameters.
class Members {
 public:
  Members(const Node& node, Operation wanted) : reader_(node.parameters) {
    DSCHED_ASSERT(node.operation == wanted, "these are another operation's parameters");
    DSCHED_ASSERT(reader_.next() == JsonToken::begin_object, "parameters are an object");
  }
  // The next member's name, the reader then standing at its value; empty at the end.
  std::optional<std::string_view> next() {
    const JsonToken token = reader_.next();
    DSCHED_ASSERT(token == JsonToken::name || token == JsonToken::end_object,
                  "parameters are canonical JSON");
    if (token == JsonToken::end_object) return std::nullopt;
    name_ = reader_.text();
    reader_.next();
    return name_;
  }
  JsonReader& value() { return reader_; }

 private:
  JsonReader reader_;
  std::string name_;  // a copy, because a name with escapes lives in the reader's buffer
};

std::string string_at(const JsonReader& reader) {
  DSCHED_ASSERT(reader.token() == JsonToken::string, "the front end checked this type");
  return std::string(reader.text());
}

// Reads {"argument": N}.
ArgumentPosition argument_at(JsonReader& reader) {
  DSCHED_ASSERT(reader.token() == JsonToken::begin_object && reader.next() == JsonToken::name &&
                    reader.text() == "argument" && reader.next() == JsonToken::number,
                "the front end made this object");
  const std::optional<JsonNumber> number = number_from_json(reader.text());
  DSCHED_ASSERT(number && number->unsigned_integer >= 1 && reader.next() == JsonToken::end_object,
                "arguments are counted from 1");
  return {static_cast<std::uint32_t>(number->unsigned_integer - 1)};
}

}  // namespace

ShellParameters shell_parameters(const Node& node) {
  ShellParameters parameters;
  Members members(node, Operation::shell);
  while (const auto name = members.next()) {
    if (*name == "command") parameters.command = string_at(members.value());
    if (*name == "stdin") parameters.stdin_argument = argument_at(members.value());
  }
  return parameters;
}

ExecParameters exec_parameters(const Node& node) {
  ExecParameters parameters;
  Members members(node, Operation::exec);
  while (const auto name = members.next()) {
    JsonReader& value = members.value();
    if (*name == "stdin") parameters.stdin_argument = argument_at(value);
    if (*name != "argv") continue;
    while (value.next() != JsonToken::end_array) {
      if (value.token() == JsonToken::string) {
        parameters.argv.emplace_back(std::string(value.text()));
      } else {
        parameters.argv.emplace_back(argument_at(value));
      }
    }
  }
  return parameters;
}

std::string_view const_value(const Node& node) {
  constexpr std::string_view k_before = "{\"value\":";
  DSCHED_ASSERT(node.operation == Operation::constant && node.parameters.starts_with(k_before),
                "a const has exactly one parameter");
  return node.parameters.substr(k_before.size(), node.parameters.size() - k_before.size() - 1);
}

std::string const_bytes(const Node& node) {
  const std::string_view value = const_value(node);
  if (!value.starts_with('"')) return std::string(value);
  JsonReader reader(value);
  reader.next();
  return string_at(reader);
}

std::string path_parameter(const Node& node) {
  DSCHED_ASSERT(node.operation == Operation::read_file || node.operation == Operation::write_file ||
                    node.operation == Operation::save,
                "only these have a path");
  Members members(node, node.operation);
  while (const auto name = members.next()) {
    if (*name == "path") return string_at(members.value());
  }
  DSCHED_ASSERT(false, "the path is not optional");
  return {};
}

std::string concat_separator(const Node& node) {
  Members members(node, Operation::concat);
  while (const auto name = members.next()) {
    if (*name == "separator") return string_at(members.value());
  }
  return {};
}

Nanoseconds sleep_duration(const Node& node) {
  Members members(node, Operation::sleep);
  while (const auto name = members.next()) {
    if (*name != "seconds") continue;
    const std::optional<JsonNumber> number = number_from_json(members.value().text());
    DSCHED_ASSERT(number, "the front end checked this number");
    return Nanoseconds{std::llround(number->as_double() * 1e9)};
  }
  return Nanoseconds{0};
}

}  // namespace dsched::dag
