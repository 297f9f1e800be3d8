// SPDX-License-Identifier: Apache-2.0
// The step of Builder::build that finds out who may read whose stream.
#include <algorithm>

#include "dag/builder_state.h"
#include "dag/operation.h"

namespace dsched::dag {
namespace {

bool is_command(Operation operation) {
  return operation == Operation::shell || operation == Operation::exec ||
         operation == Operation::external;
}

// The position of the argument that is standard input, if no parameter names it a second time.
std::optional<ArgumentPosition> stdin_only(const Node& node) {
  if (node.operation == Operation::shell) return shell_parameters(node).stdin_argument;
  if (node.operation != Operation::exec) return std::nullopt;
  const ExecParameters parameters = exec_parameters(node);
  for (const auto& word : parameters.argv) {
    const auto* position = std::get_if<ArgumentPosition>(&word);
    if (position && parameters.stdin_argument == *position) return std::nullopt;
  }
  return parameters.stdin_argument;
}

}  // namespace

void Builder::State::find_streams() {
  const auto is_stream = [this](NodeIndex node) {
    const Node& what = dag.nodes_[node.value];
    return dag.settings_[what.settings].stream && is_command(what.operation);
  };
  const bool any = std::any_of(dag.settings_.begin(), dag.settings_.end(),
                               [](const Settings& settings) { return settings.stream; });
  if (!any || !found.faults.empty()) return;
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    const auto arguments = dag.arguments({i});
    if (std::none_of(arguments.begin(), arguments.end(), is_stream)) continue;
    // Who gives consent wants to know to what.
    if (dag.settings_[dag.nodes_[i].settings].approval) continue;
    const auto position = stdin_only(dag.nodes_[i]);
    if (!position) continue;
    const NodeIndex producer = arguments[position->value];
    const bool is_once = std::count(arguments.begin(), arguments.end(), producer) == 1;
    const bool is_ordered = std::binary_search(edges.begin(), edges.end(), Edge{{i}, producer});
    if (is_stream(producer) && is_once && !is_ordered)
      dag.streams_.emplace_back(NodeIndex{i}, producer);
  }
}

}  // namespace dsched::dag
