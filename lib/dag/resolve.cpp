// SPDX-License-Identifier: Apache-2.0
// The steps of Builder::build: names become indices, files become order, edges become flat arrays.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "dag/builder_state.h"

namespace dsched::dag {
namespace {

// A longer cycle is shown by its beginning; its nodes are in the program to see.
constexpr std::size_t k_cycle_nodes_shown_max = 1000;

// Every node that reads a folder waits for every node that writes into it, so the edges can be as
// many as the square of the nodes. This many take 640 MB while the program is read.
constexpr std::size_t k_implied_edges_max = 20'000'000;

}  // namespace

std::variant<Dag, Faults> Builder::build() && {
  return state_->build();
}

std::variant<Dag, Faults> Builder::State::build() {
  flush();
  resolve_arguments();
  resolve_dependencies();
  check_pools();
  check_element_ids();
  resolve_workers();
  resolve_files();
  make_predecessors();
  make_dependents();
  make_order();
  find_streams();
  resolve_goals();
  if (!found.faults.empty()) return std::move(found);
  DSCHED_ASSERT(!dag.dag_id_.empty(), "every program has a name");
  dag.names_ = names;
  return std::move(dag);
}

void Builder::State::add_fault(FaultCode code, Place place, std::string message, std::string hint) {
  if (found.faults.size() == k_faults_max) {
    ++found.more;
    return;
  }
  found.faults.push_back({code, std::move(message), place, std::move(hint)});
}

std::string Builder::State::suggest(std::string_view name) {
  if (found.faults.size() == k_faults_max || dag.nodes_.size() > candidates_left) return {};
  candidates_left -= dag.nodes_.size();
  if (node_ids.empty()) {
    for (const Node& node : dag.nodes_) node_ids.push_back(node.node_id);
  }
  const auto near = nearest(name, node_ids);
  return near && !near->empty() ? "did you mean " + quoted(*near) + "?" : "";
}

void Builder::State::resolve_arguments() {
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    const std::uint32_t begin = dag.argument_begin_[i];
    for (std::uint32_t k = begin; k < dag.argument_begin_[i + 1]; ++k) {
      const Symbol symbol{dag.arguments_[k].value};
      dag.arguments_[k] = names->bearers[symbol.value];
      if (dag.arguments_[k] != Dag::Names::k_nobody) continue;
      const std::string_view wanted = names->ids.name(symbol);
      add_fault(FaultCode::unknown_argument, {Place::Kind::argument, {i}, k - begin},
                "argument " + quoted(wanted) + " is not a node", suggest(wanted));
    }
  }
  if (dag.arguments_.empty()) dag.argument_begin_.clear();
}

// The node of each id, in batches; k_nobody for what is none.
std::vector<NodeIndex> Builder::State::bearers_of(std::span<const std::string_view> ids) const {
  std::vector<NodeIndex> nodes;
  nodes.reserve(ids.size());
  for (const std::string_view id : ids) {
    const auto symbol = names->ids.find(id);
    nodes.push_back(symbol ? names->bearers[symbol->value] : Dag::Names::k_nobody);
  }
  return nodes;
}

void Builder::State::resolve_dependencies() {
  std::vector<std::string_view> ids;
  ids.reserve(2 * dependencies.size());
  for (const Dependency& dependency : dependencies) {
    ids.push_back(dependency.node);
    ids.push_back(dependency.need);
  }
  const std::vector<NodeIndex> nodes = bearers_of(ids);
  edges.reserve(dependencies.size());
  for (std::uint32_t i = 0; i < dependencies.size(); ++i) {
    const NodeIndex node = nodes[2 * i];
    const NodeIndex need = nodes[2 * i + 1];
    // All needs of one node come together; what is wrong with its name is said once.
    const bool is_told = i > 0 && ids[2 * i].data() == ids[2 * i - 2].data();
    if (node == Dag::Names::k_nobody && !is_told) {
      add_fault(FaultCode::unknown_dependency, {Place::Kind::dependency, {}, i},
                "dependencies name " + quoted(ids[2 * i]) + ", which is not a node",
                suggest(ids[2 * i]));
    }
    if (need == Dag::Names::k_nobody && !dependencies[i].need.empty()) {
      add_fault(FaultCode::unknown_dependency, {Place::Kind::dependency_need, {}, i},
                "dependency " + quoted(ids[2 * i + 1]) + " is not a node", suggest(ids[2 * i + 1]));
    }
    if (node != Dag::Names::k_nobody && need != Dag::Names::k_nobody)
      edges.emplace_back(node, need);
  }
}

