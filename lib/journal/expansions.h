// SPDX-License-Identifier: Apache-2.0
#pragma once
// Repeats on a program's Dag the expansions of map nodes that an execution has on record, in their
// order, so that the indices in its outcomes mean the same nodes as when they were recorded.

#include <unordered_map>

#include "dag/dag.h"
#include "journal/journal.h"

namespace dsched::journal {

// The list that each expanded map had.
using ExpandedLists = std::unordered_map<NodeIndex, store::Content>;

// `dag` must have no expansions yet. Throws Error damaged when the record does not fit it.
ExpandedLists repeat_expansions(Journal& journal, ExecutionNumber execution, dag::Dag& dag);

// The outcome that records an expansion.
[[nodiscard]] Outcome expanded_outcome(const dag::Expansion& expansion, const store::Content& list);

}  // namespace dsched::journal
