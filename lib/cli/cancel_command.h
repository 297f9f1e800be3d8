// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of dsched-cancel: which executions or nodes, and whether to end, hold or release
// them.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsched::cli {

struct CancelCommand {
  CommonOptions common;
  std::vector<std::string> executions;  // a lone "-": a request on standard input
  std::vector<std::string> nodes;
  bool all = false;
  bool pause = false;
  bool go_on = false;
};

void add_cancel_options(CLI::App& app, CancelCommand& command);

// Asks, waits, answers; gives the exit code.
[[nodiscard]] int cancel(const CancelCommand& command, Context& context);

}  // namespace dsched::cli
