// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads a JSON program (dsched-program(5)) into a Dag, or says everything that is wrong with it.
//
// Reads no file and asks nobody. The text is read once, token by token, and no tree of it is built;
// the Dag keeps views into it. Only where `variables` or `defaults` stand behind `nodes` are the
// nodes read a second time. A syntax error ends the reading, and what was found before it is
// reported too.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dag/dag.h"
#include "program/diagnostic.h"

namespace dsched::program {

// At most this many diagnostics are given; a last one says how many more there are.
inline constexpr std::size_t k_diagnostics_max = 100;

// Text and what keeps it alive, which may be a string, a mapped file or anything else.
struct Source {
  std::string_view text;
  std::shared_ptr<const void> owner;
};
[[nodiscard]] Source source_from(std::string text);

struct Options {
  std::vector<std::pair<std::string, std::string>> set;  // --set NAME=VALUE; the last one wins
};

// Diagnostics come in the order of the text and there is at least one; the Dag is valid.
[[nodiscard]] std::variant<dag::Dag, std::vector<Diagnostic>> read_json_program(
    Source source, const Options& options = {});

}  // namespace dsched::program
