// SPDX-License-Identifier: Apache-2.0
#pragma once
// The syntax tree of a VoxLogica program: commands and expressions in flat arrays.
//
// Expressions name their children by number and their words as views into the sources, so a chain
// of a million declarations costs some hundred bytes each and nothing is destroyed one by one. A
// Place counts bytes through all sources of a program, one after the other.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::imgql {

using Place = std::uint32_t;
using ExprId = std::uint32_t;

enum class ExprKind : std::uint8_t {
  number,   // text: as written
  boolean,  // text: true or false
  string,   // text: what stands between the quotes, nothing decoded
  name,     // text
  call,     // text: a name or an operator; children: the arguments
  list,     // children: the elements
  for_in,   // text: the variable; children: the sequence, the body
  filter,   // text: the variable; children: the sequence, the condition
  fold,     // text: the operator; children: (the initial value,) the sequence
  let_in,   // text: the variable; children: its value, the body
  slice,    // children: the sequence, then the bounds that are there
};

struct Expr {
  ExprKind kind = ExprKind::number;
  bool has_start = false;  // slice
  bool has_stop = false;   // slice
  Place place = 0;
  std::uint32_t children_begin = 0;
  std::uint32_t children_count = 0;
  std::string_view text;
};

enum class CommandKind : std::uint8_t { declaration, save, print, import };

struct Command {
  CommandKind kind = CommandKind::print;
  Place place = 0;
  ExprId value = 0;                    // not of import
  std::uint32_t parameters_begin = 0;  // declaration; none: a value
  std::uint32_t parameters_count = 0;
  std::string_view text;  // the name that is declared, the label, or what is imported
};

struct Source {
  std::string name;  // as in diagnostics
  std::string text;
  Place begin = 0;
};

struct Position {
  std::string_view source;  // its name
  std::string_view line_text;
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1, in characters
};

struct Syntax {
  std::deque<Source> sources;  // words are views into their texts
  std::vector<Expr> exprs;
  std::vector<ExprId> children;
  std::vector<std::string_view> parameters;
  std::vector<Command> commands;  // those of imported files in place of their import

  std::vector<std::string_view> broken;  // names whose declaration has a fault

  [[nodiscard]] const Expr& expr(ExprId id) const { return exprs[id]; }
  [[nodiscard]] std::span<const ExprId> children_of(ExprId id) const {
    return std::span(children).subspan(exprs[id].children_begin, exprs[id].children_count);
  }
  [[nodiscard]] std::span<const std::string_view> parameters_of(const Command& command) const {
    return std::span(parameters).subspan(command.parameters_begin, command.parameters_count);
  }
  [[nodiscard]] Position position(Place place) const;
};

// The canonical text: what `--print-syntax` shows, and part of the ids of closures.
[[nodiscard]] std::string canonical_text(const Syntax& syntax);
void append_canonical(std::string& out, const Syntax& syntax, ExprId id);

// Of a number as it may be written in a program.
[[nodiscard]] double number_value(std::string_view text);

}  // namespace dsched::imgql
