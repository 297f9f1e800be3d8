// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the dependency files that compilers write with -MD, in make syntax.
//
// A pure function over bytes. Understood is what gcc and clang write: rules "targets:
// prerequisites", lines continued by a backslash, "\ " for a space, "\#" for a hash, "$$" for a
// dollar, CRLF line ends, several rules, and the empty rules of -MP. As in make, backslashes before
// a space or a tab halve; any other backslash is itself. A colon ends the targets only before white
// space, because neither compiler escapes the colons of names. clang 14 writes a tab in a name, or
// a backslash, in a way that nobody can read back; such a name counts as a file that does not
// exist.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsched::executor {

struct DepfileProblem {
  std::size_t line = 0;  // from 1
  std::string error;
};

// The prerequisites of all rules, each once, in the order they first appear. Targets are dropped.
[[nodiscard]] std::variant<std::vector<std::string>, DepfileProblem> parse_depfile(
    std::string_view text);

}  // namespace dsched::executor
