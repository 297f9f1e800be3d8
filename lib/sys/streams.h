// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole files and streams as text, for what a person named on a command line.

#include <string>

namespace dsched::sys {

// Everything until the end; `what` names it in an Error (environment).
[[nodiscard]] std::string read_all(int fd, const std::string& what);

// The bytes of a file. Throws Error (usage), because a person gave the name: missing, a folder, or
// not readable.
[[nodiscard]] std::string read_whole_file(const std::string& path);

}  // namespace dsched::sys
