// SPDX-License-Identifier: Apache-2.0
#pragma once
// A shell command as the executor runs it: by /bin/sh, or directly where nobody can tell.

#include <string>
#include <vector>

#include "executor/attempt.h"
#include "session/environment.h"

namespace dsched::session {

struct ShellCommand {
  std::string command;
  std::vector<std::string> words;  // $0, $1, …
};

void set_environment(CommandEnvironment&& from, executor::ProcessWork& work);
// `work` knows its folder.
void set_shell(ShellCommand&& shell, const Environment& environment, const dag::Settings& settings,
               const OwnVariables& own, executor::ProcessWork& work);

}  // namespace dsched::session
