// SPDX-License-Identifier: Apache-2.0
// The part of Dag that grows: copies of templates for the elements of map nodes, and their names.
#include <algorithm>
#include <charconv>
#include <string>

#include "base/error.h"
#include "dag/dag.h"

namespace dsched::dag {
namespace {

// An array of begins that was left out because the program has no such edges.
void complete(std::vector<std::uint32_t>& begin, std::size_t nodes) {
  if (begin.empty()) begin.assign(nodes + 1, 0);
}

// Grows as push_back() would, so that many small expansions do not copy everything each time.
template <class Element>
void make_room(std::vector<Element>& all, std::size_t more) {
  if (all.size() + more > all.capacity()) all.reserve(std::max(all.size() + more, 2 * all.size()));
}

// The number at the beginning of `text` as an id has it, and what follows it.
struct Number {
  std::uint32_t value;
  std::string_view rest;
};
std::optional<Number> number_at(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || (digits > 1 && text.front() == '0')) return std::nullopt;
  return Number{value, text.substr(digits)};
}

}  // namespace

const Expansion& Dag::expand(NodeIndex map, std::uint32_t elements) {
  const Template& made_of = maps_.template_of(map);
  const std::size_t size = nodes_.size();
  complete(argument_begin_, size);
  complete(predecessor_begin_, size);
  complete(dependent_begin_, size);
  if (appended_ids_ == nullptr) appended_ids_ = std::make_shared<TextArena>();
  const Expansion expansion{.map = map,
                            .first = {static_cast<std::uint32_t>(size)},
                            .elements = elements,
                            .per_element = static_cast<std::uint32_t>(made_of.nodes.size()),
                            .result_at = made_of.result,
                            .is_current = true};
  const std::size_t more = elements * (made_of.nodes.size() + 1);
  DSCHED_ASSERT(size + more < UINT32_MAX, "who expands keeps to the limit of nodes");
  for (std::vector<std::uint32_t>* begin :
       {&argument_begin_, &predecessor_begin_, &dependent_begin_}) {
    make_room(*begin, more);
    begin->insert(begin->end(), elements, begin->back());
  }
  make_room(nodes_, more);
  // What stands for the element in messages is the node that gave the list.
  Node value;
  value.node_id = nodes_[arguments(map).front().value].node_id;
  value.operation_name = static_cast<std::uint32_t>(value.operation);
  value.parameters = "{}";
  nodes_.insert(nodes_.end(), elements, value);
  for (std::uint32_t element = 0; element < elements; ++element) {
    const NodeIndex copy_begin{static_cast<std::uint32_t>(nodes_.size())};
    for (const TemplateNode& node : made_of.nodes) append(node, expansion, element, copy_begin);
  }
  maps_.add(expansion);
  return maps_.expansions_.back();
}

void Dag::append(const TemplateNode& made_of, const Expansion& expansion, std::uint32_t element,
                 NodeIndex copy_begin) {
  const NodeIndex index{static_cast<std::uint32_t>(nodes_.size())};
  const std::size_t first_argument = arguments_.size();
  for (const TemplateArgument& argument : made_of.arguments) {
    switch (argument.kind) {
      case TemplateArgument::Kind::element:
        arguments_.push_back(expansion.value(element));
        break;
      case TemplateArgument::Kind::argument:
        arguments_.push_back(arguments_[argument_begin_[expansion.map.value] + argument.position]);
        break;
      case TemplateArgument::Kind::local:
        arguments_.push_back({copy_begin.value + argument.position});
        break;
    }
  }
  argument_begin_.push_back(static_cast<std::uint32_t>(arguments_.size()));
  const auto first_need = static_cast<std::ptrdiff_t>(predecessors_.size());
  predecessors_.insert(predecessors_.end(),
                       arguments_.begin() + static_cast<std::ptrdiff_t>(first_argument),
                       arguments_.end());
  std::sort(predecessors_.begin() + first_need, predecessors_.end());
  predecessors_.erase(std::unique(predecessors_.begin() + first_need, predecessors_.end()),
                      predecessors_.end());
  predecessor_begin_.push_back(static_cast<std::uint32_t>(predecessors_.size()));
  // Of the same copy, whoever names it as an argument; of the result, the map.
  const Template& whole = maps_.template_of(expansion.map);
  const std::uint32_t position = index.value - copy_begin.value;
  if (position == whole.result) dependents_.push_back(expansion.map);
  for (std::uint32_t later = position + 1; later < whole.nodes.size(); ++later) {
    const auto& named = whole.nodes[later].arguments;
    const bool uses = std::any_of(named.begin(), named.end(), [&](const TemplateArgument& one) {
      return one.kind == TemplateArgument::Kind::local && one.position == position;
    });
    if (uses) dependents_.push_back({copy_begin.value + later});
  }
  dependent_begin_.push_back(static_cast<std::uint32_t>(dependents_.size()));

  std::string id(nodes_[expansion.map.value].node_id);
  id += '.';
  id += std::to_string(element);
  id += made_of.node.node_id;
  Node node = made_of.node;
  node.node_id = appended_ids_->keep(id);
  nodes_.push_back(node);
  if (made_of.inner) maps_.add(index, *made_of.inner);
}

