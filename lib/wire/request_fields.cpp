// SPDX-License-Identifier: Apache-2.0
#include "wire/request_fields.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace dsched::wire {
namespace {

using nlohmann::json;

[[noreturn]] void refuse_document(const std::string& message) {
  throw Error(ErrorKind::invalid_request, message);
}

// The same name twice would otherwise mean: the last one wins, unseen.
void refuse_duplicates(std::string_view text) {
  JsonReader reader(text, JsonDialect::relaxed);
  if (reader.next() != JsonToken::begin_object) return;
  std::vector<std::string> names;
  while (reader.next() == JsonToken::name) {
    std::string name(reader.text());
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      refuse_field(name, "is there twice");
    }
    names.push_back(std::move(name));
    reader.next();
    reader.skip();
    if (reader.token() == JsonToken::failed) return;
  }
}

}  // namespace

void read_request(std::string_view text, std::span<const RequestField> fields) {
  const json document = json::parse(text, nullptr, false, true);
  if (document.is_discarded()) refuse_document("the request is not JSON");
  if (!document.is_object()) refuse_document("the request must be a JSON object");
  refuse_duplicates(text);
  std::vector<std::string_view> names;
  for (const RequestField& field : fields) names.push_back(field.name);
  for (const auto& [name, value] : document.items()) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const auto near = nearest(name, names);
      refuse_field(name, "unknown" + (near ? "; did you mean " + std::string(*near) + "?" : ""));
    }
    fields[static_cast<std::size_t>(found - names.begin())].take(value);
  }
}

void refuse_field(std::string_view name, std::string_view why) {
  refuse_document("field " + escape_for_terminal(name) + ": " + std::string(why));
}

std::string string_in(std::string_view name, const json& value) {
  if (!value.is_string()) refuse_field(name, "must be a string");
  return value.get<std::string>();
}

bool bool_in(std::string_view name, const json& value) {
  if (!value.is_boolean()) refuse_field(name, "must be true or false");
  return value.get<bool>();
}

std::string number_in(std::string_view name, const json& value) {
  if (!value.is_number()) refuse_field(name, "must be a number");
  constexpr double k_exact = 9007199254740992.0;  // up to here a double is exact (2^53)
  const double number = value.get<double>();
  const bool is_whole = value.is_number_float() && std::trunc(number) == number;
  if (!is_whole || std::abs(number) > k_exact) return value.dump();
  return std::to_string(static_cast<std::int64_t>(number));
}

std::vector<std::string> strings_in(std::string_view name, const json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  constexpr std::string_view k_shape = "must be an array of strings";
  if (!value.is_array()) refuse_field(name, k_shape);
  std::vector<std::string> out;
  for (const json& element : value) {
    if (!element.is_string()) refuse_field(name, k_shape);
    out.push_back(element.get<std::string>());
  }
  return out;
}

}  // namespace dsched::wire
