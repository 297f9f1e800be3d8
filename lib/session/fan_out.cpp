// SPDX-License-Identifier: Apache-2.0
#include "session/fan_out.h"

#include <algorithm>

#include "dag/operation.h"

namespace dsched::session {
namespace {

bool is_in_memory_of_fan_out(dag::Operation operation) {
  return operation == dag::Operation::constant || operation == dag::Operation::concat ||
         operation == dag::Operation::map;
}

bool is_evaluated_in_passing(dag::Operation operation) {
  return operation == dag::Operation::map || operation == dag::Operation::primitive;
}

// The id is behind `id` and a dot: that of a node within it.
bool is_behind(std::string_view target, std::string_view id) {
  return target.size() > id.size() + 1 && target.starts_with(id) && target[id.size()] == '.';
}

}  // namespace

ResultArray::Kind result_kind(const dag::Node& node) {
  if (node.operation == dag::Operation::map) return ResultArray::Kind::json;
  if (node.operation != dag::Operation::constant) return ResultArray::Kind::bytes;
  return dag::const_value(node).starts_with('"') ? ResultArray::Kind::bytes
                                                 : ResultArray::Kind::json;
}

std::optional<Recalled> FanOut::take_recalled(NodeIndex node) {
  const auto found = recalled_.find(node);
  if (found == recalled_.end()) return std::nullopt;
  Recalled recalled = std::move(found->second);
  recalled_.erase(found);
  return recalled;
}

void FanOut::hand_down(std::string_view id, journal::Outcome&& completed) {
  if (completed.key) handed_down_.insert_or_assign(std::string(id), std::move(completed));
}

std::optional<journal::Outcome> FanOut::take_handed_down(NodeIndex node) {
  if (handed_down_.empty()) return std::nullopt;
  auto found = handed_down_.extract(std::string(dag_.node(node).node_id));
  if (!found) return std::nullopt;
  found.mapped().node = node;
  return std::move(found.mapped());
}

bool FanOut::is_of(NodeIndex map, const store::Content& list) const {
  const auto found = lists_.find(map);
  return found != lists_.end() && found->second == list && dag_.maps().of(map) != nullptr;
}

engine::Expanded::Wanted FanOut::wanted(NodeIndex map) const {
  return partly_wanted_.contains(map) ? engine::Expanded::Wanted::some
                                      : engine::Expanded::Wanted::all;
}

std::vector<engine::NodePlan> FanOut::plan(const dag::Expansion& expansion) {
  const std::uint32_t first = expansion.first.value;
  std::vector<engine::NodePlan> plans(expansion.nodes_end().value - first);
  for (std::uint32_t i = 0; i < expansion.elements; ++i) {
    plans[i] = {.wanted = false, .in_process = true, .duration = {}, .expected = {}};
  }
  const bool is_partly = wanted(expansion.map) == engine::Expanded::Wanted::some;
  for (std::uint32_t i = expansion.elements; i < plans.size(); ++i) {
    const NodeIndex node{first + i};
    const auto arguments = dag_.arguments(node);
    plans[i].wanted = !is_partly;
    plans[i].in_process =
        is_evaluated_in_passing(dag_.node(node).operation) ||
        (is_in_memory_of_fan_out(dag_.node(node).operation) && !dag_.settings(node).approval &&
         std::all_of(arguments.begin(), arguments.end(), [&](NodeIndex argument) {
           if (argument.value >= first) return plans[argument.value - first].in_process;
           return values_.is_in_process(argument);
         }));
  }
  if (!is_partly) return plans;
  for (std::size_t i = plans.size(); i-- > expansion.elements;) {
    const NodeIndex node{first + static_cast<std::uint32_t>(i)};
    const std::string_view id = dag_.node(node).node_id;
    for (const InnerTarget& target : targets_) {
      if (target.id == id) {
        plans[i].wanted = true;
      } else if (is_behind(target.id, id) && dag_.node(node).operation == dag::Operation::map) {
        if (!plans[i].wanted) partly_wanted_.insert(node);
        plans[i].wanted = true;
      }
    }
    if (std::any_of(targets_.begin(), targets_.end(),
                    [id](const InnerTarget& target) { return target.id == id; })) {
      partly_wanted_.erase(node);
    }
    for (const NodeIndex need : dag_.predecessors(node)) {
      if (plans[i].wanted && need >= expansion.nodes_begin()) {
        plans[need.value - first].wanted = true;
      }
    }
  }
  return plans;
}

std::vector<NodeIndex> FanOut::goals(const dag::Expansion& expansion) const {
  std::vector<NodeIndex> found;
  for (const InnerTarget& target : targets_) {
    if (!target.is_goal) continue;
    const auto node = dag_.find(target.id);
    if (node && dag_.maps().with(*node) == &expansion) found.push_back(*node);
  }
  return found;
}

std::optional<std::string> FanOut::missing(const dag::Expansion& expansion) const {
  const std::string_view map = dag_.node(expansion.map).node_id;
  for (const InnerTarget& target : targets_) {
    if (!is_behind(target.id, map)) continue;
    bool is_there = dag_.find(target.id).has_value();
    for (std::uint32_t i = 0; !is_there && i < expansion.elements; ++i) {
      const NodeIndex node = expansion.result(i);
      is_there = dag_.node(node).operation == dag::Operation::map &&
                 is_behind(target.id, dag_.node(node).node_id);
    }
    if (is_there) continue;
    return "there is no node " + target.id + ": the list has " +
           std::to_string(expansion.elements) + " elements";
  }
  return std::nullopt;
}

}  // namespace dsched::session
