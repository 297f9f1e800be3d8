// SPDX-License-Identifier: Apache-2.0
#include "session/resume.h"

#include <algorithm>
#include <map>

namespace dsched::session {

using journal::Outcome;

namespace {

// Of nodes whose expansion was replaced: what was completed counts for the nodes that have their
// ids now, if the keys are the same.
void hand_down(const dag::Dag& dag, std::map<NodeIndex, Recalled>& recalled, History& history) {
  const auto give = [&](NodeIndex old, Outcome&& outcome) {
    const auto node = dag.find(dag.node(old).node_id);
    if (!node || !outcome.key || recalled.contains(*node)) return;
    outcome.node = *node;
    outcome.kind = Outcome::Kind::kept;
    history.kept.emplace(*node, std::move(outcome));
  };
  const auto is_replaced = [&](NodeIndex node) {
    return node.value < dag.size() && !dag.maps().is_node(node);
  };
  std::vector<Outcome> kept;
  std::erase_if(history.kept, [&](auto& entry) {
    if (!is_replaced(entry.first)) return false;
    kept.push_back(std::move(entry.second));
    return true;
  });
  for (auto& [old, node] : recalled) {
    if (is_replaced(old) && node.completed) give(old, std::move(*node.completed));
  }
  for (Outcome& outcome : kept) {
    const NodeIndex old = outcome.node;
    give(old, std::move(outcome));
  }
  std::erase_if(recalled, [&](const auto& entry) { return is_replaced(entry.first); });
}

}  // namespace

History read_history(journal::Journal& journal, const journal::ExecutionRecord& record,
                     const std::vector<std::string>& named, dag::Dag& dag) {
  std::map<NodeIndex, Recalled> recalled;
  History history;
  history.lists = journal::repeat_expansions(journal, record.number, dag);
  std::unordered_map<NodeIndex, bool> under_way;
  journal.each_outcome(record.number, [&](Outcome&& outcome) {
    if (outcome.kind == Outcome::Kind::kept) {
      history.kept.insert_or_assign(outcome.node, std::move(outcome));
      return;
    }
    if (outcome.kind == Outcome::Kind::expanded) return;
    Recalled& node = recalled[outcome.node];
    node.node = outcome.node;
    node.attempts = std::max(node.attempts, outcome.attempt);
    under_way[outcome.node] = outcome.kind == Outcome::Kind::started;
    if (outcome.kind == Outcome::Kind::completed) {
      node.completed = std::move(outcome);
    } else {
      node.completed.reset();  // it ran again after its result was lost
    }
  });
  hand_down(dag, recalled, history);
  for (auto& [index, node] : recalled) {
    if (index.value >= dag.size()) continue;  // of a program that was replaced
    const auto is_it = [&, id = dag.node(index).node_id](const std::string& name) {
      return name == id;
    };
    const bool has_word = std::any_of(named.begin(), named.end(), is_it);
    node.needs_decision = under_way[index] && !dag.settings(index).idempotent && !has_word;
    history.recalled.push_back(std::move(node));
  }
  return history;
}

History carry_over(History&& history, const dag::Dag& before, dag::Dag& now) {
  History carried;
  for (const dag::Expansion& expansion : before.maps().expansions()) {
    const auto map = now.find(before.node(expansion.map).node_id);
    const bool is_map = map && now.node(*map).operation == dag::Operation::map;
    if (!expansion.is_current || !is_map) continue;
    now.expand(*map, expansion.elements);
    carried.lists.emplace(*map, history.lists.at(expansion.map));
  }
  const auto keep = [&](NodeIndex old, Outcome&& outcome) {
    if (old.value >= before.size()) return;
    const auto node = now.find(before.node(old).node_id);
    if (!node || !outcome.key) return;
    outcome.node = *node;
    outcome.kind = Outcome::Kind::kept;
    carried.kept.insert_or_assign(*node, std::move(outcome));
  };
  for (auto& [node, outcome] : history.kept) keep(node, std::move(outcome));
  for (Recalled& recalled : history.recalled) {
    if (recalled.completed) keep(recalled.node, std::move(*recalled.completed));
  }
  return carried;
}

void write_kept(journal::Journal& journal, ExecutionNumber execution, const History& history,
                const dag::Dag& dag) {
  std::map<NodeIndex, const Outcome*> sorted;
  for (const auto& [node, outcome] : history.kept) sorted.emplace(node, &outcome);
  journal::SegmentWriter segment;
  const auto append = [&](const Outcome& outcome) {
    segment.append(outcome);
    if (segment.outcomes() == journal::k_segment_outcomes_max) {
      journal.append_segment(execution, segment.take());
    }
  };
  for (const dag::Expansion& expansion : dag.maps().expansions()) {
    append(journal::expanded_outcome(expansion, history.lists.at(expansion.map)));
  }
  for (const auto& [node, outcome] : sorted) append(*outcome);
  if (segment.outcomes() > 0) journal.append_segment(execution, segment.take());
}

}  // namespace dsched::session
