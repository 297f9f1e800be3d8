// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the bodies of for, filter and map need: of the element, and of what stands outside.
//
// What depends on a body's parameter belongs to the body; everything else is the same for each
// element. A body of which no node touches the world is evaluated as a whole (value/body.h), with
// all that stands in it, so nothing of it is evaluated over an empty sequence; only what it names
// from outside is handed in. The others become nodes for each element, and what is the same for
// each is one node outside. Touching the world are shell, load, dir, print_primitive and impure;
// timewaste is treated alike, so that its calls run beside each other.

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "program/imgql_graph.h"
#include "program/imgql_parser.h"
#include "value/body.h"

namespace dsched::imgql {

// What is needed of a node: its value, or of a load the bytes of its file.
struct Ref {
  NodeId node = k_no_node;
  bool is_file = false;
  auto operator<=>(const Ref&) const = default;
};

// A body that is evaluated as a whole.
struct WholeBody {
  std::shared_ptr<const value::Body> body;
  std::vector<Ref> captures;
};

// Loops in loops, as they stand after functions were called.
inline constexpr int k_loops_max = 40;

class Bodies {
 public:
  Bodies(const Graph& graph, std::vector<Fault>& faults);

  [[nodiscard]] bool depends_on(NodeId node, NodeId parameter) const;
  // The closure's body touches the world in what depends on its element.
  [[nodiscard]] bool is_outside(NodeId closure);
  // Of a closure that is_outside() denies.
  [[nodiscard]] const WholeBody& whole(NodeId closure);
  // What the node needs, in order, constants left out; where a loop's body is a whole, what it
  // captures; else what the nodes for its elements need from around.
  [[nodiscard]] std::vector<Ref> needs(Ref ref);
  // The nodes of a body, each behind those it needs, and what they need from outside.
  struct Parts {
    std::vector<Ref> inside;
    std::vector<Ref> outside;
  };
  [[nodiscard]] const Parts& parts(NodeId closure);

 private:
  enum class Answer : std::uint8_t { unknown, no, yes };
  struct Known {
    Answer is_outside = Answer::unknown;
    std::unique_ptr<WholeBody> whole;
    std::unique_ptr<Parts> parts;
  };
  [[nodiscard]] std::uint32_t united(std::uint32_t a, std::uint32_t b);
  [[nodiscard]] std::uint32_t without(std::uint32_t set, NodeId parameter);
  [[nodiscard]] bool is_too_deep(NodeId closure);
  // What the body names, and what the functions name that it calls.
  [[nodiscard]] std::set<NodeId> named_captures(NodeId closure) const;
  // As parts(), of a body that is evaluated as a whole.
  [[nodiscard]] Parts all_of(NodeId closure);
  [[nodiscard]] value::Step step_of(NodeId node, const std::map<Ref, std::uint32_t>& numbers);

  const Graph& graph_;
  std::vector<Fault>& faults_;
  // Which parameters a node depends on: the number of a set, 0 being the empty one.
  std::vector<std::uint32_t> set_of_;
  std::vector<std::vector<NodeId>> sets_{{}};
  std::map<std::vector<NodeId>, std::uint32_t> set_numbers_;
  std::unordered_map<NodeId, Known> known_;
  int depth_ = 0;
  bool is_broken_ = false;  // a fault was found: what is answered means nothing
};

[[nodiscard]] bool is_loop(std::string_view operator_name);
[[nodiscard]] bool touches_world(std::string_view operator_name);

}  // namespace dsched::imgql
