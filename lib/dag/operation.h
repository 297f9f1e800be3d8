// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parameters of each operation, typed, out of their canonical text.
//
// A front end has checked and normalised the text (a command given as lines is one string, stdin is
// {"argument": N}), so reading it here cannot fail: a surprise is a bug and aborts. Argument
// positions count from 0 here and index Dag::arguments.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "dag/node.h"

namespace dsched::dag {

struct ArgumentPosition {
  std::uint32_t value = 0;
  auto operator<=>(const ArgumentPosition&) const = default;
};

struct ShellParameters {
  std::string command;
  std::optional<ArgumentPosition> stdin_argument;
};

struct ExecParameters {
  std::vector<std::variant<std::string, ArgumentPosition>> argv;  // argv[0] is a string
  std::optional<ArgumentPosition> stdin_argument;
};

// Each wants the parameters of a node with that operation.
[[nodiscard]] ShellParameters shell_parameters(const Node& node);
[[nodiscard]] ExecParameters exec_parameters(const Node& node);
// The bytes that a const is: of a string its text, of any other value its canonical JSON text.
[[nodiscard]] std::string const_bytes(const Node& node);
// The canonical JSON text of its value.
[[nodiscard]] std::string_view const_value(const Node& node);
// read_file: relative and cleaned, or absolute; write_file: relative and cleaned; save: as written.
[[nodiscard]] std::string path_parameter(const Node& node);
[[nodiscard]] std::string concat_separator(const Node& node);
[[nodiscard]] Nanoseconds sleep_duration(const Node& node);

}  // namespace dsched::dag
