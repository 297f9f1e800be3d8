// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of dsched-approve: list, token, approve, deny; and, in a terminal and without a
// command, a dialogue.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsched::cli {

struct ApproveCommand {
  CommonOptions common;
  std::string request;  // "-": a document on standard input
  std::vector<std::string> tasks;
  std::string task_type;
  std::string hours;
  std::string by;
  std::string by_id;
  std::string notes;
  std::string token;
  std::string token_file;
  std::string task;
  std::function<int(const ApproveCommand&, Context&)> call;  // of the chosen command
};

void add_approve_commands(CLI::App& app, ApproveCommand& command);

// Shows what waits, one after the other, and asks. Needs a terminal.
int approve_in_dialogue(const ApproveCommand& command, Context& context);

}  // namespace dsched::cli
