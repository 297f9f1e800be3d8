// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of dsched-store: each opens the store, makes one call and prints one answer.

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsched::cli {

struct StoreCommand {
  CommonOptions common;
  bool trust_store = false;
  std::string dag;
  std::string name;
  std::vector<std::string> names;
  std::string range;
  std::string set;
  bool is_set_given = false;
  bool repair = false;
  std::string max_size;
  std::string older_than;
  std::function<int(const StoreCommand&, Context&)> call;  // of the chosen command
};

void add_store_commands(CLI::App& app, StoreCommand& command);

}  // namespace dsched::cli
