// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why a node of an execution does not run at this moment. Pure.
//
// The words, a closed list: "runner" (nobody works on the execution), "ended" (the execution is
// over and never came to it), "stopping" (nothing new starts any more), "dependency", "approval",
// "decision", "backoff", "paused", "pool", "slot", "suspended" (its slots were given back for the
// moment). The first that holds, in this order, is the one that is told; "suspended" is for nodes
// that were running.

#include <optional>
#include <vector>

#include "journal/live.h"
#include "report/node_states.h"
#include "wire/load_answer.h"

namespace dsched::report {

inline constexpr std::size_t k_dependencies_shown = 5;

struct WaitingScene {
  const dag::Dag& dag;
  const NodeStates& states;
  std::optional<journal::LiveState> live;  // news of the runner; empty: there are none
  Standing standing;
  ExecutionNumber execution;
};

// Empty when the node runs or is done.
[[nodiscard]] std::optional<wire::WaitingLine> why_waiting(const WaitingScene& scene,
                                                           NodeIndex node);

}  // namespace dsched::report
