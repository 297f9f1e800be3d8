// SPDX-License-Identifier: Apache-2.0
// dsched-policy: shows and changes how executions share the slots of this machine.

#include "cli/policy_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"Show and change how executions share the slots of this machine", "dsched-policy"};
  cli::PolicyCommand command;
  cli::add_policy_commands(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return command.call(command, context); });
}
