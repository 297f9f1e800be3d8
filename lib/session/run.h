// SPDX-License-Identifier: Apache-2.0
#pragma once
// dsched-run's three calls: run a program (or resume an execution), say what a run would do.
//
// Puts the real world together: store, locks, keeper, worker threads, signals. A program with
// faults is refused before anything is made on disk. One execution runs per store at a time; a
// second one waits its turn, and says so.

#include <variant>
#include <vector>

#include "program/diagnostic.h"
#include "session/observer.h"
#include "session/request.h"
#include "wire/answer.h"

namespace dsched::session {

struct InvalidProgram {
  std::vector<program::Diagnostic> diagnostics;
};

// Throws Error when the surroundings fail, the execution to resume does not exist, or a signal came
// while it waited its turn.
[[nodiscard]] std::variant<wire::RunAnswer, InvalidProgram> run(RunRequest request,
                                                                Observer& observer);

// Runs and writes nothing, the store's folder included.
[[nodiscard]] std::variant<wire::DryRunAnswer, InvalidProgram> dry_run(RunRequest request,
                                                                       Observer& observer);

}  // namespace dsched::session
