// SPDX-License-Identifier: Apache-2.0
#include "journal/expansions.h"

#include "base/error.h"
#include "dag/builder.h"

namespace dsched::journal {

ExpandedLists repeat_expansions(Journal& journal, ExecutionNumber execution, dag::Dag& dag) {
  ExpandedLists lists;
  if (dag.maps().empty()) return lists;
  journal.each_outcome(execution, [&](Outcome&& outcome) {
    if (outcome.kind != Outcome::Kind::expanded) return;
    const std::size_t added = outcome.elements * std::size_t{2};
    const bool fits = outcome.node.value < dag.size() && outcome.first.value == dag.size() &&
                      dag.maps().is_node(outcome.node) &&
                      dag.node(outcome.node).operation == dag::Operation::map &&
                      dag.size() + added <= dag::k_nodes_max * std::size_t{2};
    if (!fits) {
      throw Error(ErrorKind::damaged, "journal: a map of execution " +
                                          std::to_string(execution.value) +
                                          " was expanded otherwise than its program says");
    }
    dag.expand(outcome.node, outcome.elements);
    lists.insert_or_assign(outcome.node, outcome.content);
  });
  return lists;
}

Outcome expanded_outcome(const dag::Expansion& expansion, const store::Content& list) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::expanded;
  outcome.node = expansion.map;
  outcome.attempt = 0;
  outcome.first = expansion.first;
  outcome.elements = expansion.elements;
  outcome.content = list;
  return outcome;
}

}  // namespace dsched::journal
