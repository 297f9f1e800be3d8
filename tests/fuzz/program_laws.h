// SPDX-License-Identifier: Apache-2.0
#pragma once
// What must hold for every text given to the program reader, valid or not.
//
// Shared by the fuzzer and by the test that replays its corpus.

#include <string>
#include <variant>

#include "base/canonical_json.h"
#include "base/text.h"
#include "dag/operation.h"
#include "program/json_program.h"

namespace dsched {

// Reads everything a node has to say, which aborts if the front end let something through.
template <class Check>
void check_node(const dag::Dag& dag, NodeIndex index, Check check) {
  const dag::Node& node = dag.node(index);
  check(dag.find(node.node_id) == index);
  check(canonical_json(node.parameters) == node.parameters);
  for (const NodeIndex predecessor : dag.predecessors(index)) check(predecessor != index);
  const std::size_t arguments = dag.arguments(index).size();
  switch (node.operation) {
    case dag::Operation::shell: {
      const dag::ShellParameters shell = dag::shell_parameters(node);
      check(!shell.stdin_argument || shell.stdin_argument->value < arguments);
      break;
    }
    case dag::Operation::exec:
      check(!dag::exec_parameters(node).argv.empty());
      break;
    case dag::Operation::constant:
      check(is_utf8(dag::const_bytes(node)));
      break;
    case dag::Operation::read_file:
    case dag::Operation::write_file:
      check(!dag::path_parameter(node).empty());
      break;
    case dag::Operation::concat:
      check(is_utf8(dag::concat_separator(node)));
      break;
    case dag::Operation::sleep:
      check(dag::sleep_duration(node) >= Nanoseconds{0});
      break;
    case dag::Operation::worker:
      check(dag.worker_of(index).value < dag.workers().size());
      check(!dag.workers()[dag.worker_of(index).value].command.empty());
      break;
    case dag::Operation::external:
      check(!dag.operation_name(index).empty());
      break;
    case dag::Operation::map:
      check(arguments > 0);
      check(dag.maps().template_of(index).nodes.size() == 1);
      break;
    case dag::Operation::primitive:
    case dag::Operation::computation:
    case dag::Operation::load:
    case dag::Operation::list_folder:
    case dag::Operation::save:
      check(false);  // no program in JSON has these
      break;
  }
}

// Calls check(false) where a law is broken.
template <class Check>
void check_program_laws(const std::string& text, Check check) {
  const auto read = program::read_json_program(program::source_from(text));
  if (const dag::Dag* dag = std::get_if<dag::Dag>(&read)) {
    check(dag->topological_order().size() == dag->size());
    check(dag->size() == 0 || !dag->goals().empty());
    for (std::uint32_t i = 0; i < dag->size(); ++i) check_node(*dag, {i}, check);
    return;
  }
  const auto& diagnostics = std::get<std::vector<program::Diagnostic>>(read);
  check(!diagnostics.empty());
  check(diagnostics.size() <= program::k_diagnostics_max + 1);
  for (const program::Diagnostic& diagnostic : diagnostics) {
    check(!diagnostic.code.empty() && !diagnostic.message.empty());
    check(diagnostic.line > 0 || diagnostic.code == "more");
  }
}

}  // namespace dsched