void Builder::State::resolve_goals() {
  const std::vector<NodeIndex> nodes = bearers_of(goals);
  std::vector<bool> is_goal(dag.nodes_.size());
  for (std::uint32_t i = 0; i < goals.size(); ++i) {
    if (nodes[i] == Dag::Names::k_nobody) {
      add_fault(FaultCode::unknown_goal, {Place::Kind::goal, {}, i},
                "goal " + quoted(goals[i]) + " is not a node", suggest(goals[i]));
    } else if (!is_goal[nodes[i].value]) {
      is_goal[nodes[i].value] = true;
      dag.goals_.push_back(nodes[i]);
    }
  }
  const std::vector<NodeIndex> of_prints = bearers_of(printed);
  for (std::size_t i = 0; i < of_prints.size(); ++i) {
    DSCHED_ASSERT(of_prints[i] != Dag::Names::k_nobody, "what is printed was added");
    dag.prints_[i].node = of_prints[i];
  }
  if (!goals.empty()) return;
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    if (dag.dependents({i}).empty()) dag.goals_.push_back({i});
  }
}

// Front ends add a worker's nodes as external ones, because it may be declared behind them.
void Builder::State::resolve_workers() {
  if (dag.workers_.empty()) return;
  dag.worker_of_name_.assign(dag.operation_names_.size(), UINT32_MAX);
  for (std::uint32_t i = 0; i < dag.workers_.size(); ++i) {
    const auto symbol = external_names.find(dag.workers_[i].name);
    if (symbol) dag.worker_of_name_[first_external + symbol->value] = i;
  }
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    resolve_worker(dag.nodes_[i], {i});
    if (dag.nodes_[i].operation != Operation::map) continue;
    const Maps::Map* map = dag.maps_.find({i});
    if (map != nullptr) resolve_template_workers(map->template_index, {i});
  }
}

void Builder::State::resolve_template_workers(std::uint32_t index, NodeIndex map) {
  for (TemplateNode& made : dag.maps_.templates_[index].nodes) {
    resolve_worker(made.node, map);
    if (made.inner) resolve_template_workers(*made.inner, map);
  }
}

// Faults of a template's node are told of the map.
void Builder::State::resolve_worker(Node& node, NodeIndex place) {
  if (node.operation != Operation::external) return;
  if (dag.worker_of_name_[node.operation_name] == UINT32_MAX) return;
  node.operation = Operation::worker;
  const Settings& settings = dag.settings_[node.settings];
  const auto refuse = [&](const char* field, const char* hint) {
    add_fault(FaultCode::worker_field, {Place::Kind::node, place, 0},
              "node " + quoted(dag.nodes_[place.value].node_id) +
                  " is a request to a worker, which cannot have " + field,
              hint);
  };
  if (!settings.environment.empty()) {
    refuse("an environment of its own", "put what it needs into its parameters");
  }
  if (settings.slots.count > 1) {
    refuse("slots of its own", "an instance of a worker takes one slot for all its requests");
  }
  if (settings.stream) refuse("a stream", "its result is there when it is answered");
}

void Builder::State::check_pools() {
  std::vector<std::string_view> declared;
  for (const Pool& pool : dag.pools_) {
    if (pool.limit.count != 0) declared.push_back(pool.name);
  }
  if (declared.size() == dag.pools_.size()) return;
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    check_pool({Place::Kind::pool, {i}, 0, 0}, dag.nodes_[i], declared);
    if (dag.nodes_[i].operation != Operation::map || dag.maps_.find({i}) == nullptr) continue;
    check_template_pools({Place::Kind::pool, {i}, 0, 1}, dag.maps_.template_of({i}), declared);
  }
}

void Builder::State::check_template_pools(const Place& place, const Template& made_of,
                                          std::span<const std::string_view> declared) {
  Place within = place;
  ++within.depth;
  for (const TemplateNode& node : made_of.nodes) {
    check_pool(place, node.node, declared);
    if (node.inner) check_template_pools(within, dag.maps_.templates_[*node.inner], declared);
  }
}

void Builder::State::check_pool(const Place& place, const Node& node,
                                std::span<const std::string_view> declared) {
  const std::optional<PoolIndex> pool = dag.settings_[node.settings].pool;
  if (!pool || dag.pools_[pool->value].limit.count != 0) return;
  const std::string_view name = dag.pools_[pool->value].name;
  const auto near = nearest(name, declared);
  add_fault(FaultCode::unknown_pool, place,
            "pool " + quoted(name) + " is not one of the program's pools",
            near ? "did you mean " + quoted(*near) + "?"
                 : "name it in \"pools\": {\"" + std::string(name) + "\": LIMIT}");
}

