// SPDX-License-Identifier: Apache-2.0
#pragma once
// Shell commands that can be executed without the shell, because nothing a user can see differs.
//
// A command qualifies if it is made only of plain words: characters that no shell treats specially,
// separated by blanks; and its first word is neither a built-in, a keyword nor an assignment. When
// the program then cannot be executed, the caller runs /bin/sh -c COMMAND instead, so that the
// message and the codes 126 and 127 are the shell's own.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::executor {

// The words, or empty when the command needs the shell. The words are those dash would pass on.
[[nodiscard]] std::optional<std::vector<std::string>> direct_argv(std::string_view command);

// Makes `environment` what /bin/sh (dash) would pass on from `folder` (absolute): PWD is the folder
// unless the inherited PWD names it too, names no shell knows are left out, the last of two equal
// names wins. A few system calls: do it once for many
// attempts. False when dash would change more than that (IFS): use the shell.
[[nodiscard]] bool make_shell_environment(std::vector<std::string>& environment,
                                          const std::string& folder);

}  // namespace dsched::executor
