// SPDX-License-Identifier: Apache-2.0
#include "program/variables.h"

#include "base/text.h"

namespace dsched::program {

void Variables::read(const Path& path, Values& values) {
  values.each_member(path, [&](std::string_view name, const Path& at) {
    std::string text;
    if (name.empty()) values.fault("invalid_value", at, "the name of a variable is empty");
    // A faulty default still declares the variable, so that its uses are not faults as well.
    if (!values.canonical(at, text)) text = "null";
    values_.insert_or_assign(std::string(name), std::move(text));
  });
}

void Variables::set(std::span<const std::pair<std::string, std::string>> assignments,
                    Faults& faults) {
  for (const auto& [name, text] : assignments) {
    const auto found = values_.find(name);
    const std::string what = "--set " + escape_for_terminal(name);
    if (found == values_.end()) {
      faults.add({.code = "unknown_variable",
                  .message = what + ": the program has no such variable",
                  .pointer = {},
                  .hint = suggest(name),
                  .is_outside = true});
      continue;
    }
    std::string value;
    if (found->second.starts_with('"')) {
      if (is_utf8(text)) append_json_string(value, text);
    } else {
      value = canonical_json(text).value_or("");
    }
    if (value.empty()) {
      faults.add({.code = "invalid_value",
                  .message = what + ": the value is not " +
                             (found->second.starts_with('"') ? "UTF-8" : "JSON"),
                  .pointer = {},
                  .hint = "the variable's default is " + found->second,
                  .is_outside = true});
      continue;
    }
    found->second = std::move(value);
  }
}

const std::string* Variables::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::string Variables::suggest(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& [known, value] : values_) names.push_back(known);
  const std::string near = program::suggest(name, names);
  return near.empty() ? "declare it in the top-level \"variables\"" : near;
}

std::optional<std::string_view> VariableReplacement::replacement(std::string_view object,
                                                                 std::size_t offset) {
  constexpr std::string_view k_before = "{\"variable\":";
  if (!object.starts_with(k_before)) return std::nullopt;
  JsonReader reader(object.substr(k_before.size()));
  if (reader.next() != JsonToken::string) {
    has_failed_ = true;
    faults_.add({.code = "wrong_type",
                 .message = "variable must be a string, the name of a variable",
                 .pointer = pointer_to(*path_),
                 .offset = offset});
    return std::nullopt;
  }
  if (const std::string* value = variables_.find(reader.text())) return *value;
  has_failed_ = true;
  faults_.add({.code = "unknown_variable",
               .message = "variable '" + std::string(reader.text()) + "' is not declared",
               .pointer = pointer_to(*path_),
               .offset = offset,
               .hint = variables_.suggest(reader.text())});
  return std::nullopt;
}

}  // namespace dsched::program
