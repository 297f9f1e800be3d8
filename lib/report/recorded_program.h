// SPDX-License-Identifier: Apache-2.0
#pragma once
// The program that was recorded with an execution, read again: names, operations and edges of its
// nodes, and which of them the execution was for.

#include <optional>
#include <vector>

#include "dag/dag.h"
#include "journal/journal.h"
#include "store/store.h"

namespace dsched::report {

struct RecordedProgram {
  dag::Dag dag;
  std::vector<bool> wanted;  // per node: a goal or target needs it
};

// Empty when the text is no longer stored, or cannot be read as a program.
[[nodiscard]] std::optional<RecordedProgram> read_program(store::Store& store,
                                                          const journal::ExecutionRecord& record);

// The nodes that the targets of these settings (ExecutionRecord::settings) need; without targets,
// those that the goals need.
[[nodiscard]] std::vector<bool> wanted_nodes(const dag::Dag& dag, std::string_view settings);

}  // namespace dsched::report
