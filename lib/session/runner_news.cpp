// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "session/runner.h"

// The part of Runner that other processes see: what runs now, figures.

namespace dsched::session {
namespace {

using engine::NodeState;
using engine::Phase;
using engine::Reason;

// Ready nodes that are named; the others are counted. Writing more of them takes longer than it
// tells anybody.
constexpr std::size_t k_ready_named = 1000;

}  // namespace

// Within the transaction of a commit.
void Runner::write_news() {
  execution_.counts = engine_.counts();
  execution_.status = engine_.waits_for_people() ? engine::ExecutionStatus::waiting
                                                 : engine::ExecutionStatus::running;
  figures_.write(ports_.store.database(), execution_.number, wall_at(now_));
  journal::put_live(ports_.store.database(), execution_.number, live_state());
}

journal::LiveNode Runner::live_node(NodeIndex node) const {
  journal::LiveNode live;
  live.node = node;
  live.node_id = plan_.dag.node(node).node_id;
  live.state = NodeState::pending;
  live.attempt = engine_.attempts(node);
  live.since = wall_at(now_);
  return live;
}

journal::LiveState Runner::live_state() {
  const Progress now = progress();
  journal::LiveState state;
  state.at = now.wall;
  state.width = plan_.options.width;
  state.held = steering_.held();
  state.in_use = engine_.in_use();
  state.is_paused = engine_.is_paused();
  state.is_stopping = engine_.is_stopping();
  state.ready_nodes = engine_.ready().size();
  state.percentage = now.percentage;
  if (now.remaining) state.estimated_completion = now.wall + *now.remaining;
  state.work_left = tracker_.work_left();
  for (std::size_t i = 0; i < now.running.size(); ++i) {
    journal::LiveNode node = live_node(tracker_.running_nodes()[i]);
    node.state = NodeState::running;
    if (engine_.phase(node.node) == Phase::suspended) node.reason = Reason::suspended;
    node.attempt = now.running[i].attempt;
    node.since = wall_at(now.running[i].started);
    state.nodes.push_back(std::move(node));
  }
  for (const auto& [index, delayed] : delayed_) {
    const Phase phase = engine_.phase(index);
    if (phase != Phase::backoff && phase != Phase::held) continue;
    state.nodes.push_back(delayed);
  }
  for (const NodeIndex index : engine_.ready().best_ones(k_ready_named)) {
    journal::LiveNode node = live_node(index);
    node.reason = Reason::ready;
    if (const auto since = figures_.ready_since(index)) node.since = wall_at(*since);
    state.nodes.push_back(std::move(node));
  }
  std::uint32_t number = 0;
  for (const dag::Pool& pool : plan_.dag.pools()) {
    const Slots free = engine_.ready().free_places({number++});
    state.pools.push_back({std::string(pool.name),
                           {pool.limit.count - std::min(pool.limit, free).count},
                           pool.limit});
  }
  return state;
}

}  // namespace dsched::session
