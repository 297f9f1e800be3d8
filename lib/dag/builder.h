// SPDX-License-Identifier: Apache-2.0
#pragma once
// Makes a Dag out of what a front end has read, or says everything that is wrong with it.
//
// A front end adds nodes in the order of its text, by name; names may be used before the node that
// bears them is added. Nothing is checked while adding; build() resolves the names, finds the order
// that outputs imply, and reports all faults together. Views handed in must live as long as the
// owner given to the constructor.
//
// An input implies order when it is another node's output, a path below an output, a folder with an
// output below it, or a glob that matches an output. A glob in a folder's name does not look into
// output folders. The path of write_file counts as an output, that of read_file as an input.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dag/dag.h"

namespace dsched::dag {

inline constexpr std::size_t k_nodes_max = 10'000'000;
inline constexpr std::size_t k_node_id_bytes_max = 255;
// Faults beyond this many are only counted.
inline constexpr std::size_t k_faults_max = 100;

enum class FaultCode : std::uint8_t {
  duplicate_node,
  unknown_argument,
  unknown_goal,
  unknown_dependency,
  unknown_pool,
  cycle,
  duplicate_output,
  limit,         // more edges than can be held
  worker_field,  // a field that a request to a worker cannot have
};
// "duplicate_node", as it stands in a diagnostic.
[[nodiscard]] std::string_view name_of(FaultCode code);

// The part of the program that a fault is about.
struct Place {
  enum class Kind : std::uint8_t {
    node,             // the node as a whole
    node_id,          //
    argument,         // arguments[element]
    output,           // outputs[element]
    input,            // inputs[element]
    path,             // the path parameter of read_file and write_file
    pool,             // the pool field of the node
    goal,             // goals[element]
    dependency,       // the node named by dependency number `element`
    dependency_need,  // what dependency number `element` waits for
  };
  Kind kind = Kind::node;
  NodeIndex node;
  std::uint32_t element = 0;
  std::uint32_t depth = 0;  // of templates: 1 is the one of the node, 2 the one within that
};

struct Fault {
  FaultCode code = FaultCode::cycle;
  std::string message;
  Place place;
  std::string hint;  // what to do about it; empty when there is nothing to say
};

struct Faults {
  std::vector<Fault> faults;
  std::size_t more = 0;  // found beyond k_faults_max
};

// One entry of `dependencies`: `node` waits for `need`.
struct Dependency {
  std::string_view node;
  std::string_view need;
};

// A node as it is added. A node whose id is empty keeps its place but cannot be named.
struct NewNode {
  Node node;
  std::span<const std::string_view> arguments;
  std::string_view path;  // the cleaned path of read_file and write_file; else empty
  std::optional<std::uint32_t> template_index;  // of a map, which names all that its template needs
                                                // among its own arguments
};

class Builder {
 public:
  // `owner` keeps the text alive that the views point into; the Dag holds it too.
  explicit Builder(std::shared_ptr<const void> owner);
  ~Builder();
  Builder(Builder&&) noexcept;
  Builder& operator=(Builder&&) noexcept;

  // How many nodes there will be; only a hint. Best given when some have come already.
  void expect(std::size_t nodes);
  void set_names(std::string_view dag_id, std::string_view metadata);
  // What Node::source counts.
  void set_sources(std::vector<std::string_view> names);
  // Something is printed of this node, which must be a goal, too.
  void add_print(PrintKind kind, std::string_view label, std::string_view node_id);
  void add_pool(const Pool& pool);
  // Nodes added as `external` under its name are requests to it, wherever the worker is declared.
  void add_worker(Worker worker);
  // The index of the pool of this name, for Settings::pool; it may be added later.
  [[nodiscard]] PoolIndex pool_named(std::string_view name);
  // The index of Settings equal to these (Node::settings); those with outputs are kept for each
  // node, because two nodes with an equal output are a fault.
  [[nodiscard]] std::uint32_t add_settings(Settings settings);
  // The index of this name (Node::operation_name).
  [[nodiscard]] std::uint32_t add_operation_name(std::string_view name);
  NodeIndex add_node(const NewNode& node);
  // The index of this template, for NewNode and for TemplateNode::inner.
  [[nodiscard]] std::uint32_t add_template(Template made_of);
  void add_dependency(const Dependency& dependency);
  // Without any goal, the nodes that nobody waits for are the goals.
  void add_goal(std::string_view node_id);
  [[nodiscard]] std::variant<Dag, Faults> build() &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dsched::dag
