// SPDX-License-Identifier: Apache-2.0
// dsched-store: looks into a store of results, adds to it, checks it and cleans it.

#include "cli/store_command.h"

int main(int argc, char** argv) {
  using namespace dsched;
  CLI::App app{"Look into a store of results, add to it, check it and clean it", "dsched-store"};
  cli::StoreCommand command;
  cli::add_store_commands(app, command);
  cli::add_common_options(app, command.common);
  return cli::run(app, cli::Arguments{{argv + 1, argv + argc}, {}}, command.common,
                  [&](cli::Context& context) { return command.call(command, context); });
}
