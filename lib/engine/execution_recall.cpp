// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "engine/execution.h"

// The part of Execution before the first fact: what earlier runners did, and the beginning.

namespace dsched::engine {
void Execution::recall(NodeIndex node, Phase done, std::uint32_t attempts) {
  DSCHED_ASSERT(is_done(done), "only what is done is recalled");
  recall_attempts(node, attempts);
  if (nodes_[node.value].phase == Phase::waiting) move(node, done);
}

void Execution::recall_attempts(NodeIndex node, std::uint32_t attempts) {
  nodes_[node.value].attempts = attempts;
  nodes_[node.value].earlier_attempts = attempts;
}

void Execution::begin(Effects& out) {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].phase != Phase::waiting) continue;
    for (const NodeIndex before : dag_.predecessors({i})) {
      DSCHED_ASSERT(nodes_[before.value].phase != Phase::unwanted, "wanted nodes need wanted ones");
    }
    nodes_[i].unmet = count_unmet({i});
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const Phase phase = nodes_[i].phase;
    if (phase == Phase::failed || phase == Phase::cancelled) cancel_dependents({i}, out);
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].phase == Phase::waiting && nodes_[i].unmet == 0) make_ready({i}, out);
  }
}

void Execution::recall_over(NodeIndex node, Phase over) {
  DSCHED_ASSERT(over == Phase::failed || over == Phase::cancelled, "only what is over is left");
  if (nodes_[node.value].phase == Phase::waiting) move(node, over);
}

std::optional<Nanoseconds> Execution::timeout(NodeIndex node) const {
  const auto other = timeouts_.find(node);
  return other == timeouts_.end() ? dag_.settings(node).timeout : other->second;
}

}  // namespace dsched::engine
