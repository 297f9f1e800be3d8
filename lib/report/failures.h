// SPDX-License-Identifier: Apache-2.0
#pragma once
// The nodes of an execution that did not end well, and how each of their attempts ended: what
// fix-it chooses from, and what the situation report tells.

#include <string>
#include <vector>

#include "engine/fixit_rules.h"
#include "report/recorded.h"

namespace dsched::report {

// What became of a node that has no result, as people are told.
enum class Trouble : std::uint8_t {
  failed,       // its last attempt did
  lost,         // it was under way, or next, when its runner vanished
  interrupted,  // it was told to end with the execution
  cancelled,    // by somebody, with the execution
};
[[nodiscard]] std::string_view name_of(Trouble trouble);

struct TroubledNode {
  NodeIndex node;
  Trouble trouble = Trouble::failed;
  std::uint32_t attempts = 0;
  std::string error;           // of the last attempt
  engine::FixSubject subject;  // is_named is left false
};

struct Inspection {
  NodeStates states;                   // without the news of a runner
  std::vector<TroubledNode> troubled;  // in the program's order
};
// Of an execution that somebody runs, what has failed for good is in trouble. `program` must
// outlive the answer.
[[nodiscard]] Inspection inspect(Book book, const Sighting& sighting,
                                 const RecordedProgram& program);

}  // namespace dsched::report
