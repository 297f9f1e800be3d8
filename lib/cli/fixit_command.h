// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of dsched-fixit.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsched::cli {

struct FixitCommand {
  CommonOptions common;
  std::vector<std::string> executions;  // or "-": a request on standard input
  std::vector<std::string> targets;
  std::string mode;
  std::string max_retries;
  std::string by;
  bool auto_approve = false;
  bool dry_run = false;
  std::string progress = "auto";
  std::optional<std::uint32_t> runs_a_minute;
  std::optional<std::string> notify;
};

void add_fixit_options(CLI::App& app, FixitCommand& command);
int fixit(const FixitCommand& command, Context& context);

}  // namespace dsched::cli
