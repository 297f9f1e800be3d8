// SPDX-License-Identifier: Apache-2.0
#pragma once
// VoxLogica programs (.imgql): read, checked and shown. Nothing here runs one.

#include "cli/run_options.h"

namespace dsched::cli {

// By --language, else by the name of the program's file, else because it is to be shown.
[[nodiscard]] bool is_imgql(const RunCommand& command);

// What --print-syntax or --print-graph asks for, on standard output; or every fault of the program,
// on standard error and in the JSON answer. Gives the exit code. Throws Error (usage) when the
// program cannot be read, or is to be run.
[[nodiscard]] int show_imgql(const RunCommand& command, Context& context);

}  // namespace dsched::cli
