// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_syntax.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "value/text.h"

namespace dsched::imgql {
namespace {

// What stands before child `index` (the number of children: after the last one).
void append_around(std::string& out, const Expr& expr, std::uint32_t index) {
  const auto put = [&out](auto... parts) { (out.append(parts), ...); };
  const bool is_last = index == expr.children_count;
  switch (expr.kind) {
    case ExprKind::number:
      return put(value::number_text(number_value(expr.text)));
    case ExprKind::boolean:
    case ExprKind::name:
      return put(expr.text);
    case ExprKind::string:
      return put("\"", expr.text, "\"");
    case ExprKind::call:
      if (index == 0) put(expr.text, "(");
      if (index > 0 && !is_last) put(",");
      if (is_last) put(")");
      return;
    case ExprKind::list:
      if (index == 0) put("[");
      if (index > 0 && !is_last) put(",");
      if (is_last) put("]");
      return;
    case ExprKind::for_in:
    case ExprKind::filter:
      if (index == 0) put(expr.kind == ExprKind::filter ? "filter " : "for ", expr.text, " in ");
      if (index == 1) put(" do ");
      return;
    case ExprKind::fold:
      if (index == 0) put("fold ", expr.text, " ");
      if (index == 1 && !is_last) put(" ");
      return;
    case ExprKind::let_in:
      if (index == 0) put("let ", expr.text, " = ");
      if (index == 1) put(" in ");
      return;
    case ExprKind::slice:
      if (index == 1) put("[");
      if (index == (expr.has_start ? 2U : 1U)) put(":");
      if (is_last) put("]");
      return;
  }
}

void append_command(std::string& out, const Syntax& syntax, const Command& command) {
  switch (command.kind) {
    case CommandKind::declaration: {
      out.append("let ").append(command.text);
      const auto parameters = syntax.parameters_of(command);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        out.append(i == 0 ? "(" : ",").append(parameters[i]);
      }
      if (!parameters.empty()) out += ')';
      out += '=';
      return append_canonical(out, syntax, command.value);
    }
    case CommandKind::save:
    case CommandKind::print:
      out.append(command.kind == CommandKind::save ? "save \"" : "print \"");
      out.append(command.text).append("\" ");
      return append_canonical(out, syntax, command.value);
    case CommandKind::import:
      out.append("import ").append(command.text);
      return;
  }
}

}  // namespace

Position Syntax::position(Place place) const {
  auto source = std::find_if(sources.rbegin(), sources.rend(),
                             [&](const Source& one) { return one.begin <= place; });
  DSCHED_ASSERT(source != sources.rend(), "a place lies in a source");
  const std::string_view text = source->text;
  const std::size_t offset = std::min<std::size_t>(place - source->begin, text.size());
  const std::string_view before = text.substr(0, offset);
  const std::size_t last_end = before.rfind('\n');
  const std::size_t begin = last_end == std::string_view::npos ? 0 : last_end + 1;
  Position position;
  position.source = source->name;
  position.line_text = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  position.line = 1 + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
  const auto is_start = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  position.column =
      1 + static_cast<std::uint32_t>(std::count_if(
              before.begin() + static_cast<std::ptrdiff_t>(begin), before.end(), is_start));
  return position;
}

// Without recursion, because an infix chain is as deep as it is long.
void append_canonical(std::string& out, const Syntax& syntax, ExprId id) {
  struct Frame {
    ExprId id;
    std::uint32_t next;
  };
  std::vector<Frame> frames{{id, 0}};
  while (!frames.empty()) {
    Frame& frame = frames.back();
    const Expr& expr = syntax.expr(frame.id);
    append_around(out, expr, frame.next);
    if (frame.next == expr.children_count) {
      frames.pop_back();
      continue;
    }
    const ExprId child = syntax.children_of(frame.id)[frame.next++];
    frames.push_back({child, 0});
  }
}

std::string canonical_text(const Syntax& syntax) {
  std::string out;
  for (const Command& command : syntax.commands) {
    if (!out.empty()) out += '\n';
    append_command(out, syntax, command);
  }
  return out;
}

double number_value(std::string_view text) {
  const auto value = value::number_from_text(text);
  DSCHED_ASSERT(value.has_value(), "the lexer has seen that it is a number");
  return *value;
}

}  // namespace dsched::imgql
