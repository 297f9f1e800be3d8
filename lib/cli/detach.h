// SPDX-License-Identifier: Apache-2.0
#pragma once
// dsched-run --detach: the side of the caller, and the process that goes on.
//
// The caller's side reads the command line and the program, hands both over and waits for a reply.
// The other side is dsched-run itself with the title "dsched-run --detached EXECUTION_ID". It is a
// tool like any other until its execution is on record: what is wrong with the program or the store
// it says on the caller's standard error and answers as a document, which the caller's side passes
// on together with its exit code.

#include "cli/command.h"
#include "cli/run_options.h"
#include "session/request.h"

namespace dsched::cli {

// Starts the process and answers; the exit code.
[[nodiscard]] int detach(const session::RunRequest& request, const RunCommand& command,
                         const std::string& program_name, const Context& context);

// Whether a command line is that of the process that goes on.
[[nodiscard]] bool is_detached_process(int argc, char** argv);
// That process, to its end. `argv` is where its title stands; the id is written into it when it is
// known.
[[nodiscard]] int run_detached_process(char** argv);

}  // namespace dsched::cli
