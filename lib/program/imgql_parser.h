// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns the text of a VoxLogica program into its syntax tree.
//
// The strict language is what the reference implementation accepts. Beside it this one takes, with
// the meaning anybody would expect: a sign right before a digit behind an operand (1-2), calls
// without arguments (f()), and a fold without an initial value before a further command. A program
// of the strict language means the same in both.
//
// All faults of a text are found: behind a fault reading goes on with the next line that begins a
// command.

#include <string>
#include <vector>

#include "program/imgql_syntax.h"

namespace dsched::imgql {

// Parentheses, brackets, prefixes and nested let, for and fold.
inline constexpr int k_depth_max = 1000;

struct Fault {
  std::string code;  // E_PARSE, E_UNBOUND_IDENTIFIER, …
  Place place = 0;
  std::string message;
  bool operator==(const Fault&) const = default;
};

enum class Dialect : std::uint8_t { wide, strict };

// Parses the source with this number, whose text must stay, and appends its commands. An import of
// a file stays a command; whoever asks for files replaces it.
void parse(Syntax& syntax, std::size_t source, Dialect dialect, std::vector<Fault>& faults);

}  // namespace dsched::imgql
