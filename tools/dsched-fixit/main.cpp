// SPDX-License-Identifier: Apache-2.0
// dsched-fixit: runs again what failed, was lost or was interrupted, in the execution it belongs
// to.

#include "cli/fixit_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"Run again what failed, was lost or was interrupted", "dsched-fixit"};
  cli::FixitCommand command;
  cli::add_fixit_options(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return cli::fixit(command, context); });
}
