// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_bodies.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "value/primitives.h"
#include "value/text.h"

namespace dsched::imgql {

bool is_loop(std::string_view operator_name) {
  return value::takes_body(operator_name);
}

bool touches_world(std::string_view operator_name) {
  constexpr std::array<std::string_view, 6> k_names{
      "default.dir",   "default.load", "default.print_primitive",
      "default.shell", "test.impure",  "test.timewaste"};
  return std::find(k_names.begin(), k_names.end(), operator_name) != k_names.end();
}

Bodies::Bodies(const Graph& graph, std::vector<Fault>& faults) : graph_(graph), faults_(faults) {
  set_numbers_.emplace(std::vector<NodeId>{}, 0);
  set_of_.assign(graph.size(), 0);
  // What a loop needs of its closure is its body, which has a smaller number than the loop.
  for (NodeId node = 0; node < graph.size(); ++node) {
    const GraphNode& what = graph.node(node);
    if (what.kind == NodeKind::parameter) {
      sets_.push_back({node});
      set_of_[node] = static_cast<std::uint32_t>(sets_.size() - 1);
      set_numbers_.emplace(sets_.back(), set_of_[node]);
      continue;
    }
    if (what.kind != NodeKind::primitive) continue;
    std::uint32_t set = 0;
    for (const NodeId argument : graph.arguments(node)) {
      if (graph.node(argument).kind != NodeKind::closure) {
        set = united(set, set_of_[argument]);
        continue;
      }
      const Closure& closure = graph.closure(argument);
      set = united(set, without(set_of_[closure.result], closure.parameter_node));
    }
    set_of_[node] = set;
  }
}

std::uint32_t Bodies::united(std::uint32_t a, std::uint32_t b) {
  if (a == b || b == 0) return a;
  if (a == 0) return b;
  std::vector<NodeId> both;
  std::set_union(sets_[a].begin(), sets_[a].end(), sets_[b].begin(), sets_[b].end(),
                 std::back_inserter(both));
  const auto [at, is_new] =
      set_numbers_.try_emplace(both, static_cast<std::uint32_t>(sets_.size()));
  if (is_new) sets_.push_back(std::move(both));
  return at->second;
}

std::uint32_t Bodies::without(std::uint32_t set, NodeId parameter) {
  std::vector<NodeId> rest = sets_[set];
  if (std::erase(rest, parameter) == 0) return set;
  const auto [at, is_new] =
      set_numbers_.try_emplace(rest, static_cast<std::uint32_t>(sets_.size()));
  if (is_new) sets_.push_back(std::move(rest));
  return at->second;
}

bool Bodies::depends_on(NodeId node, NodeId parameter) const {
  const std::vector<NodeId>& set = sets_[set_of_[node]];
  return std::binary_search(set.begin(), set.end(), parameter);
}

std::vector<Ref> Bodies::needs(Ref ref) {
  const GraphNode& what = graph_.node(ref.node);
  std::vector<Ref> needed;
  const auto add = [&](Ref one) {
    if (graph_.node(one.node).kind != NodeKind::constant) needed.push_back(one);
  };
  const auto arguments = graph_.arguments(ref.node);
  if (what.kind != NodeKind::primitive) return needed;
  if (is_loop(what.operator_name)) {
    const NodeId closure = arguments[1];
    if (is_outside(closure)) {
      needed.push_back({arguments[0]});  // a map needs a node for its list
      for (const Ref one : parts(closure).outside) needed.push_back(one);
    } else {
      add({arguments[0]});
      for (const Ref one : whole(closure).captures) needed.push_back(one);
    }
    return needed;
  }
  if (what.operator_name == "default.shell") {
    for (const NodeId argument : arguments.subspan(1)) {
      const bool is_load = graph_.node(argument).operator_name == "default.load";
      needed.push_back({argument, is_load});  // constants, too: commands read files
    }
    return needed;
  }
  for (const NodeId argument : arguments) add({argument});
  if (what.operator_name == "default.load" && !ref.is_file) needed.push_back({ref.node, true});
  return needed;
}

bool Bodies::is_too_deep(NodeId closure) {
  if (depth_ < k_loops_max) return false;
  if (std::exchange(is_broken_, true)) return true;
  faults_.push_back({"E_DEPTH", graph_.node(graph_.closure(closure).result).place,
                     "loops are nested more than " + std::to_string(k_loops_max) + " deep"});
  return true;
}

const Bodies::Parts& Bodies::parts(NodeId closure) {
  if (known_[closure].parts) return *known_[closure].parts;
  auto parts = std::make_unique<Parts>();
  const Closure& of = graph_.closure(closure);
  if (!is_too_deep(closure)) {
    ++depth_;
    std::vector<Ref> open;
    std::set<Ref> outside;
    const auto add = [&](Ref ref) {
      if (ref.node == of.parameter_node) return;
      if (depends_on(ref.node, of.parameter_node)) {
        open.push_back(ref);
      } else {
        outside.insert(ref);
      }
    };
    add({of.result});
    std::set<Ref> inside;
    while (!open.empty()) {
      const Ref ref = open.back();
      open.pop_back();
      if (!inside.insert(ref).second) continue;
      for (const Ref one : needs(ref)) add(one);
    }
    // What a node needs has a smaller number, but a file comes before the value made of it.
    for (const Ref ref : inside) {
      if (ref.is_file && !parts->inside.empty() && parts->inside.back().node == ref.node) {
        parts->inside.insert(parts->inside.end() - 1, ref);
      } else {
        parts->inside.push_back(ref);
      }
    }
    parts->outside.assign(outside.begin(), outside.end());
    --depth_;
  }
  return *(known_[closure].parts = std::move(parts));
}

bool Bodies::is_outside(NodeId closure) {
  if (known_[closure].is_outside != Answer::unknown) {
    return known_[closure].is_outside == Answer::yes;
  }
  bool found = false;
  for (const Ref ref : parts(closure).inside) {
    const GraphNode& what = graph_.node(ref.node);
    found = found || touches_world(what.operator_name) ||
            (is_loop(what.operator_name) && is_outside(graph_.arguments(ref.node)[1]));
  }
  known_[closure].is_outside = found ? Answer::yes : Answer::no;
  return found;
}

std::set<NodeId> Bodies::named_captures(NodeId closure) const {
  const auto arguments = graph_.arguments(closure);
  std::set<NodeId> captures(arguments.begin(), arguments.end());
  std::vector<std::uint32_t> open = graph_.closure(closure).functions;
  std::set<std::uint32_t> seen(open.begin(), open.end());
  while (!open.empty()) {
    const FunctionCapture& function = graph_.function(open.back());
    open.pop_back();
    for (const auto& [name, node] : function.captures) captures.insert(node);
    for (const std::uint32_t called : function.functions) {
      if (seen.insert(called).second) open.push_back(called);
    }
  }
  return captures;
}

Bodies::Parts Bodies::all_of(NodeId closure) {
  const Closure& of = graph_.closure(closure);
  const std::set<NodeId> named = named_captures(closure);
  std::set<Ref> inside;
  std::set<Ref> outside;
  std::vector<Ref> open{{of.result}};
  while (!open.empty()) {
    const Ref ref = open.back();
    open.pop_back();
    const GraphNode& what = graph_.node(ref.node);
    if (ref.node == of.parameter_node || what.kind == NodeKind::constant) continue;
    const bool is_from_outside =
        what.kind == NodeKind::parameter || named.contains(ref.node) ||
        touches_world(what.operator_name) ||
        (is_loop(what.operator_name) && is_outside(graph_.arguments(ref.node)[1]));
    if (is_from_outside) {
      outside.insert(ref);
    } else if (inside.insert(ref).second) {
      for (const Ref one : needs(ref)) open.push_back(one);
    }
  }
  return {{inside.begin(), inside.end()}, {outside.begin(), outside.end()}};
}

value::Step Bodies::step_of(NodeId node, const std::map<Ref, std::uint32_t>& numbers) {
  const GraphNode& what = graph_.node(node);
  value::Step step;
  step.operator_name = what.operator_name;
  step.attributes = what.attributes;
  if (!is_loop(what.operator_name)) {
    for (const NodeId argument : graph_.arguments(node)) {
      step.arguments.push_back(numbers.at({argument}));
    }
    return step;
  }
  step.arguments.push_back(numbers.at({graph_.arguments(node)[0]}));
  const WholeBody& inner = whole(graph_.arguments(node)[1]);
  for (const Ref capture : inner.captures) step.arguments.push_back(numbers.at(capture));
  step.body = inner.body;
  return step;
}

const WholeBody& Bodies::whole(NodeId closure) {
  if (known_[closure].whole) return *known_[closure].whole;
  auto made = std::make_unique<WholeBody>();
  const Closure& of = graph_.closure(closure);
  static_cast<void>(parts(closure));  // finds out whether it is too deep
  if (is_broken_) return *(known_[closure].whole = std::move(made));
  const Parts all = all_of(closure);
  value::Body body;
  std::map<Ref, std::uint32_t> numbers{{{of.parameter_node}, 0}};
  for (const Ref ref : all.outside) {
    made->captures.push_back(ref);
    numbers.emplace(ref, static_cast<std::uint32_t>(made->captures.size()));
  }
  body.captures = static_cast<std::uint32_t>(made->captures.size());
  const auto add_constant = [&](NodeId node) {
    if (graph_.node(node).kind != NodeKind::constant || numbers.contains({node})) return;
    numbers.emplace(Ref{node}, body.first_step());
    body.constants.push_back(value::from_json(constant_json(graph_.node(node))));
  };
  add_constant(of.result);
  for (const Ref ref : all.inside) {
    for (const NodeId argument : graph_.arguments(ref.node)) add_constant(argument);
  }
  for (const Ref ref : all.inside) {
    numbers.emplace(ref, body.first_step() + static_cast<std::uint32_t>(body.steps.size()));
    body.steps.push_back(step_of(ref.node, numbers));
  }
  body.result = numbers.at({of.result});
  made->body = std::make_shared<const value::Body>(std::move(body));
  return *(known_[closure].whole = std::move(made));
}

}  // namespace dsched::imgql
