// SPDX-License-Identifier: Apache-2.0
#include "dag/order.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace dsched::dag {
namespace {

// Programs are mostly written in the order of their data, and then that order is the answer.
bool is_in_order(const Graph& graph) {
  for (std::uint32_t i = 0; i < graph.nodes; ++i) {
    const std::span<const NodeIndex> predecessors = graph.predecessors.of({i});
    if (!predecessors.empty() && predecessors.back() >= NodeIndex{i}) return false;
  }
  return true;
}

// A walk in depth along the predecessors, with its path on an explicit stack.
class CycleSearch {
 public:
  CycleSearch(const Graph& graph, std::size_t cycles_max)
      : graph_(graph), cycles_max_(cycles_max), states_(graph.nodes, State::unseen) {}

  std::vector<std::vector<NodeIndex>> run() {
    for (std::uint32_t i = 0; i < graph_.nodes && cycles_.size() < cycles_max_; ++i) {
      if (states_[i] == State::unseen) walk_from({i});
    }
    return std::move(cycles_);
  }

 private:
  enum class State : std::uint8_t { unseen, on_path, finished };
  struct Visit {
    NodeIndex node;
    std::uint32_t next = 0;  // which predecessor to look at next
  };

  void walk_from(NodeIndex start) {
    enter(start);
    while (!path_.empty()) {
      Visit& visit = path_.back();
      const std::span<const NodeIndex> predecessors = graph_.predecessors.of(visit.node);
      if (visit.next == predecessors.size() || cycles_.size() == cycles_max_) {
        states_[visit.node.value] = State::finished;
        path_.pop_back();
        continue;
      }
      const NodeIndex predecessor = predecessors[visit.next++];
      const State state = states_[predecessor.value];
      if (state == State::unseen) enter(predecessor);
      if (state == State::on_path) add_cycle(predecessor);
    }
  }

  void enter(NodeIndex node) {
    states_[node.value] = State::on_path;
    path_.push_back({node, 0});
  }

  // The path from `start` on closes at `start`.
  void add_cycle(NodeIndex start) {
    std::vector<NodeIndex> cycle;
    for (std::size_t i = path_.size(); i-- > 0;) {
      cycle.push_back(path_[i].node);
      if (path_[i].node == start) break;
    }
    std::reverse(cycle.begin(), cycle.end());
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    cycles_.push_back(std::move(cycle));
  }

  const Graph& graph_;
  std::size_t cycles_max_;
  std::vector<State> states_;
  std::vector<Visit> path_;
  std::vector<std::vector<NodeIndex>> cycles_;
};

}  // namespace

std::vector<NodeIndex> topological_order(const Graph& graph) {
  std::vector<NodeIndex> order;
  order.reserve(graph.nodes);
  if (is_in_order(graph)) {
    for (std::uint32_t i = 0; i < graph.nodes; ++i) order.push_back({i});
    return order;
  }
  std::vector<std::uint32_t> missing(graph.nodes);
  std::priority_queue<NodeIndex, std::vector<NodeIndex>, std::greater<>> ready;
  for (std::uint32_t i = 0; i < graph.nodes; ++i) {
    missing[i] = static_cast<std::uint32_t>(graph.predecessors.of({i}).size());
    if (missing[i] == 0) ready.push({i});
  }
  while (!ready.empty()) {
    const NodeIndex node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const NodeIndex dependent : graph.dependents.of(node)) {
      if (--missing[dependent.value] == 0) ready.push(dependent);
    }
  }
  return order;
}

std::vector<std::vector<NodeIndex>> find_cycles(const Graph& graph, std::size_t cycles_max) {
  return CycleSearch(graph, cycles_max).run();
}

}  // namespace dsched::dag
