// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Builder gathers, and the steps by which it becomes a Dag.
//
// For builder.cpp, resolve.cpp and stream_edges.cpp only. Until names are resolved, Dag::arguments_
// holds symbols of Names::ids instead of nodes: four bytes for each argument of a program.

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dag/builder.h"
#include "dag/dag_parts.h"
#include "dag/implied_order.h"
#include "dag/order.h"

namespace dsched::dag {

// A name as it stands in a message.
[[nodiscard]] inline std::string quoted(std::string_view name) {
  return "'" + std::string(name) + "'";
}

struct Builder::State {
  using Edge = std::pair<NodeIndex, NodeIndex>;  // the first waits for the second

  void flush();

  std::variant<Dag, Faults> build();
  void resolve_arguments();
  void resolve_dependencies();
  void resolve_goals();
  void check_pools();
  void resolve_workers();
  void resolve_worker(Node& node, NodeIndex place);
  void resolve_template_workers(std::uint32_t index, NodeIndex map);
  void resolve_files();
  void gather_paths(std::vector<DeclaredPath>& outputs, std::vector<DeclaredPath>& inputs) const;
  void gather_template_inputs(const Place& place, const Template& made_of,
                              std::vector<DeclaredPath>& inputs) const;
  void check_pool(const Place& place, const Node& node, std::span<const std::string_view> declared);
  void check_template_pools(const Place& place, const Template& made_of,
                            std::span<const std::string_view> declared);
  void check_element_ids();
  void make_predecessors();
  void append_predecessors(NodeIndex node, std::vector<NodeIndex>& own) const;
  void make_dependents();
  void find_streams();
  void make_order();
  [[nodiscard]] std::vector<ImpliedEdge>::const_iterator find_implied(NodeIndex node,
                                                                      NodeIndex need) const;
  void report_cycle(std::span<const NodeIndex> cycle);
  [[nodiscard]] Graph graph() const;

  void add_fault(FaultCode code, Place place, std::string message, std::string hint);
  // "did you mean 'x'?" about the nearest node id; empty when there is none.
  [[nodiscard]] std::string suggest(std::string_view name);
  [[nodiscard]] std::vector<NodeIndex> bearers_of(std::span<const std::string_view> ids) const;

  std::shared_ptr<Dag::Names> names;
  Dag dag;
  NameTable pool_names;  // symbols are PoolIndex
  NameTable external_names;
  std::size_t first_external = 0;  // the index of external_names' first in operation_names_
  std::unordered_multimap<std::size_t, std::uint32_t> settings_by_hash;
  std::uint32_t last_settings = 0;
  std::size_t argument_count = 0;
  std::vector<std::string_view> pending_ids;  // of the last nodes added, not yet interned
  std::vector<std::string_view> pending_arguments;
  std::vector<Symbol> symbols;  // scratch of flush()
  std::vector<Dependency> dependencies;
  std::vector<std::string_view> goals;
  std::vector<std::string_view> printed;  // node ids, for Dag::prints_
  std::vector<DeclaredPath> paths;        // of read_file and write_file
  std::vector<ImpliedEdge> implied;
  std::vector<Edge> edges;  // beside the arguments; sorted before use
  Faults found;
  std::vector<std::string_view> node_ids;  // made for the first suggestion
  std::size_t candidates_left =
      2'000'000;  // a suggestion looks at every id: seconds, unless bounded
};

}  // namespace dsched::dag
