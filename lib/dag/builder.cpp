// SPDX-License-Identifier: Apache-2.0
#include "dag/builder.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "dag/builder_state.h"
#include "dag/dag_parts.h"

namespace dsched::dag {
namespace {

// Operations have their numbers as indices of operation_names_; names of their own come behind.
bool takes_name_from_text(Operation operation) {
  return has_own_name(operation) && operation != Operation::worker;
}

void add_hash(std::size_t& hash, std::string_view text) {
  hash = hash * 31 + std::hash<std::string_view>{}(text);
}

// Equal settings have equal hashes; the fields that seldom differ alone are left to operator==.
std::size_t settings_hash(const Settings& settings) {
  std::size_t hash = settings.inputs_declared ? 1 : 0;
  for (const std::string_view input : settings.inputs) add_hash(hash, input);
  for (const auto& [name, value] : settings.environment) {
    add_hash(hash, name);
    add_hash(hash, value);
  }
  add_hash(hash, settings.depfile);
  add_hash(hash, settings.metadata);
  const auto add_number = [&](std::size_t number) { hash = hash * 31 + number; };
  add_number(static_cast<std::size_t>(settings.timeout.value_or(Nanoseconds{0}).count()));
  add_number(static_cast<std::size_t>(settings.expected.value_or(Nanoseconds{0}).count()));
  add_number(static_cast<std::size_t>(settings.backoff.count()));
  add_number(settings.max_retries.value_or(0));
  add_number(settings.priority.level);
  add_number(settings.slots.count);
  add_number(settings.pool ? settings.pool->value + 1 : 0);
  return hash;
}

}  // namespace

std::string_view name_of(FaultCode code) {
  switch (code) {
    case FaultCode::duplicate_node:
      return "duplicate_node";
    case FaultCode::unknown_argument:
      return "unknown_argument";
    case FaultCode::unknown_goal:
      return "unknown_goal";
    case FaultCode::unknown_dependency:
      return "unknown_dependency";
    case FaultCode::unknown_pool:
      return "unknown_pool";
    case FaultCode::cycle:
      return "cycle";
    case FaultCode::duplicate_output:
      return "duplicate_output";
    case FaultCode::limit:
      return "limit";
    case FaultCode::worker_field:
      return "unsupported";
  }
  return "cycle";
}

Builder::Builder(std::shared_ptr<const void> owner) : state_(std::make_unique<State>()) {
  state_->dag.text_ = std::move(owner);
  state_->names = std::make_shared<Dag::Names>();
  state_->dag.settings_.emplace_back();
  state_->settings_by_hash.emplace(settings_hash(Settings{}), 0);
  state_->dag.argument_begin_.push_back(0);
  for (std::uint8_t number = 0; number <= k_operations_max; ++number)
    state_->dag.operation_names_.push_back(name_of(static_cast<Operation>(number)));
}

Builder::~Builder() = default;
Builder::Builder(Builder&&) noexcept = default;
Builder& Builder::operator=(Builder&&) noexcept = default;

void Builder::expect(std::size_t nodes) {
  nodes = std::min(nodes, k_nodes_max);
  const std::size_t so_far = state_->dag.nodes_.size();
  if (so_far > 0) state_->dag.settings_.reserve(state_->dag.settings_.size() * nodes / so_far);
  state_->dag.nodes_.reserve(nodes);
  state_->dag.argument_begin_.reserve(nodes + 1);
  state_->names->ids.reserve(nodes);
  state_->names->bearers.reserve(nodes);
}

void Builder::set_names(std::string_view dag_id, std::string_view metadata) {
  state_->dag.dag_id_ = dag_id;
  state_->dag.metadata_ = metadata;
}

PoolIndex Builder::pool_named(std::string_view name) {
  const Symbol symbol = state_->pool_names.intern(name);
  if (symbol.value == state_->dag.pools_.size()) {
    state_->dag.pools_.push_back({name, Slots{0}});
  }
  return {symbol.value};
}

void Builder::set_sources(std::vector<std::string_view> names) {
  state_->dag.sources_ = std::move(names);
}

void Builder::add_print(PrintKind kind, std::string_view label, std::string_view node_id) {
  state_->dag.prints_.push_back({label, {}, kind});
  state_->printed.push_back(node_id);
}

void Builder::add_pool(const Pool& pool) {
  DSCHED_ASSERT(pool.limit.count > 0, "a limit of nothing would never let a node run");
  state_->dag.pools_[pool_named(pool.name).value].limit = pool.limit;
}

void Builder::add_worker(Worker worker) {
  state_->dag.workers_.push_back(std::move(worker));
}

std::uint32_t Builder::add_settings(Settings settings) {
  std::vector<Settings>& all = state_->dag.settings_;
  const auto index = static_cast<std::uint32_t>(all.size());
  if (!settings.outputs.empty()) {
    all.push_back(std::move(settings));
    return index;
  }
  if (settings == all[state_->last_settings]) return state_->last_settings;
  const std::size_t hash = settings_hash(settings);
  const auto [first, last] = state_->settings_by_hash.equal_range(hash);
  for (auto known = first; known != last; ++known) {
    if (all[known->second] == settings) return state_->last_settings = known->second;
  }
  state_->last_settings = index;
  state_->settings_by_hash.emplace(hash, index);
  all.push_back(std::move(settings));
  return index;
}

std::uint32_t Builder::add_operation_name(std::string_view name) {
  std::vector<std::string_view>& names = state_->dag.operation_names_;
  if (state_->external_names.size() == 0) state_->first_external = names.size();
  const Symbol symbol = state_->external_names.intern(name);
  const std::size_t index = state_->first_external + symbol.value;
  if (index == names.size()) names.push_back(name);
  return static_cast<std::uint32_t>(index);
}

NodeIndex Builder::add_node(const NewNode& added) {
  State& state = *state_;
  const NodeIndex index{static_cast<std::uint32_t>(state.dag.nodes_.size())};
  DSCHED_ASSERT(index.value < k_nodes_max, "the front end refuses larger programs");
  Node node = added.node;
  if (!takes_name_from_text(node.operation))
    node.operation_name = static_cast<std::uint32_t>(node.operation);
  state.dag.nodes_.push_back(node);
  state.pending_ids.push_back(node.node_id);
  state.pending_arguments.insert(state.pending_arguments.end(), added.arguments.begin(),
                                 added.arguments.end());
  state.argument_count += added.arguments.size();
  DSCHED_ASSERT(state.argument_count < UINT32_MAX, "arguments are counted in 32 bits");
  state.dag.argument_begin_.push_back(static_cast<std::uint32_t>(state.argument_count));
  if (added.template_index) state.dag.maps_.add(index, *added.template_index);
  if (!added.path.empty()) state.paths.push_back({added.path, {Place::Kind::path, index, 0}});
  if (state.pending_ids.size() + state.pending_arguments.size() >= NameTable::k_batch)
    state.flush();
  return index;
}

std::uint32_t Builder::add_template(Template made_of) {
  std::vector<Template>& all = state_->dag.maps_.templates_;
  for (TemplateNode& added : made_of.nodes) {
    if (!takes_name_from_text(added.node.operation))
      added.node.operation_name = static_cast<std::uint32_t>(added.node.operation);
  }
  all.push_back(std::move(made_of));
  return static_cast<std::uint32_t>(all.size() - 1);
}

void Builder::add_dependency(const Dependency& dependency) {
  state_->dependencies.push_back(dependency);
}

void Builder::add_goal(std::string_view node_id) {
  state_->goals.push_back(node_id);
}

// Interns what has gathered: first the ids, so that most arguments find theirs already known.
void Builder::State::flush() {
  std::vector<NodeIndex>& bearers = names->bearers;
  symbols.resize(pending_ids.size());
  names->ids.intern(pending_ids, symbols);
  bearers.resize(names->ids.size(), Dag::Names::k_nobody);
  std::uint32_t index = static_cast<std::uint32_t>(dag.nodes_.size() - pending_ids.size());
  for (std::size_t i = 0; i < symbols.size(); ++i, ++index) {
    if (pending_ids[i].empty()) continue;
    NodeIndex& bearer = bearers[symbols[i].value];
    if (bearer == Dag::Names::k_nobody) {
      bearer = {index};
    } else {
      add_fault(FaultCode::duplicate_node, {Place::Kind::node_id, {index}, 0},
                "two nodes are named " + quoted(pending_ids[i]),
                "the other one is in line " + std::to_string(dag.nodes_[bearer.value].line));
    }
  }
  symbols.resize(pending_arguments.size());
  names->ids.intern(pending_arguments, symbols);
  bearers.resize(names->ids.size(), Dag::Names::k_nobody);
  for (const Symbol symbol : symbols) dag.arguments_.push_back({symbol.value});
  pending_ids.clear();
  pending_arguments.clear();
}

}  // namespace dsched::dag
