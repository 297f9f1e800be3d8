// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of dsched-stats: each opens the store for reading, asks lib/report and prints one
// answer. None of them makes or changes anything.

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dsched::cli {

struct StatsCommand {
  CommonOptions common;
  bool trust_store = false;
  std::string execution = "@latest";
  std::string target;  // EXECUTION or EXECUTION/NODE_ID
  std::vector<std::string> statuses;
  std::string dag;
  std::optional<std::size_t> limit;
  std::optional<std::uint32_t> attempt;
  bool follow = false;
  bool wait = false;
  std::string timeout;
  std::string since;
  std::string object;
  std::size_t recent = 5;
  bool watch = false;
  std::optional<std::string> operation;
  std::string priority = "normal";
  std::optional<std::string> node;
  std::function<int(const StatsCommand&, Context&)> call;  // of the chosen command
};

void add_stats_commands(CLI::App& app, StatsCommand& command);

// ---- the commands, in files by subject

int stats_executions(const StatsCommand& command, Context& context);
int stats_nodes(const StatsCommand& command, Context& context);
int stats_log(const StatsCommand& command, Context& context);
int stats_progress(const StatsCommand& command, Context& context);
int stats_status(const StatsCommand& command, Context& context);
int stats_scheduler(const StatsCommand& command, Context& context);
int stats_statistics(const StatsCommand& command, Context& context);
int stats_wait(const StatsCommand& command, Context& context);
int stats_sitrep(const StatsCommand& command, Context& context);
int stats_audit(const StatsCommand& command, Context& context);
int stats_explain(const StatsCommand& command, Context& context);

}  // namespace dsched::cli
