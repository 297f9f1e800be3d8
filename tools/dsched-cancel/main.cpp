// SPDX-License-Identifier: Apache-2.0
// dsched-cancel: ends executions or single nodes, holds executions and lets them go on.

#include "cli/cancel_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"End executions or single nodes; hold executions and let them go on",
               "dsched-cancel"};
  cli::CancelCommand command;
  cli::add_cancel_options(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return cli::cancel(command, context); });
}
