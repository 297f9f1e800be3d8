// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-run prints when it is done, and the exit code that goes with it.

#include <string>
#include <vector>

#include "cli/command.h"
#include "session/run.h"

namespace dsched::cli {

struct RunOutput {
  std::string program_name;   // for diagnostics: "FILE:LINE:COLUMN: …"
  bool bytes_only = false;    // --result: the bytes stood on stdout already
  bool pass_through = false;  // the exit code is the command's own
};

[[nodiscard]] int show(const wire::RunAnswer& answer, const RunOutput& output,
                       const Context& context);
[[nodiscard]] int show(const wire::DryRunAnswer& answer, const Context& context);
[[nodiscard]] int show(const session::InvalidProgram& invalid, const RunOutput& output,
                       const Context& context);
// The same of a program whose faults have texts for people of their own.
[[nodiscard]] int show_faults(const session::InvalidProgram& invalid,
                              const std::string& program_name, const Context& context);

}  // namespace dsched::cli
