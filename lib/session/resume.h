// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the journal says an earlier runner of an execution has done, for the one that goes on.
//
// With the recorded program every completed node stays completed, cached or not. With another
// program a completed node is kept only if its id is the same and, when it is examined, its key
// too.

#include <string>
#include <unordered_map>
#include <vector>

#include "dag/dag.h"
#include "journal/expansions.h"
#include "journal/journal.h"

namespace dsched::session {

// A node that an earlier runner completed, or tried.
struct Recalled {
  NodeIndex node;
  std::uint32_t attempts = 0;
  std::optional<journal::Outcome> completed;
  bool needs_decision = false;  // was under way when its runner vanished, and is not idempotent
};

struct History {
  std::vector<Recalled> recalled;                        // ascending by node
  std::unordered_map<NodeIndex, journal::Outcome> kept;  // to be used if the key is still the same
  journal::ExpandedLists lists;                          // of maps that were expanded
};

// `named` are the node ids that a person named on the command line: their word that these may run
// again although nobody knows how far they got. What was expanded is expanded in `dag`, too.
[[nodiscard]] History read_history(journal::Journal& journal,
                                   const journal::ExecutionRecord& record,
                                   const std::vector<std::string>& named, dag::Dag& dag);

// The same for another program: everything completed becomes `kept`, under the new node numbers.
// Maps that the new program has as well are expanded in `now`, as if their lists were the same.
[[nodiscard]] History carry_over(History&& history, const dag::Dag& before, dag::Dag& now);

// Writes expansions and `kept` as outcomes of the execution, in the caller's transaction.
void write_kept(journal::Journal& journal, ExecutionNumber execution, const History& history,
                const dag::Dag& dag);

}  // namespace dsched::session
