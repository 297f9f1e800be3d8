// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person says once for all runs: $XDG_CONFIG_HOME/dsched/config.json, else
// ~/.config/dsched/config.json.
//
//   {"notify": COMMAND, "fixit_runs_a_minute": N}
//
// It may name a command, so it must belong to the user (or root) and be writable by nobody else;
// and nothing of a store can take its place. Comments are allowed, unknown fields are faults.

#include <cstdint>
#include <optional>
#include <string>

namespace dsched::cli {

struct Config {
  std::string notify;  // empty: nobody is told
  std::optional<std::uint32_t> fixit_runs_a_minute;
};

// Empty values where there is no such file. Throws Error (usage) naming the file and the field.
[[nodiscard]] Config read_config();

}  // namespace dsched::cli
