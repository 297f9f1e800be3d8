// SPDX-License-Identifier: Apache-2.0
#include "dag/dag.h"

#include <algorithm>

#include "base/error.h"
#include "dag/dag_parts.h"

namespace dsched::dag {

std::optional<NodeIndex> Dag::find(std::string_view node_id) const {
  const std::optional<Symbol> symbol = names_->ids.find(node_id);
  if (!symbol || names_->bearers[symbol->value] == Names::k_nobody) return std::nullopt;
  return names_->bearers[symbol->value];
}

std::optional<NodeIndex> Dag::producer_of(std::string_view output) const {
  const std::optional<Symbol> symbol = names_->outputs.find(output);
  if (!symbol) return std::nullopt;
  return names_->producers[symbol->value];
}

std::vector<NodeIndex> needed_for(const Dag& dag, std::span<const NodeIndex> targets) {
  std::vector<bool> is_needed(dag.size());
  for (const NodeIndex target : targets) is_needed[target.value] = true;
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
  return remaining;
}

}  // namespace dsched::dag
