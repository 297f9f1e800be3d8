// SPDX-License-Identifier: Apache-2.0
#pragma once
// Faults of a VoxLogica program as answers and people get them.

#include "program/imgql_program.h"
#include "program/program_text.h"

namespace dsched::imgql {

// In the order of the text. `main` is the name of the program's file, which a message need not
// repeat.
[[nodiscard]] program::Refused refused(const Syntax& syntax, std::string_view main,
                                       std::vector<Fault>&& faults);

}  // namespace dsched::imgql
