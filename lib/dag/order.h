// SPDX-License-Identifier: Apache-2.0
#pragma once
// Topological order and cycles over edges in flat arrays.

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace dsched::dag {

// The edges of a graph: those of node i lie between begin[i] and begin[i + 1].
struct Edges {
  std::span<const std::uint32_t> begin;  // one more than there are nodes; empty: no edges at all
  std::span<const NodeIndex> to;
  [[nodiscard]] std::span<const NodeIndex> of(NodeIndex node) const {
    if (begin.empty()) return {};
    return to.subspan(begin[node.value], begin[node.value + 1] - begin[node.value]);
  }
};

struct Graph {
  std::size_t nodes = 0;
  Edges predecessors;
  Edges dependents;
};

// Each node after its predecessors, of several possible ones the lowest first. Nodes on a cycle,
// and those behind one, are left out.
[[nodiscard]] std::vector<NodeIndex> topological_order(const Graph& graph);

// Cycles, each once and at most `cycles_max`: the nodes in the direction of waiting, the lowest
// first and not repeated at the end. Every cycle of the graph shares an edge with one of them when
// there are fewer than `cycles_max`.
[[nodiscard]] std::vector<std::vector<NodeIndex>> find_cycles(const Graph& graph,
                                                              std::size_t cycles_max);

}  // namespace dsched::dag
