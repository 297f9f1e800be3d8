// SPDX-License-Identifier: Apache-2.0
#pragma once
// The validated graph of a program: nodes, arguments (data), dependencies (order), goals, pools.
//
// A Dag is made once by dag::Builder (dag/builder.h). It has no cycle, every name in it is
// resolved, and every edge runs from a node to one that waits for it. It knows nothing of runs,
// files or stores. Edges lie in flat arrays (CSR), indexed by NodeIndex.
//
// The program's nodes never change. Behind them come those that expand() appends for the elements
// of map nodes (dag/maps.h). That a map node waits for their results is not among the edges of the
// map, which stay as they were.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text_arena.h"
#include "dag/maps.h"
#include "dag/node.h"
#include "dag/worker.h"

namespace dsched::dag {

struct Pool {
  std::string_view name;
  Slots limit;
};

// What a VoxLogica program prints of a goal.
enum class PrintKind : std::uint8_t {
  value,          // LABEL=VALUE, as `print` asks for
  line,           // its value, a text: of print_primitive
  element_lines,  // of a map: those lines that its elements' nodes make
};
struct Print {
  std::string_view label;  // not unique; of lines empty
  NodeIndex node;
  PrintKind kind = PrintKind::value;
};

// What the bytes of a node are to a VoxLogica program.
enum class Form : std::uint8_t {
  bytes,  // as they are
  line,   // of a command: a text without the last line feed
  value,  // the binary form of a value (value/encoding.h)
};

class Dag {
 public:
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t program_size() const { return order_.size(); }  // without expansions
  [[nodiscard]] std::string_view dag_id() const { return dag_id_; }         // never empty
  [[nodiscard]] const Node& node(NodeIndex node) const { return nodes_[node.value]; }
  [[nodiscard]] const Settings& settings(NodeIndex node) const {
    return settings_of(nodes_[node.value]);
  }
  // Of one that stands in a template, too.
  [[nodiscard]] const Settings& settings_of(const Node& node) const {
    return settings_[node.settings];
  }
  // "shell", "const", … or the NAME of a worker or of a dsched-op-NAME.
  [[nodiscard]] std::string_view operation_name(NodeIndex node) const {
    return name_of_operation(nodes_[node.value]);
  }
  [[nodiscard]] std::string_view name_of_operation(const Node& node) const {
    return operation_names_[node.operation_name];
  }
  [[nodiscard]] std::optional<NodeIndex> find(std::string_view node_id) const;
  // The node that declares exactly this (cleaned) output path.
  [[nodiscard]] std::optional<NodeIndex> producer_of(std::string_view output) const;

  // In the program's order, repeats included.
  [[nodiscard]] std::span<const NodeIndex> arguments(NodeIndex node) const {
    return slice(arguments_, argument_begin_, node);
  }
  // Everything the node waits for, arguments and order, each once, ascending.
  [[nodiscard]] std::span<const NodeIndex> predecessors(NodeIndex node) const {
    return slice(predecessors_, predecessor_begin_, node);
  }
  // Everything that waits for the node, each once, ascending; of the program's nodes only those of
  // the program.
  [[nodiscard]] std::span<const NodeIndex> dependents(NodeIndex node) const {
    return slice(dependents_, dependent_begin_, node);
  }
  // The argument that the node may read as standard input while that one still writes it: a stream,
  // named nowhere else in the node and not also a dependency, of a node that needs no consent. One
  // of its predecessors, too.
  [[nodiscard]] std::optional<NodeIndex> stream_of(NodeIndex reader) const;
  [[nodiscard]] bool has_streams() const { return !streams_.empty(); }
  // The program's nodes, each after its predecessors; ties by NodeIndex.
  [[nodiscard]] std::span<const NodeIndex> topological_order() const { return order_; }
  [[nodiscard]] std::span<const NodeIndex> goals() const {
    return goals_;
  }                                                                        // in the program's order
  [[nodiscard]] std::span<const Print> prints() const { return prints_; }  // in the program's order
  // Of an element of a list, too.
  [[nodiscard]] Form form_of(NodeIndex node) const;
  // "FILE:LINE:COLUMN" of the node in a program that has such places; else empty.
  [[nodiscard]] std::string place_of(NodeIndex node) const;
  [[nodiscard]] std::span<const Pool> pools() const { return pools_; }
  [[nodiscard]] std::span<const Worker> workers() const { return workers_; }
  // Of a node that is a request to a worker.
  [[nodiscard]] WorkerIndex worker_of(NodeIndex node) const {
    return {worker_of_name_[nodes_[node.value].operation_name]};
  }
  [[nodiscard]] std::string_view metadata() const { return metadata_; }  // JSON text; empty: none

