// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fan-out whose width is known only at run time: templates of map nodes, and the nodes that were
// made of them.
//
// A map node waits for a list. When the list is there the Dag is *expanded*: for each element a
// copy of the map's template is appended, a small graph with one result node. Appending changes
// nothing that was there before: new nodes need each other, the element, and arguments of the map
// node, which are all done by then; and only the map node waits for the results.
//
// An element is an argument like any other, so it has a NodeIndex; but it is no node: nothing of it
// is run, counted or shown. An expansion is these indices, all in one piece:
//
//   first …             one for the value of each element
//   first + elements …  the copies of the template, element by element
//
// So an expansion is known by the map node and the number of elements alone, and whoever repeats
// the expansions of an execution in their order (the journal has it) finds the same indices.
//
// Ids. The result node of element 3 of `m` is `m.3`; the result of a map within it `m.3.0`. Further
// nodes of a template have a suffix behind the number.
//
// When a list was lost and came out different, its map is expanded once more: the earlier expansion
// is then not current any more, its indices stay unused and its ids name the new nodes.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dag/node.h"

namespace dsched::dag {

struct TemplateArgument {
  enum class Kind : std::uint8_t {
    element,   // the element itself
    argument,  // arguments(map)[position]
    local,     // the copy of nodes[position], an earlier one of the same template
  };
  Kind kind = Kind::element;
  std::uint32_t position = 0;
};

struct TemplateNode {
  Node node;  // its node_id is the suffix: empty for the result
  std::vector<TemplateArgument> arguments;
  std::optional<std::uint32_t> inner;  // of a map: the index of its own template
};

// What the elements of a list are, and what is made of their results.
enum class MapKind : std::uint8_t {
  bytes,     // "map" of JSON programs: texts and JSON (session/elements.h)
  values,    // for and map of VoxLogica programs: a list of values gives one
  filtered,  // filter: the elements whose result is true
};

// What is made for each element.
struct Template {
  MapKind kind = MapKind::bytes;
  std::vector<TemplateNode> nodes;  // each behind those that it needs
  std::uint32_t result = 0;         // the index of the one whose result is the element's
};

struct Expansion {
  NodeIndex map;
  NodeIndex first;
  std::uint32_t elements = 0;
  std::uint32_t per_element = 1;  // nodes
  std::uint32_t result_at = 0;    // which of those is the result
  bool is_current = true;

  [[nodiscard]] NodeIndex value(std::uint32_t element) const { return {first.value + element}; }
  [[nodiscard]] bool is_value(NodeIndex node) const { return node.value < nodes_begin().value; }
  [[nodiscard]] NodeIndex nodes_begin() const { return {first.value + elements}; }
  [[nodiscard]] NodeIndex nodes_end() const {
    return {nodes_begin().value + elements * per_element};
  }
  [[nodiscard]] NodeIndex result(std::uint32_t element) const {
    return {nodes_begin().value + element * per_element + result_at};
  }
  [[nodiscard]] std::uint32_t element_of(NodeIndex node) const {
    return (node.value - nodes_begin().value) / per_element;
  }
};

// The part of a Dag that knows which nodes are maps and what was made of them.
class Maps {
 public:
  [[nodiscard]] bool empty() const { return maps_.empty(); }
  // The templates of all maps, nested ones included.
  [[nodiscard]] std::span<const Template> templates() const { return templates_; }
  // The template of a map node; of no other.
  [[nodiscard]] const Template& template_of(NodeIndex map) const;
  // In the order they were made.
  [[nodiscard]] std::span<const Expansion> expansions() const { return expansions_; }
  // The current one of a map node; null when it has none, or is no map.
  [[nodiscard]] const Expansion* of(NodeIndex map) const;
  // The expansion that this index is part of; null for a node of the program.
  [[nodiscard]] const Expansion* with(NodeIndex node) const;
  // False for the values of elements, and for what has been replaced.
  [[nodiscard]] bool is_node(NodeIndex node) const;

 private:
  friend class Dag;
  friend class Builder;
  struct Map {
    NodeIndex node;
    std::uint32_t template_index = 0;
    std::optional<std::uint32_t> expansion;  // the current one
  };
  [[nodiscard]] const Map* find(NodeIndex node) const;
  // Nodes come in ascending order.
  void add(NodeIndex node, std::uint32_t template_index) {
    maps_.push_back({node, template_index, {}});
  }
  void add(const Expansion& expansion);

  std::vector<Template> templates_;
  std::vector<Map> maps_;  // ascending
  std::vector<Expansion> expansions_;
};

}  // namespace dsched::dag
