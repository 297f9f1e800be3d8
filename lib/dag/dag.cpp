// SPDX-License-Identifier: Apache-2.0
#include "dag/dag.h"

#include <algorithm>

#include "base/error.h"
#include "dag/dag_parts.h"

namespace dsched::dag {

std::optional<NodeIndex> Dag::find(std::string_view node_id) const {
  const auto bearer = [this](std::string_view id) -> std::optional<NodeIndex> {
    const std::optional<Symbol> symbol = names_->ids.find(id);
    if (!symbol || names_->bearers[symbol->value] == Names::k_nobody) return std::nullopt;
    return names_->bearers[symbol->value];
  };
  if (const auto node = bearer(node_id)) return node;
  if (maps_.expansions().empty()) return std::nullopt;
  for (std::size_t dot = node_id.find('.'); dot != node_id.npos; dot = node_id.find('.', dot + 1)) {
    const auto map = bearer(node_id.substr(0, dot));
    if (!map) continue;
    if (const auto node = find_within(*map, node_id.substr(dot))) return node;
  }
  return std::nullopt;
}

std::optional<NodeIndex> Dag::producer_of(std::string_view output) const {
  const std::optional<Symbol> symbol = names_->outputs.find(output);
  if (!symbol) return std::nullopt;
  return names_->producers[symbol->value];
}

Form Dag::form_of(NodeIndex node) const {
  switch (nodes_[node.value].operation) {
    case Operation::primitive:
    case Operation::computation:
    case Operation::list_folder:
      return Form::value;
    case Operation::map:
      return maps_.template_of(node).kind == MapKind::bytes ? Form::bytes : Form::value;
    case Operation::shell:
      return Form::line;
    default:
      break;
  }
  const Expansion* const expansion = maps_.with(node);
  if (expansion == nullptr || !expansion->is_value(node)) return Form::bytes;
  return maps_.template_of(expansion->map).kind == MapKind::bytes ? Form::bytes : Form::value;
}

std::string Dag::place_of(NodeIndex node) const {
  const Node& at = nodes_[node.value];
  if (at.column == 0 || at.source >= sources_.size()) return {};
  return std::string(sources_[at.source]) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column);
}

std::optional<NodeIndex> Dag::stream_of(NodeIndex reader) const {
  if (streams_.empty()) return std::nullopt;
  const auto found =
      std::lower_bound(streams_.begin(), streams_.end(), reader,
                       [](const auto& edge, NodeIndex node) { return edge.first < node; });
  if (found == streams_.end() || found->first != reader) return std::nullopt;
  return found->second;
}

namespace {

// Of what was appended: from the last to the first, because what a node needs is before it. A map
// within an element needs its elements, an element what its map needs; the map itself only when
// all of it is wanted. First the maps of the program that are wanted as a whole.
void need_expanded(const Dag& dag, std::vector<bool>& is_needed) {
  const std::span<const Expansion> expansions = dag.maps().expansions();
  if (expansions.empty()) return;
  const std::span<const NodeIndex> order = dag.topological_order();
  std::vector<bool> whole = is_needed;
  for (std::size_t i = order.size(); i-- > 0;) {
    if (!whole[order[i].value]) continue;
    for (const NodeIndex predecessor : dag.predecessors(order[i])) whole[predecessor.value] = true;
  }
  for (const Expansion& expansion : expansions) {
    if (!expansion.is_current) continue;
    for (std::uint32_t i = 0; whole[expansion.map.value] && i < expansion.elements; ++i) {
      whole[expansion.result(i).value] = is_needed[expansion.result(i).value] = true;
    }
  }
  std::vector<bool> is_entered(expansions.size());  // something in it is needed
  for (std::size_t e = expansions.size(); e-- > 0;) {
    const Expansion& expansion = expansions[e];
    if (!expansion.is_current) continue;
    bool any = is_entered[e];
    for (std::uint32_t i = expansion.nodes_end().value; i-- > expansion.nodes_begin().value;) {
      if (!is_needed[i]) continue;
      any = true;
      for (const NodeIndex need : dag.predecessors({i})) {
        if (!expansion.is_value(need) || need < expansion.first) is_needed[need.value] = true;
      }
    }
    if (!any) continue;
    if (const Expansion* const around = dag.maps().with(expansion.map)) {
      is_entered[static_cast<std::size_t>(around - expansions.data())] = true;
    }
    for (const NodeIndex need : dag.predecessors(expansion.map)) {
      if (dag.maps().is_node(need)) is_needed[need.value] = true;
    }
  }
}

}  // namespace

std::vector<NodeIndex> needed_for(const Dag& dag, std::span<const NodeIndex> targets) {
  std::vector<bool> is_needed(dag.size());
  for (const NodeIndex target : targets) is_needed[target.value] = true;
  need_expanded(dag, is_needed);
  const std::span<const NodeIndex> order = dag.topological_order();
  for (std::size_t i = order.size(); i-- > 0;) {
    if (!is_needed[order[i].value]) continue;
    for (const NodeIndex predecessor : dag.predecessors(order[i]))
      is_needed[predecessor.value] = true;
  }
  std::vector<NodeIndex> needed;
  for (std::uint32_t i = 0; i < dag.size(); ++i) {
    if (is_needed[i]) needed.push_back({i});
  }
  return needed;
}

std::vector<Nanoseconds> remaining_paths(const Dag& dag, std::span<const Nanoseconds> durations) {
  DSCHED_ASSERT(durations.size() == dag.size(), "each node has one duration");
  std::vector<Nanoseconds> remaining(dag.size());
  const std::span<const NodeIndex> order = dag.topological_order();
  for (std::size_t i = order.size(); i-- > 0;) {
    Nanoseconds heaviest{0};
    for (const NodeIndex dependent : dag.dependents(order[i]))
      heaviest = std::max(heaviest, remaining[dependent.value]);
    // Hints of duration are what people wrote, so their sum may pass the range.
    const Nanoseconds own = std::max(durations[order[i].value], Nanoseconds{0});
    remaining[order[i].value] =
        heaviest > Nanoseconds::max() - own ? Nanoseconds::max() : own + heaviest;
  }
  remaining.resize(dag.program_size());
  for (const Expansion& expansion : dag.maps().expansions()) {
    const std::uint32_t first = expansion.first.value;
    const auto own = durations.subspan(first, expansion.nodes_end().value - first);
    append_remaining_paths(dag, expansion, own, remaining);
  }
  return remaining;
}

}  // namespace dsched::dag
