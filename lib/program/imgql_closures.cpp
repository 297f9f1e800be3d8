// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/text.h"
#include "program/imgql_reducer.h"

// The part of Reducer that makes closures: what a body takes along from where it stands.

namespace dsched::imgql {

// The names in `body` that are declared outside it, each once, sorted.
std::vector<std::string_view> Reducer::free_names(ExprId body,
                                                  std::span<const std::string_view> bound) {
  struct Visit {
    ExprId expr;
    std::uint32_t next = 0;
  };
  std::vector<Visit> frames{{body}};
  std::vector<std::string_view> names;
  std::vector<std::string_view> inside(bound.begin(), bound.end());
  while (!frames.empty()) {
    const Expr& expr = syntax_.expr(frames.back().expr);
    const std::uint32_t next = frames.back().next++;
    const bool binds = expr.kind == ExprKind::let_in || expr.kind == ExprKind::for_in ||
                       expr.kind == ExprKind::filter;
    if (next == 0 && (expr.kind == ExprKind::name || expr.kind == ExprKind::call) &&
        std::find(inside.begin(), inside.end(), expr.text) == inside.end()) {
      names.push_back(expr.text);
    }
    if (binds && next == 1) inside.push_back(expr.text);
    if (binds && next == 2) inside.pop_back();
    if (next == expr.children_count) {
      frames.pop_back();
    } else {
      const ExprId child = syntax_.children_of(frames.back().expr)[next];
      frames.push_back({child});
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// Functions call only what was declared before them. Without recursion: a chain of them may be as
// long as the program.
std::uint32_t Reducer::capture_function(const Declaration& function) {
  std::vector<std::uint32_t> open{number_of(function)};
  while (!open.empty()) {
    const std::uint32_t number = open.back();
    const std::size_t before = open.size();
    if (!captured_functions_.contains(number)) {
      const FunctionCapture capture = capture_of(number, open);
      if (open.size() > before) continue;
      captured_functions_.emplace(number, out_.graph.add_function(capture));
    }
    open.pop_back();
  }
  return captured_functions_.at(number_of(function));
}

// Adds to `missing` what must be captured before; the capture is whole when that is nothing.
FunctionCapture Reducer::capture_of(std::uint32_t number, std::vector<std::uint32_t>& missing) {
  const Command& command = *declarations_[number].command;
  FunctionCapture capture;
  capture.name = command.text;
  const auto parameters = syntax_.parameters_of(command);
  capture.parameters.assign(parameters.begin(), parameters.end());
  append_canonical(capture.body, syntax_, command.value);
  for (const std::string_view name : free_names(command.value, parameters)) {
    const Declaration* const found = declaration(name, number);
    if (found == nullptr) continue;
    if (found->command->parameters_count == 0) {
      if (found->value != k_no_node) capture.captures.emplace_back(name, found->value);
      continue;
    }
    const auto known = captured_functions_.find(number_of(*found));
    if (known == captured_functions_.end()) {
      missing.push_back(number_of(*found));
    } else {
      capture.functions.push_back(known->second);
    }
  }
  return capture;
}

NodeId Reducer::make_closure(std::string_view parameter, ExprId body, const Scope& scope) {
  Closure closure;
  closure.parameter = parameter;
  append_canonical(closure.body, syntax_, body);
  std::vector<NodeId> captures;
  for (const std::string_view name : free_names(body, std::span(&parameter, 1))) {
    const Meaning means = meaning(name, scope);
    if (means.declaration != nullptr && means.declaration->command->parameters_count > 0) {
      closure.functions.push_back(capture_function(*means.declaration));
    } else if (means.is_local || means.declaration != nullptr) {
      if (means.value == k_no_node) return k_no_node;  // its fault has been told
      closure.capture_names.push_back(name);
      captures.push_back(means.value);
    }
  }
  return out_.graph.add_closure(std::move(closure), captures);
}

NodeId Reducer::closure_of_primitive(const Expr& name, const Primitive& primitive) {
  constexpr std::string_view k_parameter = "map_item_arg";
  if (primitive.arguments_min > 1 || primitive.arguments_max == 0) {
    return fail(name.place, "E_ARITY",
                "map needs a function of 1 argument, and " + escape_for_terminal(name.text) +
                    " takes " + std::to_string(primitive.arguments_min));
  }
  Closure closure;
  closure.parameter = k_parameter;
  closure.body = std::string(name.text) + "(" + std::string(k_parameter) + ")";
  const NodeId made = out_.graph.add_closure(std::move(closure), {});
  const NodeId parameter = out_.graph.add_parameter();
  out_.graph.set_body(
      made, parameter,
      out_.graph.add_primitive(full_name(primitive), OutputKind::scalar, std::span(&parameter, 1)));
  return made;
}

}  // namespace dsched::imgql
