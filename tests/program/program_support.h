// SPDX-License-Identifier: Apache-2.0
#pragma once
// Short ways to read programs in tests.

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "program/json_program.h"

namespace dsched::program {

using Diagnostics = std::vector<Diagnostic>;

// Reads a program that must be valid.
inline dag::Dag read_dag(std::string text, const Options& options = {}) {
  auto read = read_json_program(source_from(std::move(text)), options);
  if (const auto* faults = std::get_if<Diagnostics>(&read)) {
    FAIL("the program is refused: " << faults->front().message);
  }
  return std::get<dag::Dag>(std::move(read));
}

// Reads a program that must be refused.
inline Diagnostics read_faults(std::string text, const Options& options = {}) {
  auto read = read_json_program(source_from(std::move(text)), options);
  if (std::holds_alternative<dag::Dag>(read)) FAIL("the program is accepted");
  return std::get<Diagnostics>(std::move(read));
}

// A program with one node of this operation, which says `fields` beside its id.
inline std::string program_with(const std::string& fields) {
  return R"({"nodes": [{"node_id": "n", )" + fields + "}]}";
}

// A program of a shell node that says `fields` beside what it must.
inline std::string shell_with(const std::string& fields) {
  return program_with(R"("operation": "shell", "parameters": {"command": ":"}, )" + fields);
}

}  // namespace dsched::program
