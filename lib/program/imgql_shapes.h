// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which operation a node of the graph becomes, with which parameters and arguments.

#include <optional>
#include <string>
#include <vector>

#include "dag/node.h"
#include "program/imgql_bodies.h"

namespace dsched::imgql {

struct Shape {
  dag::Operation operation = dag::Operation::primitive;
  std::string_view operator_name;  // of primitives and computations; of a map the loop's
  std::string parameters = "{}";
  std::vector<Ref> arguments;
  std::optional<NodeId> elements_of;  // of a map: its closure
};

class Shapes {
 public:
  Shapes(const Graph& graph, Bodies& bodies, std::vector<Fault>& faults)
      : graph_(graph), bodies_(bodies), faults_(faults) {}

  [[nodiscard]] Shape of(Ref ref);
  // More computations than this, and they are primitives: to ask a store for each and to hand it to
  // a thread costs more than most of them.
  static constexpr std::size_t k_computations_max = 4096;

 private:
  void set_arguments(Shape& shape, std::span<const NodeId> arguments, std::string_view more = {});
  void set_loop(Shape& shape, NodeId node);
  void set_shell(Shape& shape, Ref ref);
  void make_computation(Shape& shape);
  // Of a node that depends on nothing but constants.
  [[nodiscard]] std::optional<value::Value> constant_value(NodeId node, int depth) const;

  const Graph& graph_;
  Bodies& bodies_;
  std::vector<Fault>& faults_;
  std::size_t computations_ = 0;
};

}  // namespace dsched::imgql