// `rest` is what follows the id of `map` in an id: ".3", ".3.0".
std::optional<NodeIndex> Dag::find_within(NodeIndex map, std::string_view rest) const {
  while (true) {
    const Expansion* const expansion = maps_.of(map);
    if (expansion == nullptr || rest.size() < 2) return std::nullopt;
    const auto number = number_at(rest.substr(1));
    if (!number || number->value >= expansion->elements) return std::nullopt;
    const Template& made_of = maps_.template_of(map);
    const std::uint32_t begin =
        expansion->nodes_begin().value + number->value * expansion->per_element;
    std::optional<NodeIndex> next;
    for (std::uint32_t i = 0; i < made_of.nodes.size(); ++i) {
      const std::string_view suffix = made_of.nodes[i].node.node_id;
      if (number->rest == suffix) return NodeIndex{begin + i};
      if (!made_of.nodes[i].inner || !number->rest.starts_with(suffix)) continue;
      if (number->rest[suffix.size()] != '.') continue;
      next = NodeIndex{begin + i};
      rest = number->rest.substr(suffix.size());
    }
    if (!next) return std::nullopt;
    map = *next;
  }
}

std::optional<NodeIndex> map_around(const Dag& dag, std::string_view id) {
  for (std::size_t dot = id.find('.'); dot != id.npos; dot = id.find('.', dot + 1)) {
    const bool is_number = dot + 1 < id.size() && id[dot + 1] >= '0' && id[dot + 1] <= '9';
    if (!is_number) continue;
    const auto node = dag.find(id.substr(0, dot));
    if (node && dag.node(*node).operation == Operation::map) return node;
  }
  return std::nullopt;
}

std::vector<NodeIndex> needs_now(const Dag& dag, NodeIndex node) {
  const Expansion* const expansion = dag.maps().of(node);
  std::vector<NodeIndex> needs;
  if (expansion != nullptr) {
    for (std::uint32_t i = 0; i < expansion->elements; ++i) needs.push_back(expansion->result(i));
    return needs;
  }
  for (const NodeIndex need : dag.predecessors(node)) {
    if (dag.maps().is_node(need)) needs.push_back(need);
  }
  return needs;
}

void append_remaining_paths(const Dag& dag, const Expansion& expansion,
                            std::span<const Nanoseconds> durations,
                            std::vector<Nanoseconds>& remaining) {
  const std::uint32_t end = expansion.nodes_end().value;
  const std::uint32_t first = expansion.first.value;
  DSCHED_ASSERT(remaining.size() == first && durations.size() == end - first,
                "paths are known of all that came before");
  remaining.resize(end, Nanoseconds{0});
  for (std::uint32_t i = end; i-- > expansion.nodes_begin().value;) {
    Nanoseconds heaviest{0};
    for (const NodeIndex dependent : dag.dependents({i}))
      heaviest = std::max(heaviest, remaining[dependent.value]);
    const Nanoseconds own = std::max(durations[i - first], Nanoseconds{0});
    remaining[i] = heaviest > Nanoseconds::max() - own ? Nanoseconds::max() : own + heaviest;
  }
}

}  // namespace dsched::dag
