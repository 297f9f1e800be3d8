// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads {"NAME": {"command": [...], …}}: the top-level `workers` of a program, or a file of its
// own.
//
// A faulty worker is given too, as far as it could be read, so that nodes that use its name are not
// faults as well.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dag/worker.h"
#include "program/diagnostic.h"
#include "program/values.h"

namespace dsched::program {

// The value at the reader.
[[nodiscard]] std::vector<dag::Worker> read_workers(const Path& path, Values& values);

// A whole document, in the dialect of programs. There is at least one diagnostic, or none at all.
[[nodiscard]] std::variant<std::vector<dag::Worker>, std::vector<Diagnostic>> read_workers_text(
    std::string_view text);

}  // namespace dsched::program
