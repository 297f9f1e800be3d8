// SPDX-License-Identifier: Apache-2.0
#pragma once
// The content-addressed graph that a VoxLogica program is reduced to.
//
// Equal nodes are one node. They are told apart by their parts while the graph is made, and by the
// reference's ids (SHA-256 of a canonical JSON text) only where somebody asks for one: hashing
// costs more than all the rest. Nodes are never removed; arguments always have smaller numbers.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/flat_index.h"
#include "base/text_arena.h"
#include "program/imgql_syntax.h"

namespace dsched::imgql {

using NodeId = std::uint32_t;
inline constexpr NodeId k_no_node = UINT32_MAX;

enum class NodeKind : std::uint8_t {
  constant,
  primitive,
  closure,
  parameter,  // of a closure's body; reached from no goal
};
enum class OutputKind : std::uint8_t { scalar, sequence, overlay, closure };

// A function that a closure's body calls, as it was where the closure was made.
struct FunctionCapture {
  std::string_view name;
  std::vector<std::string_view> parameters;
  std::string body;  // canonical text
  std::vector<std::pair<std::string_view, NodeId>> captures;
  std::vector<std::uint32_t> functions;  // numbers for Graph::function, smaller than its own
  bool operator==(const FunctionCapture&) const = default;
};

struct Closure {
  std::string_view parameter;
  std::string body;                             // canonical text
  std::vector<std::string_view> capture_names;  // sorted; the node's arguments in this order
  std::vector<std::uint32_t> functions;         // sorted by name
  NodeId parameter_node = k_no_node;            // stands for the element in `result`
  NodeId result = k_no_node;                    // the reduced body
};

struct GraphNode {
  NodeKind kind = NodeKind::constant;
  OutputKind output = OutputKind::scalar;
  std::uint32_t arguments_begin = 0;
  std::uint32_t arguments_count = 0;
  std::uint32_t closure = 0;  // number for Graph::closure
  Place place = 0;            // where the program says it first
  std::string_view operator_name;
  std::string_view attributes;  // JSON object; of a closure what tells it from others
  std::string_view name;        // of the first declaration whose value it is; empty: none
};

// Of a constant: the JSON text of its value, with Infinity as Python writes it.
[[nodiscard]] inline std::string_view constant_json(const GraphNode& constant) {
  constexpr std::string_view k_before = "{\"value\":";
  return constant.attributes.substr(k_before.size(),
                                    constant.attributes.size() - k_before.size() - 1);
}

struct Goal {
  bool is_save = false;
  NodeId node = k_no_node;
  std::string_view name;  // the label, or where to save
  Place place = 0;
};

class Graph {
 public:
  [[nodiscard]] NodeId add_constant(std::string_view json_value);
  [[nodiscard]] NodeId add_primitive(std::string_view operator_name, OutputKind output,
                                     std::span<const NodeId> arguments,
                                     std::string_view attributes = "{}");
  [[nodiscard]] NodeId add_closure(Closure closure, std::span<const NodeId> captures);
  [[nodiscard]] NodeId add_parameter();
  // Equal functions have one number.
  [[nodiscard]] std::uint32_t add_function(FunctionCapture function);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] const GraphNode& node(NodeId id) const { return nodes_[id]; }
  [[nodiscard]] std::span<const NodeId> arguments(NodeId id) const {
    return std::span(arguments_).subspan(nodes_[id].arguments_begin, nodes_[id].arguments_count);
  }
  [[nodiscard]] const Closure& closure(NodeId id) const { return closures_[nodes_[id].closure]; }
  // Once for a closure: what is reduced again is equal.
  void set_body(NodeId closure, NodeId parameter, NodeId result);
  // Where the nodes that are added from now on stand in the program.
  void set_place(Place place) { place_ = place; }
  void set_name(NodeId node, std::string_view name) {
    if (nodes_[node].name.empty()) nodes_[node].name = name;
  }
  [[nodiscard]] const FunctionCapture& function(std::uint32_t number) const {
    return functions_[number];
  }
  // The reference's id; computed when it is first asked for.
  [[nodiscard]] const Digest& id(NodeId node);

 private:
  [[nodiscard]] NodeId intern(GraphNode node, std::span<const NodeId> arguments);
  // The ids of arguments and captures are known.
  [[nodiscard]] std::string json_of(NodeId node);
  void append_closure(std::string& out, const Closure& closure);
  void append_function_start(std::string& out, const FunctionCapture& function);
  // Adds what the id of `node` is made of and has no id yet.
  void add_missing_ids(NodeId node, std::vector<NodeId>& missing) const;

  std::vector<GraphNode> nodes_;
  std::vector<NodeId> arguments_;
  std::vector<Closure> closures_;
  std::vector<FunctionCapture> functions_;
  std::vector<std::optional<Digest>> ids_;
  TextArena texts_;
  FlatIndex index_;
  FlatIndex function_index_;
  Place place_ = 0;
};

// Written out, a function that a loop calls has those that it calls in it, each as often as it is
// called: more than this is refused with an Error. Only ids and graphs are written out.
inline constexpr std::size_t k_written_max = std::size_t{1} << 26;  // bytes
void check_written_size(std::size_t bytes);

// As Python's json module writes it: everything beyond ASCII as \uXXXX.
void append_ascii_json(std::string& out, std::string_view text);

// What `--print-graph json` shows: what the goals need, each node behind what it needs, ties by id.
[[nodiscard]] std::string graph_json(Graph& graph, std::span<const Goal> goals);
// For Graphviz.
[[nodiscard]] std::string graph_dot(Graph& graph, std::span<const Goal> goals);

}  // namespace dsched::imgql
