// SPDX-License-Identifier: Apache-2.0
#include "session/fixer.h"

#include <algorithm>

namespace dsched::session {

Fixer::Fixer(const FixPlan& plan, const dag::Dag& dag) : plan_(plan), dag_(dag) {
  for (const auto& [name, subject] : plan.retried) {
    const auto node = dag.find(name);
    if (!node) continue;
    engine::FixProgress progress;
    progress.failures = subject.failures;
    progress.made_max = plan.attempts_max;
    progress.program_timeout = dag.settings(*node).timeout;
    progress.timeout = engine::first_timeout(plan.mode, subject, progress.program_timeout);
    progress_.emplace(*node, std::move(progress));
  }
}

std::vector<NodeIndex> Fixer::drop_arguments(History& history) const {
  std::vector<NodeIndex> dropped;
  if (plan_.mode != engine::FixMode::greedy) return dropped;
  for (const auto& [node, progress] : progress_) {
    for (const NodeIndex argument : dag_.arguments(node)) {
      const dag::Settings& settings = dag_.settings(argument);
      // What may not run twice, or not without a word, keeps its result.
      if (settings.idempotent && !settings.approval) dropped.push_back(argument);
    }
  }
  std::sort(dropped.begin(), dropped.end());
  dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
  for (Recalled& recalled : history.recalled) {
    if (std::binary_search(dropped.begin(), dropped.end(), recalled.node)) {
      recalled.completed.reset();
    }
  }
  return dropped;
}

void Fixer::prepare(engine::Execution& execution, NodeIndex first, NodeIndex end) const {
  const auto is_meant = [&](NodeIndex node) { return first <= node && node < end; };
  for (const auto& [name, has_failed] : plan_.left) {
    const auto node = dag_.find(name);
    using engine::Phase;
    if (node && is_meant(*node)) {
      execution.recall_over(*node, has_failed ? Phase::failed : Phase::cancelled);
    }
  }
  for (const auto& [node, progress] : progress_) {
    if (is_meant(node) && progress.timeout) execution.set_timeout(node, *progress.timeout);
  }
}

std::optional<engine::RetryWord> Fixer::after(NodeIndex node,
                                              const engine::AttemptFailure& failure) {
  const auto found = progress_.find(node);
  if (found == progress_.end()) return std::nullopt;
  engine::FixProgress& progress = found->second;
  progress.failures.push_back(failure);
  ++progress.made;
  const engine::FixStep step = engine::next_step(plan_.mode, progress);
  progress.timeout = step.timeout;
  return engine::RetryWord{step.again, step.at_once, step.timeout};
}

}  // namespace dsched::session
