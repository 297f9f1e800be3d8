// SPDX-License-Identifier: Apache-2.0
// dsched-approve: shows what waits for consent, makes tokens, and answers with them.

#include "cli/approve_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"See what waits for consent, and give or refuse it", "dsched-approve"};
  cli::ApproveCommand command;
  cli::add_approve_commands(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return command.call(command, context); });
}
