// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of dsched-policy: how the slots of this machine are shared between executions.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/command.h"

namespace dsched::cli {

struct PolicyCommand {
  CommonOptions common;
  std::string policy;  // its name, or "-" for a request on standard input
  std::string quantum;
  std::string slots;
  std::string preemption;
  std::string execution;  // its name, or "-"
  std::string level;
  bool boost = false;
  bool lower = false;
  std::function<int(const PolicyCommand&, Context&)> call;  // of the chosen command
};

void add_policy_commands(CLI::App& app, PolicyCommand& command);

}  // namespace dsched::cli
