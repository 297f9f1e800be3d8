// SPDX-License-Identifier: Apache-2.0
#include "session/environment.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "executor/direct_command.h"

namespace dsched::session {
namespace {

// Variables may hold any bytes; JSON text may not. What is not UTF-8 is keyed by its base64.
std::string as_json(std::string_view value) {
  std::string out;
  if (is_utf8(value)) {
    append_json_string(out, value);
  } else {
    out = R"({"base64":")" + base64(value) + "\"}";
  }
  return out;
}

void append_members(std::string& out, const std::map<std::string, std::string>& members) {
  const std::size_t begin = out.size();
  for (const auto& [name, value] : members) {
    if (out.size() != begin) out += ',';
    append_json_string(out, name);
    out += ':';
    out += value;
  }
}

bool is_keyed_always(std::string_view name) {
  return name == "LANG" || name == "TZ" || name.starts_with("LC_");
}

}  // namespace

Environment::Environment(const std::vector<std::string>& variables, std::string secret)
    : secret_(std::move(secret)) {
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    variables_.insert_or_assign(variable.substr(0, equals), variable.substr(equals + 1));
  }
  for (const auto& [name, value] : variables_) {
    if (is_keyed_always(name)) keyed_always_.emplace(name, as_json(value));
  }
  append_members(keyed_always_text_, keyed_always_);
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) return std::nullopt;
  return found->second;
}

std::string_view Environment::keyed(const dag::Settings& settings, std::string& room) const {
  if (settings.environment.empty() && settings.environment_from.empty() &&
      settings.secret_environment.empty()) {
    return keyed_always_text_;
  }
  std::map<std::string, std::string> keyed = keyed_always_;
  for (const std::string_view name : settings.environment_from) {
    const auto value = get(name);
    keyed[std::string(name)] = value ? as_json(*value) : "null";
  }
  for (const std::string_view name : settings.secret_environment) {
    const auto value = get(name);
    keyed[std::string(name)] =
        value ? R"({"secret":")" + to_hex(hmac_sha256(secret_, *value)) + "\"}" : "null";
  }
  for (const auto& [name, value] : settings.environment) keyed[std::string(name)] = as_json(value);
  room.clear();
  append_members(room, keyed);
  return room;
}

std::vector<std::string> Environment::for_command(
    const dag::Settings& settings,
    const std::vector<std::pair<std::string, std::string>>& own) const {
  std::vector<std::string> out;
  out.reserve(variables_.size() + settings.environment.size() + own.size());
  const auto is_set_later = [&](std::string_view name) {
    if (name.starts_with("DSCHED_")) {
      for (const auto& variable : own) {
        if (variable.first == name) return true;
      }
    }
    for (const auto& variable : settings.environment) {
      if (variable.first == name) return true;
    }
    return false;
  };
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string& variable = out.emplace_back();
    variable.reserve(name.size() + 1 + value.size());
    variable.append(name).append(1, '=').append(value);
  };
  for (const auto& [name, value] : variables_) {
    if (!is_set_later(name)) add(name, value);
  }
  for (const auto& [name, value] : settings.environment) add(name, value);
  for (const auto& [name, value] : own) add(name, value);
  return out;
}

std::optional<std::vector<std::string>> Environment::for_direct_command(
    const dag::Settings& settings, const std::vector<std::pair<std::string, std::string>>& own,
    const std::string& folder) const {
  if (!settings.environment.empty()) {
    std::vector<std::string> out = for_command(settings, own);
    if (!executor::make_shell_environment(out, folder)) return std::nullopt;
    return out;
  }
  if (!shell_base_ || shell_base_->folder != folder) {
    ShellBase base{folder, false, {}};
    for (const auto& [name, value] : variables_) {
      const bool is_own = std::any_of(own.begin(), own.end(), [&name = name](const auto& variable) {
        return variable.first == name;
      });
      if (!is_own) base.variables.push_back(name + '=' + value);
    }
    base.direct = executor::make_shell_environment(base.variables, folder);
    shell_base_ = std::move(base);
  }
  if (!shell_base_->direct) return std::nullopt;
  std::vector<std::string> out;
  out.reserve(shell_base_->variables.size() + own.size());
  out = shell_base_->variables;
  for (const auto& [name, value] : own) out.push_back(name + '=' + value);
  return out;
}

std::string Environment::search_path(const dag::Settings& settings) const {
  for (const auto& [name, value] : settings.environment) {
    if (name == "PATH") return std::string(value);
  }
  constexpr std::string_view k_default = "/usr/local/bin:/usr/bin:/bin";  // execvp(3)
  return std::string(get("PATH").value_or(k_default));
}

}  // namespace dsched::session
