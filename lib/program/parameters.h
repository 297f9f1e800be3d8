// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules for each operation's parameters, checked on their canonical text.

#include <span>
#include <string>
#include <string_view>

#include "dag/node.h"
#include "program/faults.h"
#include "program/pointer.h"

namespace dsched::program {

struct ParametersIn {
  dag::Operation operation = dag::Operation::constant;
  std::string_view canonical;  // a JSON object
  std::span<const std::string_view> arguments;
};

struct ParametersOut {
  std::string text;  // normalised, as dag/operation.h reads it; empty: `canonical` is already so
  std::string path;  // cleaned, of read_file and write_file
};

// `path` leads to the parameters. Faults are located by their pointers.
[[nodiscard]] ParametersOut check_parameters(const ParametersIn& in, const Path& path,
                                             Faults& faults);

}  // namespace dsched::program
