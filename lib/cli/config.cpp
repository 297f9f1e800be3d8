// SPDX-License-Identifier: Apache-2.0
#include "cli/config.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "sys/files.h"
#include "sys/flow.h"
#include "sys/host.h"
#include "sys/streams.h"

namespace dsched::cli {
namespace {

using nlohmann::json;

constexpr std::uint32_t k_runs_a_minute_max = 1000;

std::string config_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// Empty: there is no place for it.
std::string config_path() {
  const std::string folder = config_variable("XDG_CONFIG_HOME");
  if (folder.starts_with('/')) return folder + "/dsched/config.json";
  const std::string home = config_variable("HOME");
  return home.empty() ? std::string() : home + "/.config/dsched/config.json";
}

[[noreturn]] void refuse_config(const std::string& path, const std::string& why) {
  throw Error(ErrorKind::usage, escape_for_terminal(path) + ": " + why);
}

void check_config_owner(const std::string& path, const sys::FileInfo& info) {
  constexpr std::uint32_t k_others_write = 0022;
  if (info.owner != sys::PosixHost().user() && info.owner != 0) {
    refuse_config(path, "belongs to somebody else");
  }
  if ((info.mode & k_others_write) != 0) refuse_config(path, "others may write it");
}

void take_config_field(const std::string& path, const std::string& name, const json& value,
                       Config& config) {
  const std::string field = "field " + escape_for_terminal(name) + ": ";
  if (name == "notify") {
    if (!value.is_string()) refuse_config(path, field + "must be a command, as a string");
    config.notify = value.get<std::string>();
  } else if (name == "fixit_runs_a_minute") {
    if (!value.is_number_unsigned() || value < 1 || value > k_runs_a_minute_max) {
      refuse_config(path, field + "must be a whole number from 1 to 1000");
    }
    config.fixit_runs_a_minute = value.get<std::uint32_t>();
  } else {
    refuse_config(path, field + "unknown; there are notify and fixit_runs_a_minute");
  }
}

}  // namespace

Config read_config() {
  Config config;
  const std::string path = config_path();
  if (path.empty() || !sys::PosixFiles().info(path)) return config;
  const sys::Fd file(sys::open_named_file(path));
  check_config_owner(path, sys::info_of(file.get()));
  const json document = json::parse(sys::read_all(file.get(), path), nullptr, false, true);
  if (!document.is_object()) refuse_config(path, "is no JSON object");
  for (const auto& [name, value] : document.items()) take_config_field(path, name, value, config);
  return config;
}

}  // namespace dsched::cli
