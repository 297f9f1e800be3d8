// SPDX-License-Identifier: Apache-2.0
#include <unordered_set>

#include "base/error.h"
#include "session/elements.h"
#include "session/runner.h"

// The part of Runner for VoxLogica programs: values that are worked out in passing, loops whose
// elements have nodes of their own, and what the program prints.

namespace dsched::session {

void Runner::take_evaluated(NodeIndex node, ProgramValues::Evaluated&& evaluated) {
  if (auto* bytes = std::get_if<std::string>(&evaluated)) {
    return finish_in_process(node, std::move(*bytes));
  }
  if (const auto* lost = std::get_if<LostArgument>(&evaluated)) return lose(lost->argument, node);
  cannot_run(node, FailureClass::refused, std::get<NoValue>(evaluated).error);
}

void Runner::expand_values(NodeIndex map, const store::Content& content) {
  const NodeIndex list = plan_.dag.arguments(map).front();
  const auto value = program_values_.value(list);
  if (!value) return lose(list, map);
  auto cut = program_values_.elements(map, *value);
  if (const auto* none = std::get_if<NoValue>(&cut)) {
    return cannot_run(map, FailureClass::refused, none->error);
  }
  auto& elements = std::get<std::vector<std::string>>(cut);
  if (elements.size() > k_elements_max) {
    return cannot_run(map, FailureClass::refused,
                      program_values_
                          .fault(map, "a loop whose body uses the world has more than " +
                                          std::to_string(k_elements_max) + " elements")
                          .error);
  }
  take_elements(map, content, std::move(elements));
}

// False when the result was lost.
bool Runner::collect_print(NodeIndex node, const std::string& name, const std::string& before) {
  const engine::Phase phase = engine_.phase(node);
  if (phase != engine::Phase::completed && phase != engine::Phase::reused) return true;
  auto result = goal_answer(node);
  if (!result) {
    lose(node, std::nullopt);
    return false;
  }
  result->node_id = name;
  result->before = before;
  results_.push_back(std::move(*result));
  return true;
}

// Element by element; a loop within prints where it stands.
bool Runner::collect_element_lines(NodeIndex map) {
  const dag::Expansion* const expansion = plan_.dag.maps().of(map);
  if (expansion == nullptr) return true;
  bool all = true;
  const std::uint32_t end = expansion->nodes_end().value;
  for (std::uint32_t i = expansion->nodes_begin().value; i < end; ++i) {
    const dag::Node& node = plan_.dag.node({i});
    if (node.operation == dag::Operation::map) {
      all = collect_element_lines({i}) && all;
    } else if (plan_.dag.operation_name({i}) == "default.print_primitive") {
      all = collect_print({i}, std::string(node.node_id), "") && all;
    }
  }
  return all;
}

// What the program prints, in its order; false when a result was lost. `shown` are the goals that
// need not be shown by themselves.
bool Runner::collect_prints(std::unordered_set<NodeIndex>& shown) {
  const std::unordered_set<NodeIndex> goals(goals_.begin(), goals_.end());
  std::unordered_map<std::string, int> names;
  bool all = true;
  for (const dag::Print& print : plan_.dag.prints()) {
    if (!goals.contains(print.node)) continue;
    shown.insert(print.node);
    if (print.kind == dag::PrintKind::element_lines) {
      all = collect_element_lines(print.node) && all;
      continue;
    }
    const bool is_line = print.kind == dag::PrintKind::line;
    std::string name(is_line ? plan_.dag.node(print.node).node_id : print.label);
    const int number = ++names[name];
    if (number > 1) name += "~" + std::to_string(number);
    const std::string before = is_line ? std::string() : std::string(print.label) + "=";
    all = collect_print(print.node, name, before) && all;
  }
  return all;
}

}  // namespace dsched::session
