// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a request to a plan: reads the program, finds operations and targets, or says what is wrong.

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "dag/dag.h"
#include "program/program_text.h"
#include "session/fan_out.h"
#include "session/run.h"

namespace dsched::session {

struct Prepared {
  dag::Dag dag;
  program::Language language = program::Language::json;
  std::unordered_map<std::string, std::string> operations;  // NAME -> executable of dsched-op-NAME
  std::vector<NodeIndex> goals;                             // the targets, or the program's goals
  std::vector<NodeIndex> wanted;                            // what they need, ascending
  std::optional<NodeIndex> result_node;                     // empty too when it is an inner target
  std::vector<InnerTarget> inner_targets;                   // nodes that come with an expansion
  std::unordered_set<NodeIndex> partly_wanted;              // maps that only these need
};

// Throws Error (usage) for a target that the program does not have.
[[nodiscard]] std::variant<Prepared, InvalidProgram> prepare(const program::Source& source,
                                                             const RunRequest& request);

// The store's folders seen from the program's, those that lie below it: nothing may be written
// there.
[[nodiscard]] std::vector<std::string> store_places(const RunRequest& request);
// Whether one of two relative paths is the other, or lies below it.
[[nodiscard]] bool overlap(std::string_view a, std::string_view b);

// What a resume must know again, as the JSON text of ExecutionRecord::settings; and back.
[[nodiscard]] std::string settings_text(const RunRequest& request);
// Fills in what the command line of the resume did not say.
void apply_settings(std::string_view settings, RunRequest& request);

}  // namespace dsched::session
