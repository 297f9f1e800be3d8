// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the graph of a VoxLogica program to the Dag that is executed.
//
// Only what the goals need becomes a node. Constants stand in the parameters of the nodes that use
// them. Most nodes are primitives, evaluated in passing; those that may take long are computations,
// on threads of their own. load becomes two nodes, the file's bytes and what is made of them; a
// shell command that is given a load gets the bytes. A loop whose body touches the world becomes a
// map with a template (imgql_bodies.h).
//
// Parameters of primitives and computations are canonical JSON:
//
//   {"arguments":[1,"2.0"],"attributes":{"operator":"+"},"body":{…}}
//
// with a number for the node's argument of this position, from 1, and a text for a constant, which
// is the JSON of its value. Without "arguments" they are the node's, in order. "body" is that of a
// loop (value/body.h), "attributes" the graph node's.
//
// Ids. A node has the name of the declaration whose value it is, or OPERATOR@LINE:COLUMN; what
// would not be unique gets ~2, ~3 behind it.

#include <memory>
#include <optional>

#include "base/text_arena.h"
#include "dag/dag.h"
#include "program/imgql_reduce.h"

namespace dsched::imgql {

// What a Dag's texts are views of.
struct LoweredTexts {
  std::deque<Source> sources;
  TextArena texts;
};

struct ToLower {
  const Graph& graph;
  std::span<const Goal> goals;
  const Syntax& syntax;
  std::string_view dag_id;
  std::shared_ptr<LoweredTexts> texts;  // the names of the graph's nodes are views of its sources
};

// Empty when there are faults.
[[nodiscard]] std::optional<dag::Dag> lower(const ToLower& what, std::vector<Fault>& faults);

}  // namespace dsched::imgql
