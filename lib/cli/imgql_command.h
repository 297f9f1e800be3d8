// SPDX-License-Identifier: Apache-2.0
#pragma once
// VoxLogica programs (.imgql): found out, read with all they import, and shown.

#include <string>

#include "cli/run_options.h"
#include "program/json_program.h"

namespace dsched::cli {

// By --language, else by the name of the program's file, else because of an option that only such a
// program has.
[[nodiscard]] bool is_imgql(const RunCommand& command, const std::string& file);
// The same of standard input: what does not begin as JSON does.
[[nodiscard]] bool is_imgql_text(const RunCommand& command, std::string_view text);

// The program as it is run and recorded (program/imgql_bundle.h). Throws Error when the file cannot
// be read; files that imports name and that cannot be read are a fault of the program.
[[nodiscard]] program::Source imgql_source(const RunCommand& command, const std::string& file);
[[nodiscard]] program::Source imgql_source(const RunCommand& command, const std::string& name,
                                           std::string text);

// --print-syntax or --print-graph was given.
[[nodiscard]] bool is_to_be_shown(const RunCommand& command);
// What they ask for, on standard output; or every fault of the program, on standard error and in
// the JSON answer. Gives the exit code. Throws Error (usage) when the program cannot be read.
[[nodiscard]] int show_imgql(const RunCommand& command, Context& context);

}  // namespace dsched::cli
