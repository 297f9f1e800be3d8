// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a store has on record of an execution, read for people and scripts: whether its runner
// lives, its nodes line by line, the logs of attempts.
//
// Reads only. No statement is open when a function returns, and none is while a caller waits.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "report/node_states.h"
#include "report/progress.h"
#include "report/recorded_program.h"
#include "report/waiting.h"
#include "store/store.h"
#include "wire/stats_answer.h"

namespace dsched::report {

struct Book {
  store::Store& store;
  journal::Journal& journal;
};

// An execution as it is: a runner that ended between two looks has left its last record.
struct Sighting {
  journal::ExecutionRecord record;
  RunnerState runner = RunnerState::gone;
  [[nodiscard]] engine::ExecutionStatus status() const { return status_now(record, runner); }
  [[nodiscard]] Standing standing() const {
    return {runner == RunnerState::lives, status(), record.counts};
  }
};
[[nodiscard]] Sighting sight(Book book, const journal::ExecutionRecord& record);

// The execution of this name (journal::Journal::find). Throws Error not_found.
[[nodiscard]] journal::ExecutionRecord find_execution(Book book, const std::string& name);
// Its program. Throws Error damaged when it cannot be read any more.
[[nodiscard]] RecordedProgram program_of(Book book, const journal::ExecutionRecord& record);

// The states of its nodes at this moment; `program` must outlive the answer.
[[nodiscard]] NodeStates states_of(Book book, const Sighting& sighting,
                                   const RecordedProgram& program,
                                   const NodeStates::DigestOf& digest_of);

struct NodeFilter {
  std::vector<engine::NodeState> states;  // empty: all
};
// Calls `visit` for each node that the execution is about, in the program's order.
void each_node(Book book, const journal::ExecutionRecord& record, const NodeFilter& filter,
               const NodeStates::DigestOf& digest_of,
               const std::function<void(const wire::NodeLine&)>& visit);

// Calls `visit` for each node (or the one of this id) that neither runs nor is done, and says why
// not. Throws Error not_found when there is no such node.
void each_waiting(Book book, const journal::ExecutionRecord& record,
                  const std::optional<std::string>& node_id,
                  const std::function<void(const wire::WaitingLine&)>& visit);

// What an attempt at a node wrote to stderr, as recorded; of the last that ended when `attempt` is
// empty. Throws Error not_found when there is no such node or attempt, or the log is gone.
[[nodiscard]] std::string log_of(Book book, const journal::ExecutionRecord& record,
                                 const std::string& node_id, std::optional<std::uint32_t> attempt);

}  // namespace dsched::report
