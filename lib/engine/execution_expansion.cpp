// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/execution.h"

// The part of Execution that follows the fan-out of map nodes: nodes that join while it runs.

namespace dsched::engine {
void Execution::admit(NodeIndex first, std::span<const NodePlan> plan) {
  const std::size_t end = first.value + plan.size();
  if (nodes_.size() < end) {
    NodeData unwanted;
    unwanted.phase = Phase::unwanted;
    nodes_.resize(end, unwanted);
  }
  const bool is_news = !remaining_.empty() && remaining_.size() < end;
  if (is_news) {
    std::vector<Nanoseconds> durations(plan.size());
    for (std::size_t i = 0; i < plan.size(); ++i) durations[i] = plan[i].duration;
    dag::append_remaining_paths(dag_, *dag_.maps().with(first), durations, remaining_);
    for (const NodePlan& one : plan) expected_.push_back(one.expected);
  }
  for (std::uint32_t i = 0; i < plan.size(); ++i) {
    const NodeIndex node{first.value + i};
    NodeData& data = nodes_[node.value];
    data.in_process = plan[i].in_process;
    data.is_goal = plan[i].is_goal;
    data.is_read_outside = plan[i].is_read_outside;
    if (!plan[i].wanted) continue;
    DSCHED_ASSERT(data.phase == Phase::unwanted, "a node joins once");
    data.phase = Phase::waiting;
    ++counts_.total;
    if (data.in_process) continue;
    const Priority priority = dag_.settings(node).priority;
    uniform_priority_ = uniform_priority_ && (!common_priority_ || *common_priority_ == priority);
    common_priority_ = priority;
  }
}

void Execution::on(Instant, const Expanded& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.map) == Phase::evaluating, "a map is expanded when it was asked to be");
  const dag::Expansion& expansion = *dag_.maps().of(fact.map);
  NodeData& map = nodes_[fact.map.value];
  map.expanded = true;
  if (fact.wanted == Expanded::Wanted::all) {
    move(fact.map, Phase::waiting);
    map.unmet = 0;
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      if (!is_done(phase(expansion.result(i)))) ++map.unmet;
    }
  } else {
    move(fact.map, Phase::unwanted);
    --counts_.total;
  }
  // What a node needs of the program is done, because the map needed it too; but what was lost
  // meanwhile is made again first, for the map as well.
  const std::uint32_t end = expansion.nodes_end().value;
  for (std::uint32_t i = expansion.nodes_begin().value; i < end; ++i) {
    if (phase({i}) != Phase::waiting) continue;
    nodes_[i].unmet = 0;
    for (const NodeIndex before : dag_.predecessors({i})) {
      const Phase of_it = phase(before);
      if (is_done(of_it) || of_it == Phase::unwanted) continue;
      ++nodes_[i].unmet;
      note_late_user(before, {i});
    }
  }
  for (std::uint32_t i = expansion.nodes_begin().value; i < end; ++i) {
    const bool is_left = phase({i}) == Phase::failed || phase({i}) == Phase::cancelled;
    if (is_left) cancel_dependents({i}, out);  // recall_over
  }
  for (std::uint32_t i = expansion.nodes_begin().value; i < end; ++i) {
    if (is_cancelled_) cancel_pending({i}, out);
    if (phase({i}) == Phase::waiting && nodes_[i].unmet == 0) make_ready({i}, out);
  }
  if (is_cancelled_) cancel_pending(fact.map, out);
  if (phase(fact.map) == Phase::waiting && map.unmet == 0) make_ready(fact.map, out);
}

void Execution::note_late_user(NodeIndex node, NodeIndex user) {
  if (user.value < dag_.program_size()) return;
  const auto known = dag_.dependents(node);
  if (std::find(known.begin(), known.end(), user) != known.end()) return;
  std::vector<NodeIndex>& late = late_users_[node];
  if (std::find(late.begin(), late.end(), user) == late.end()) late.push_back(user);
}

void Execution::cancel_elements(Instant now, NodeIndex map, Effects& out) {
  const dag::Expansion* const expansion = dag_.maps().of(map);
  if (expansion == nullptr || !nodes_[map.value].expanded) return;
  const std::uint32_t end = expansion->nodes_end().value;
  for (std::uint32_t i = expansion->nodes_begin().value; i < end; ++i) {
    on(now, CancelNode{{i}}, out);
  }
}

}  // namespace dsched::engine
