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

void add_variable(std::vector<std::string>& out, std::string_view name, std::string_view value) {
  std::string& variable = out.emplace_back();
  variable.reserve(name.size() + 1 + value.size());
  variable.append(name).append(1, '=').append(value);
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
  passed_ = variables_;
}

void Environment::pass_instead(const std::string& name, const std::string& value) {
  passed_[name] = value;
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

// What is passed on from outside, without what is set later.
std::vector<std::string> Environment::inherited(const dag::Settings& settings,
                                                const OwnVariables& own) const {
  const auto is_set_later = [&](std::string_view name) {
    const auto is_it = [&](const auto& variable) { return variable.first == name; };
    return std::any_of(own.begin(), own.end(), is_it) ||
           std::any_of(settings.environment.begin(), settings.environment.end(), is_it);
  };
  std::vector<std::string> out;
  out.reserve(passed_.size() + settings.environment.size() + own.size());
  for (const auto& [name, value] : passed_) {
    if (!is_set_later(name)) add_variable(out, name, value);
  }
  return out;
}

CommandEnvironment Environment::for_command(const dag::Settings& settings,
                                            const OwnVariables& own) const {
  CommandEnvironment out;
  if (settings.environment.empty()) {
    if (!shared_) shared_ = inherited(settings, own);
    out.shared = *shared_;
    out.own.reserve(own.size());
  } else {
    out.own = inherited(settings, own);
    for (const auto& [name, value] : settings.environment) add_variable(out.own, name, value);
  }
  for (const auto& [name, value] : own) add_variable(out.own, name, value);
  return out;
}

std::optional<CommandEnvironment> Environment::for_direct_command(const dag::Settings& settings,
                                                                  const OwnVariables& own,
                                                                  const std::string& folder) const {
  if (!settings.environment.empty()) {
    CommandEnvironment out = for_command(settings, own);
    if (!executor::make_shell_environment(out.own, folder)) return std::nullopt;
    return out;
  }
  auto base = shell_bases_.find(folder);
  if (base == shell_bases_.end()) {
    ShellBase made{false, inherited(settings, own)};
    made.direct = executor::make_shell_environment(made.variables, folder);
    base = shell_bases_.emplace(folder, std::move(made)).first;
  }
  if (!base->second.direct) return std::nullopt;
  CommandEnvironment out{base->second.variables, {}};
  out.own.reserve(own.size());
  for (const auto& [name, value] : own) add_variable(out.own, name, value);
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
