// SPDX-License-Identifier: Apache-2.0
#include "report/explanation.h"

#include <map>
#include <nlohmann/json.hpp>

namespace dsched::report {
namespace {

using nlohmann::json;

std::map<std::string, std::string> inputs_of(const json& key) {
  std::map<std::string, std::string> inputs;
  for (const json& input : key.at("inputs")) inputs[input.at(0)] = input.at(1);
  return inputs;
}

std::string explain_inputs(const json& before, const json& now) {
  const auto old_inputs = inputs_of(before);
  const auto new_inputs = inputs_of(now);
  for (const auto& [path, hash] : new_inputs) {
    const auto found = old_inputs.find(path);
    if (found == old_inputs.end()) return "input " + path + " appeared";
    if (found->second != hash) return "input " + path + " changed";
  }
  for (const auto& [path, hash] : old_inputs) {
    if (!new_inputs.contains(path)) return "input " + path + " disappeared";
  }
  return {};
}

// The first name whose value differs between two objects; empty when they are equal.
std::string first_difference(const json& before, const json& now) {
  std::map<std::string, int> names;
  for (const auto& [name, value] : before.items()) names.emplace(name, 0);
  for (const auto& [name, value] : now.items()) names.emplace(name, 0);
  for (const auto& [name, unused] : names) {
    if (!before.contains(name) || !now.contains(name) || before[name] != now[name]) return name;
  }
  return {};
}

std::string explain_parameters(const json& before, const json& now) {
  const std::string name = first_difference(before.at("parameters"), now.at("parameters"));
  if (name.empty()) return {};
  return name == "command" || name == "argv" ? "command changed" : "parameter " + name + " changed";
}

std::string explain_arguments(const json& before, const json& now,
                              const std::vector<std::string_view>& arguments) {
  const json& old_list = before.at("arguments");
  const json& new_list = now.at("arguments");
  for (std::size_t i = 0; i < new_list.size() && i < arguments.size(); ++i) {
    if (i >= old_list.size() || old_list[i] != new_list[i]) {
      return "argument " + std::string(arguments[i]) + " changed";
    }
  }
  return old_list.size() == new_list.size() ? std::string{} : "parameter arguments changed";
}

std::string explain_parsed(const json& before, const json& now,
                           const std::vector<std::string_view>& arguments) {
  if (before.at("operation") != now.at("operation")) return "operation changed";
  if (std::string text = explain_parameters(before, now); !text.empty()) return text;
  if (before.at("version") != now.at("version")) return "program version changed";
  if (std::string text = explain_arguments(before, now, arguments); !text.empty()) return text;
  if (std::string text = explain_inputs(before, now); !text.empty()) return text;
  const std::string name = first_difference(before.at("environment"), now.at("environment"));
  if (!name.empty()) return "environment " + name + " changed";
  return before.at("outputs") == now.at("outputs") ? "" : "parameter outputs changed";
}

}  // namespace

std::string explain_difference(std::string_view before, std::string_view now,
                               const std::vector<std::string_view>& arguments) {
  const json old_key = json::parse(before, nullptr, false);
  const json new_key = json::parse(now, nullptr, false);
  if (!old_key.is_object() || !new_key.is_object()) return {};
  try {
    return explain_parsed(old_key, new_key, arguments);
  } catch (const json::exception&) {
    return {};  // an object, but no key text
  }
}

}  // namespace dsched::report