// Ids that elements may have are not for other nodes: `m.7` beside a map `m`.
void Builder::State::check_element_ids() {
  if (dag.maps_.empty()) return;
  const auto map_named = [this](std::string_view id) {
    const auto symbol = names->ids.find(id);
    const NodeIndex node = symbol ? names->bearers[symbol->value] : Dag::Names::k_nobody;
    const bool is_map =
        node != Dag::Names::k_nobody && dag.nodes_[node.value].operation == Operation::map;
    return is_map ? std::optional(node) : std::nullopt;
  };
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    const std::string_view id = dag.nodes_[i].node_id;
    for (std::size_t dot = id.find('.'); dot != id.npos; dot = id.find('.', dot + 1)) {
      const std::string_view behind = id.substr(dot + 1);
      const bool is_number = !behind.empty() && behind.front() >= '0' && behind.front() <= '9';
      const auto map = is_number ? map_named(id.substr(0, dot)) : std::nullopt;
      if (!map) continue;
      add_fault(FaultCode::duplicate_node, {Place::Kind::node_id, {i}, 0, 0},
                "node_id " + quoted(id) + " may be that of an element of the map " +
                    quoted(id.substr(0, dot)),
                "elements of a map are named by their numbers; give the node another name");
      break;
    }
  }
}

void Builder::State::gather_template_inputs(const Place& place, const Template& made_of,
                                            std::vector<DeclaredPath>& inputs) const {
  Place within = place;
  ++within.depth;
  for (const TemplateNode& node : made_of.nodes) {
    const Settings& settings = dag.settings_[node.node.settings];
    for (const std::string_view input : settings.inputs) {
      inputs.push_back({input, place});
      inputs.back().place.element = static_cast<std::uint32_t>(&input - settings.inputs.data());
    }
    if (node.inner) gather_template_inputs(within, dag.maps_.templates_[*node.inner], inputs);
  }
}

void Builder::State::gather_paths(std::vector<DeclaredPath>& outputs,
                                  std::vector<DeclaredPath>& inputs) const {
  std::size_t next_path = 0;
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    const Node& node = dag.nodes_[i];
    if (node.settings != 0) {
      const Settings& settings = dag.settings_[node.settings];
      for (std::uint32_t k = 0; k < settings.outputs.size(); ++k)
        outputs.push_back({settings.outputs[k], {Place::Kind::output, {i}, k}});
      for (std::uint32_t k = 0; k < settings.inputs.size(); ++k)
        inputs.push_back({settings.inputs[k], {Place::Kind::input, {i}, k}});
    }
    if (node.operation == Operation::map && dag.maps_.find({i}) != nullptr) {
      gather_template_inputs({Place::Kind::input, {i}, 0, 1}, dag.maps_.template_of({i}), inputs);
    }
    while (next_path < paths.size() && paths[next_path].place.node == NodeIndex{i}) {
      (node.operation == Operation::write_file ? outputs : inputs).push_back(paths[next_path]);
      ++next_path;
    }
  }
}

void Builder::State::resolve_files() {
  std::vector<DeclaredPath> outputs;
  std::vector<DeclaredPath> inputs;
  gather_paths(outputs, inputs);
  if (outputs.empty()) return;
  OutputIndex index(names->outputs, names->producers, outputs);
  for (const OutputIndex::Collision& collision : index.collisions()) {
    const DeclaredPath& later = collision.later;
    const DeclaredPath& earlier = collision.earlier;
    const std::string_view owner = dag.nodes_[earlier.place.node.value].node_id;
    const bool is_same_node = earlier.place.node == later.place.node;
    std::string message = "output " + quoted(later.path);
    message += later.path == earlier.path
                   ? (is_same_node ? " is named twice" : " is also an output of " + quoted(owner))
                   : " lies inside " + quoted(earlier.path) + ", an output of " + quoted(owner);
    add_fault(FaultCode::duplicate_output, later.place, std::move(message),
              is_same_node ? "name it once" : "each file has one node that writes it");
  }
  for (const DeclaredPath& input : inputs) {
    index.find_needs(input, implied);
    if (implied.size() <= k_implied_edges_max) continue;
    implied.clear();
    return add_fault(FaultCode::limit, input.place,
                     "the inputs of the program make nodes wait for outputs more than " +
                         std::to_string(k_implied_edges_max) + " times",
                     "name fewer inputs by folders and globs");
  }
  edges.reserve(edges.size() + implied.size());
  for (const ImpliedEdge& edge : implied) edges.emplace_back(edge.node, edge.need);
}

