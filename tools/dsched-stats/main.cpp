// SPDX-License-Identifier: Apache-2.0
// dsched-stats: what executions and their nodes are doing, and what became of them.

#include "cli/stats_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"What executions and their nodes are doing, and what became of them",
               "dsched-stats"};
  cli::StatsCommand command;
  cli::add_stats_commands(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return command.call(command, context); });
}
