// SPDX-License-Identifier: Apache-2.0
#include "program/fields.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace dsched::program {
namespace {

using dag::Settings;

constexpr double k_year_s = 366.0 * 24 * 3600;
constexpr std::uint64_t k_retries_max = 1'000'000;
constexpr std::uint64_t k_slots_max = 1'000'000;

Nanoseconds from_seconds(double seconds) {
  return Nanoseconds{std::llround(seconds * 1e9)};
}

struct NamedPriority {
  std::string_view name;
  Priority priority;
};
constexpr NamedPriority k_priorities[] = {
    {"low", {2}}, {"normal", {5}}, {"high", {8}}, {"urgent", {10}}};

void read_priority(const Path& path, Values& values, Settings& settings) {
  const JsonReader& reader = values.reader();
  if (reader.token() == JsonToken::string) {
    for (const NamedPriority& named : k_priorities) {
      if (named.name == reader.text()) {
        settings.priority = named.priority;
        return;
      }
    }
    return values.fault("invalid_value", path,
                        "priority '" + std::string(reader.text()) + "' is unknown",
                        "low, normal, high, urgent or 0 to 10");
  }
  if (reader.token() != JsonToken::number) {
    return values.wrong_type(path, "low, normal, high, urgent or a whole number from 0 to 10");
  }
  const std::optional<JsonNumber> number = number_from_json(reader.text());
  if (number && number->kind == JsonNumber::Kind::unsigned_integer &&
      number->unsigned_integer > 10) {
    return values.fault("out_of_range", path,
                        "Priority " + std::string(reader.text()) + " exceeds maximum (10)");
  }
  if (const auto level = values.integer(path, {0, 10}))
    settings.priority = {static_cast<std::uint8_t>(*level)};
}

// Whether clean_path() leaves the path as it is: the usual one, found in one pass.
bool is_clean_already(std::string_view path) {
  bool begins = true;  // at a component, which then is neither empty nor one of . and ..
  for (const char c : path) {
    if (c == '\0' || (begins && (c == '/' || c == '.'))) return false;
    begins = c == '/';
  }
  return !begins;
}

// Reads an array of paths and keeps them cleaned.
void read_paths(const Path& path, Values& values, PathUse use,
                std::vector<std::string_view>& paths) {
  paths.clear();
  values.each_element(path, [&](const Path& at) {
    const std::optional<std::string_view> written = values.string(at);
    if (!written) return;
    if (is_clean_already(*written)) return paths.push_back(*written);
    CleanPath cleaned = clean_path(*written, use);
    if (cleaned.path.empty()) {
      values.fault("invalid_path", at, std::move(cleaned.message), std::move(cleaned.hint));
    } else {
      paths.push_back(cleaned.path == *written ? *written : values.keep(cleaned.path));
    }
  });
}

void read_inputs(const Path& path, Values& values, Settings& settings) {
  settings.inputs_declared = true;
  read_paths(path, values, PathUse::reads, settings.inputs);
}

void read_inputs_from(const Path& path, Values& values, Settings& settings) {
  values.each_member(path, [&](std::string_view name, const Path& at) {
    if (name != "depfile") {
      values.fault("unknown_field", at, "inputs_from has no field '" + std::string(name) + "'",
                   "it is {\"depfile\": PATH}");
      return values.reader().skip();
    }
    const std::optional<std::string_view> written = values.string(at);
    if (!written) return;
    CleanPath cleaned = clean_path(*written, PathUse::writes);
    if (cleaned.path.empty()) {
      return values.fault("invalid_path", at, std::move(cleaned.message), std::move(cleaned.hint));
    }
    settings.depfile = cleaned.path == *written ? *written : values.keep(cleaned.path);
  });
}

// What execve(2) and the shell take as the name of a variable.
bool check_variable_name(std::string_view name, const Path& path, Values& values) {
  if (!name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string_view::npos)
    return true;
  values.fault("invalid_value", path,
               "'" + std::string(name) + "' cannot be the name of an environment variable");
  return false;
}

void read_environment(const Path& path, Values& values, Settings& settings) {
  settings.environment.clear();
  values.each_member(path, [&](std::string_view name, const Path& at) {
    const bool is_name = check_variable_name(name, at, values);
    if (values.reader().token() == JsonToken::begin_object) {
      values.fault("wrong_type", at,
                   "environment " + std::string(name) + " must be a string, not an object",
                   "{\"variable\": NAME} stands for a value in parameters only");
      return values.reader().skip();
    }
    const std::optional<std::string_view> value = values.string(at);
    if (!value || !is_name) return;
    if (value->find('\0') != std::string_view::npos) {
      return values.fault("invalid_value", at,
                          "the value of " + std::string(name) + " holds a null character");
    }
    settings.environment.emplace_back(name, *value);
  });
  std::sort(settings.environment.begin(), settings.environment.end());
}

void read_variable_names(const Path& path, Values& values, std::vector<std::string_view>& names) {
  names.clear();
  values.each_element(path, [&](const Path& at) {
    const std::optional<std::string_view> name = values.string(at);
    if (name && check_variable_name(*name, at, values)) names.push_back(*name);
  });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

void read_approval(const Path& path, Values& values, Settings& settings) {
  const JsonToken token = values.reader().token();
  settings.approval.reset();
  if (token == JsonToken::false_value) return;
  if (token != JsonToken::true_value && token != JsonToken::begin_object)
    return values.wrong_type(path, "true, false or an object");
  dag::Approval& approval = settings.approval.emplace();
  if (token == JsonToken::true_value) return;
  values.each_member(path, [&](std::string_view name, const Path& at) {
    if (name == "reason") {
      approval.reason = values.string(at).value_or("");
    } else if (name == "expires_in_hours") {
      approval.expires_in_hours = values.number(at, {1e-6, 24 * 366 * 100.0});
    } else if (name == "approvers") {
      values.each_element(at, [&](const Path& one) {
        if (const auto approver = values.string(one)) approval.approvers.push_back(*approver);
      });
    } else {
      const std::string near = suggest(name, {"reason", "expires_in_hours", "approvers"});
      values.fault("unknown_field", at, "approval has no field '" + std::string(name) + "'",
                   near.empty() ? "it has reason, expires_in_hours and approvers" : near);
      values.reader().skip();
    }
  });
}

void read_on_reader_done(const Path& path, Values& values, Settings& settings) {
  const std::optional<std::string_view> word = values.string(path);
  if (!word) return;
  if (*word != "keep" && *word != "end") {
    return values.fault("invalid_value", path,
                        "on_reader_done is '" + std::string(*word) + "', but must be keep or end");
  }
  settings.ends_with_readers = *word == "end";
}

void set(bool& setting, std::optional<bool> value) {
  setting = value.value_or(setting);
}

}  // namespace

std::optional<Field> field_from(std::string_view name) {
  for (std::size_t i = 0; i < k_field_names.size(); ++i) {
    if (k_field_names[i] == name) return static_cast<Field>(i);
  }
  return std::nullopt;
}

void read_setting(Field field, const Path& path, Values& values, Settings& settings) {
  switch (field) {
    case Field::inputs:
      return read_inputs(path, values, settings);
    case Field::inputs_from:
      return read_inputs_from(path, values, settings);
    case Field::outputs:
      return read_paths(path, values, PathUse::writes, settings.outputs);
    case Field::environment:
      return read_environment(path, values, settings);
    case Field::environment_from:
      return read_variable_names(path, values, settings.environment_from);
    case Field::secret_environment:
      return read_variable_names(path, values, settings.secret_environment);
    case Field::cache:
      if (const auto value = values.boolean(path)) settings.cache = value;
      return;
    case Field::stream:
      return set(settings.stream, values.boolean(path));
    case Field::max_lag:
      if (const auto value = values.integer(path, {1, std::uint64_t{1} << 62}))
        settings.max_lag_bytes = value;
      return;
    case Field::on_reader_done:
      return read_on_reader_done(path, values, settings);
    case Field::timeout_s:
      if (const auto value = values.number(path, {0.001, k_year_s}))
        settings.timeout = from_seconds(*value);
      return;
    case Field::max_retries:
      if (const auto value = values.integer(path, {0, k_retries_max}))
        settings.max_retries = static_cast<std::uint32_t>(*value);
      return;
    case Field::backoff_s:
      if (const auto value = values.number(path, {0, k_year_s}))
        settings.backoff = from_seconds(*value);
      return;
    case Field::priority:
      return read_priority(path, values, settings);
    case Field::slots:
      if (const auto value = values.integer(path, {1, k_slots_max}))
        settings.slots = {static_cast<std::uint32_t>(*value)};
      return;
    case Field::approval:
      return read_approval(path, values, settings);
    case Field::preemptible:
      return set(settings.preemptible, values.boolean(path));
    case Field::idempotent:
      return set(settings.idempotent, values.boolean(path));
    case Field::expected_s:
      if (const auto value = values.number(path, {0, k_year_s}))
        settings.expected = from_seconds(*value);
      return;
    case Field::metadata: {
      std::string text;
      if (values.canonical(path, text)) settings.metadata = values.keep(text);
      return;
    }
    case Field::node_id:
    case Field::operation:
    case Field::arguments:
    case Field::parameters:
    case Field::pool:
      return;  // not settings; node_reader.cpp reads them
  }
}

bool is_operation_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

std::optional<std::string> fault_in_node_id(std::string_view node_id) {
  if (node_id.empty()) return "a node_id is empty";
  if (node_id.size() > dag::k_node_id_bytes_max) {
    return "a node_id has " + std::to_string(node_id.size()) + " bytes, but at most " +
           std::to_string(dag::k_node_id_bytes_max) + " are allowed";
  }
  if (has_control(node_id))
    return "node_id '" + escape_for_terminal(node_id) + "' holds a control character";
  return std::nullopt;
}

CleanPath clean_path(std::string_view path, PathUse use) {
  const std::string shown = "'" + std::string(path) + "'";
  if (path.empty()) return {{}, "a path is empty", {}};
  if (path.find('\0') != std::string_view::npos)
    return {{}, "path '" + escape_for_terminal(path) + "' holds a null character", {}};
  if (path.starts_with('/')) {
    if (use == PathUse::reads) return {std::string(path), {}, {}};
    return {{},
            "path " + shown +
                " is absolute, but only files below the program's folder are "
                "written",
            "name it relative to the program's folder"};
  }
  std::optional<std::string> cleaned = clean_relative_path(path);
  if (!cleaned) {
    return {{},
            "path " + shown + " leads out of the program's folder",
            use == PathUse::reads ? "name it by its absolute path" : ""};
  }
  if (*cleaned == "." && use == PathUse::writes)
    return {{}, "path " + shown + " is the program's folder itself", "name a file or folder in it"};
  return {std::move(*cleaned), {}, {}};
}

}  // namespace dsched::program