  [[nodiscard]] const Maps& maps() const { return maps_; }
  // Appends what the template of `map` says for so many elements. Views and references that this
  // Dag handed out before are no longer valid, but for texts.
  const Expansion& expand(NodeIndex map, std::uint32_t elements);

 private:
  friend class Builder;
  static std::span<const NodeIndex> slice(const std::vector<NodeIndex>& all,
                                          const std::vector<std::uint32_t>& begin, NodeIndex node) {
    if (begin.empty()) return {};
    return std::span(all).subspan(begin[node.value], begin[node.value + 1] - begin[node.value]);
  }
  [[nodiscard]] std::optional<NodeIndex> find_within(NodeIndex map, std::string_view rest) const;
  void append(const TemplateNode& made_of, const Expansion& expansion, std::uint32_t element,
              NodeIndex copy_begin);
  class Names;                          // node_id -> NodeIndex
  std::shared_ptr<const void> text_;    // owns what the views point into; the front end knows how
  std::shared_ptr<const Names> names_;  // shared only so that its definition can stay inside
  std::string_view dag_id_;
  std::vector<Node> nodes_;
  std::vector<Settings> settings_;
  std::vector<std::string_view> operation_names_;
  std::vector<NodeIndex> arguments_, predecessors_, dependents_, order_, goals_;
  std::vector<std::uint32_t> argument_begin_, predecessor_begin_, dependent_begin_;
  std::vector<Pool> pools_;
  std::vector<std::pair<NodeIndex, NodeIndex>> streams_;  // reader and producer, by reader
  std::vector<Worker> workers_;
  std::vector<std::uint32_t> worker_of_name_;  // by operation name; empty without workers
  std::string_view metadata_;
  std::vector<std::string_view> sources_;
  std::vector<Print> prints_;
  Maps maps_;
  std::shared_ptr<TextArena> appended_ids_;  // shared so that a Dag can be copied
};

// The nodes needed to complete `targets`, themselves included, ascending.
[[nodiscard]] std::vector<NodeIndex> needed_for(const Dag& dag, std::span<const NodeIndex> targets);

// The map of the program whose expansion may have, or come to have, a node of this id.
[[nodiscard]] std::optional<NodeIndex> map_around(const Dag& dag, std::string_view id);

// What `node` waits for at this moment: its predecessors; of a map that was expanded, the results
// of its elements.
[[nodiscard]] std::vector<NodeIndex> needs_now(const Dag& dag, NodeIndex node);

// For each node the longest remaining path: its own duration and the heaviest chain of dependents.
// `durations` has one entry per node.
[[nodiscard]] std::vector<Nanoseconds> remaining_paths(const Dag& dag,
                                                       std::span<const Nanoseconds> durations);
// The same for the nodes of `expansion` alone: appends theirs to `remaining`, which has those of
// all nodes before. `durations` are theirs, the values of elements included.
void append_remaining_paths(const Dag& dag, const Expansion& expansion,
                            std::span<const Nanoseconds> durations,
                            std::vector<Nanoseconds>& remaining);

}  // namespace dsched::dag
