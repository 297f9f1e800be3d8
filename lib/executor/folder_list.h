// SPDX-License-Identifier: Apache-2.0
#pragma once
// The names in a folder and in the folders within, for whoever asks what is there and not what is
// in it.

#include <string>
#include <variant>
#include <vector>

#include "executor/workspace.h"

namespace dsched::executor {

// Workspace::list().
[[nodiscard]] std::variant<std::vector<Workspace::Entry>, InputProblem> list_folder(
    const std::string& folder, std::size_t levels);

}  // namespace dsched::executor