// Appends what `node` waits for, ascending and each once.
void Builder::State::append_predecessors(NodeIndex node, std::vector<NodeIndex>& own) const {
  own.clear();
  for (const NodeIndex argument : dag.arguments(node)) {
    if (argument != Dag::Names::k_nobody) own.push_back(argument);
  }
  const auto first = std::lower_bound(edges.begin(), edges.end(), Edge{node, NodeIndex{0}});
  for (auto edge = first; edge != edges.end() && edge->first == node; ++edge)
    own.push_back(edge->second);
  if (!std::is_sorted(own.begin(), own.end())) std::sort(own.begin(), own.end());
  own.erase(std::unique(own.begin(), own.end()), own.end());
}

void Builder::State::make_predecessors() {
  if (dag.arguments_.empty() && edges.empty()) return;
  std::sort(edges.begin(), edges.end());
  dag.predecessor_begin_.reserve(dag.nodes_.size() + 1);
  dag.predecessor_begin_.push_back(0);
  dag.predecessors_.reserve(dag.arguments_.size() + edges.size());
  std::vector<NodeIndex> own;
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    append_predecessors({i}, own);
    dag.predecessors_.insert(dag.predecessors_.end(), own.begin(), own.end());
    DSCHED_ASSERT(dag.predecessors_.size() < UINT32_MAX, "edges are counted in 32 bits");
    dag.predecessor_begin_.push_back(static_cast<std::uint32_t>(dag.predecessors_.size()));
  }
}

void Builder::State::make_dependents() {
  if (dag.predecessors_.empty()) return;
  std::vector<std::uint32_t>& begin = dag.dependent_begin_;
  begin.assign(dag.nodes_.size() + 1, 0);
  for (const NodeIndex predecessor : dag.predecessors_) ++begin[predecessor.value + 1];
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  dag.dependents_.resize(dag.predecessors_.size());
  // begin[i] serves as the place for the next dependent of i, which leaves it where i + 1 begins.
  for (std::uint32_t i = 0; i < dag.nodes_.size(); ++i) {
    for (const NodeIndex predecessor : dag.predecessors({i}))
      dag.dependents_[begin[predecessor.value]++] = {i};
  }
  for (std::size_t i = begin.size() - 1; i > 0; --i) begin[i] = begin[i - 1];
  begin[0] = 0;
}

Graph Builder::State::graph() const {
  return {.nodes = dag.nodes_.size(),
          .predecessors = {dag.predecessor_begin_, dag.predecessors_},
          .dependents = {dag.dependent_begin_, dag.dependents_}};
}

void Builder::State::make_order() {
  dag.order_ = topological_order(graph());
  if (dag.order_.size() == dag.nodes_.size()) return;
  for (const std::vector<NodeIndex>& cycle : find_cycles(graph(), k_faults_max))
    report_cycle(cycle);
}

// The input that makes `node` wait for `need`, if one does. `implied` is in the order of the nodes,
// because their inputs were.
std::vector<ImpliedEdge>::const_iterator Builder::State::find_implied(NodeIndex node,
                                                                      NodeIndex need) const {
  auto edge = std::lower_bound(implied.begin(), implied.end(), node,
                               [](const ImpliedEdge& e, NodeIndex n) { return e.node < n; });
  for (; edge != implied.end() && edge->node == node; ++edge) {
    if (edge->need == need) return edge;
  }
  return implied.end();
}

void Builder::State::report_cycle(std::span<const NodeIndex> cycle) {
  std::string message = "cycle: ";
  std::string hint;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const NodeIndex need = cycle[(i + 1) % cycle.size()];
    const auto edge = hint.empty() ? find_implied(cycle[i], need) : implied.cend();
    const std::string_view node_id = dag.nodes_[cycle[i].value].node_id;
    if (hint.empty() && edge != implied.cend()) {
      hint = "input " + quoted(edge->path) + " of " + quoted(node_id) + " makes it wait for " +
             (need == cycle[i] ? "itself: it is its own output"
                               : quoted(dag.nodes_[need.value].node_id) + ", which writes it");
    }
    if (i == k_cycle_nodes_shown_max) {
      message += "(" + std::to_string(cycle.size() - i) + " more) -> ";
      break;
    }
    message += std::string(node_id) + " -> ";
  }
  message += dag.nodes_[cycle.front().value].node_id;
  if (hint.empty()) hint = "each of these nodes waits for the next one";
  add_fault(FaultCode::cycle, {Place::Kind::node, cycle.front(), 0}, std::move(message),
            std::move(hint));
}

}  // namespace dsched::dag
