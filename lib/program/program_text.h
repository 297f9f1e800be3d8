// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the text of a program in whichever language it is written: JSON, or VoxLogica as a bundle
// (imgql_bundle.h). This is what is recorded with an execution and read again later.

#include <variant>

#include "program/json_program.h"

namespace dsched::program {

// What is wrong with it. Of a VoxLogica program each fault has a text for people of its own, with
// the line and a caret; else `shown` is empty.
struct Refused {
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string> shown;
};

enum class Language : std::uint8_t { json, imgql };
[[nodiscard]] Language language_of(std::string_view text);

[[nodiscard]] std::variant<dag::Dag, Refused> read_program(Source source,
                                                           const Options& options = {});

}  // namespace dsched::program
