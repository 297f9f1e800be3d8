// SPDX-License-Identifier: Apache-2.0
#include "session/command_work.h"

#include <iterator>

#include "executor/direct_command.h"

namespace dsched::session {

void set_environment(CommandEnvironment&& from, executor::ProcessWork& work) {
  work.shared_environment = from.shared;
  work.environment = std::move(from.own);
}

void set_shell(ShellCommand&& shell, const Environment& environment, const dag::Settings& settings,
               const OwnVariables& own, executor::ProcessWork& work) {
  auto direct = executor::direct_argv(shell.command);
  std::vector<std::string> argv{"/bin/sh", "-c", std::move(shell.command)};
  std::move(shell.words.begin(), shell.words.end(), std::back_inserter(argv));
  if (direct) {
    auto variables = environment.for_direct_command(settings, own, work.folder);
    if (variables) {
      set_environment(std::move(*variables), work);
      work.argv = std::move(*direct);
      work.file = work.argv.front();
      work.fallback = std::move(argv);
      return;
    }
  }
  set_environment(environment.for_command(settings, own), work);
  work.argv = std::move(argv);
  work.file = "/bin/sh";
}

}  // namespace dsched::session
