// SPDX-License-Identifier: Apache-2.0
#include "engine/worker_loads.h"

#include <algorithm>

#include "base/error.h"

namespace dsched::engine {

WorkerLoads::WorkerLoads(std::span<const dag::Worker> workers) {
  workers_.reserve(workers.size());
  for (const dag::Worker& worker : workers) {
    workers_.push_back({worker.max_batch, {}, 0});
    workers_.back().instances.resize(worker.instances);
  }
}

std::optional<WorkerLoads::Place> WorkerLoads::with_room(
    dag::WorkerIndex worker, const std::function<bool(NodeIndex)>& may_take) const {
  const State& state = workers_[worker.value];
  if (state.open == 0) return std::nullopt;
  std::optional<std::uint32_t> least;
  for (std::uint32_t i = 0; i < state.instances.size(); ++i) {
    const std::size_t load = state.instances[i].size();
    if (load == 0 || load >= state.max_batch) continue;
    if (least && load >= state.instances[*least].size()) continue;
    if (may_take(state.instances[i].front())) least = i;
  }
  if (!least) return std::nullopt;
  return Place{worker, *least};
}

std::optional<WorkerLoads::Place> WorkerLoads::closed(dag::WorkerIndex worker) const {
  const State& state = workers_[worker.value];
  if (closed_count(worker) == 0) return std::nullopt;
  const auto first = std::find_if(state.instances.begin(), state.instances.end(),
                                  [](const auto& nodes) { return nodes.empty(); });
  return Place{worker, static_cast<std::uint32_t>(first - state.instances.begin())};
}

std::uint32_t WorkerLoads::closed_count(dag::WorkerIndex worker) const {
  const State& state = workers_[worker.value];
  return static_cast<std::uint32_t>(state.instances.size()) - state.open;
}

void WorkerLoads::enter(NodeIndex node, const Place& place) {
  State& state = workers_[place.worker.value];
  std::vector<NodeIndex>& nodes = state.instances[place.instance];
  DSCHED_ASSERT(nodes.size() < state.max_batch, "a batch has its limit");
  if (nodes.empty()) ++state.open;
  nodes.push_back(node);
  const bool is_new = places_.emplace(node, place).second;
  DSCHED_ASSERT(is_new, "a request is in flight once");
}

std::optional<NodeIndex> WorkerLoads::leave(NodeIndex node) {
  const auto found = places_.find(node);
  DSCHED_ASSERT(found != places_.end(), "only what is in flight can leave");
  State& state = workers_[found->second.worker.value];
  std::vector<NodeIndex>& nodes = state.instances[found->second.instance];
  const auto at = std::find(nodes.begin(), nodes.end(), node);
  const bool was_bearer = at == nodes.begin();
  *at = nodes.back();
  nodes.pop_back();
  places_.erase(found);
  if (nodes.empty()) --state.open;
  if (!was_bearer || nodes.empty()) return std::nullopt;
  return nodes.front();
}

std::span<const NodeIndex> WorkerLoads::sharers(NodeIndex node) const {
  const Place& at = place(node);
  return workers_[at.worker.value].instances[at.instance];
}

}  // namespace dsched::engine
