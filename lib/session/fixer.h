// SPDX-License-Identifier: Apache-2.0
#pragma once
// Carries out a FixPlan within a run: says what is over before it begins, what is computed anew,
// and what follows each failed attempt. The rules are engine/fixit_rules.h.

#include <map>
#include <optional>
#include <vector>

#include "dag/dag.h"
#include "engine/execution.h"
#include "session/fix_plan.h"
#include "session/resume.h"

namespace dsched::session {

class Fixer {
 public:
  Fixer(const FixPlan& plan, const dag::Dag& dag);

  // Before the history is recalled: arguments that are computed anew lose their results in it.
  // Returns them.
  [[nodiscard]] std::vector<NodeIndex> drop_arguments(History& history) const;
  // Before these nodes begin: those of the program, then those of each expansion.
  void prepare(engine::Execution& execution, NodeIndex first, NodeIndex end) const;
  // After an attempt failed; empty: the usual rules hold for this node.
  [[nodiscard]] std::optional<engine::RetryWord> after(NodeIndex node,
                                                       const engine::AttemptFailure& failure);
  [[nodiscard]] const FixPlan& plan() const { return plan_; }

 private:
  const FixPlan& plan_;
  const dag::Dag& dag_;
  std::map<NodeIndex, engine::FixProgress> progress_;
};

}  // namespace dsched::session
