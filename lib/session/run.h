// SPDX-License-Identifier: Apache-2.0
#pragma once
// dsched-run's calls: run a program (or resume an execution), the same for a process that nobody
// waits for, say what a run would do.
//
// Puts the real world together: store, locks, keeper, worker threads, signals. A program with
// faults is refused before anything is made on disk. Any number of executions run in a store at
// the same time; the same one cannot be resumed twice.

#include <functional>
#include <variant>
#include <vector>

#include "program/diagnostic.h"
#include "session/observer.h"
#include "session/request.h"
#include "sys/detached.h"
#include "wire/answer.h"

namespace dsched::session {

struct InvalidProgram {
  std::vector<program::Diagnostic> diagnostics;
  std::vector<std::string> shown;  // for people, one for each, where the language has its own way
};

// Throws Error when the surroundings fail, the execution to resume does not exist, or a signal came
// while it waited its turn.
[[nodiscard]] std::variant<wire::RunAnswer, InvalidProgram> run(RunRequest request,
                                                                Observer& observer);

// As run(), and calls `recorded` as soon as the execution is on record with status submitted,
// committed and synced, and before anything runs. The log is kept if that returns.
using Recorded = std::function<void(const wire::SubmittedAnswer&, sys::LogFile&)>;
[[nodiscard]] std::variant<wire::RunAnswer, InvalidProgram> run_detached(RunRequest request,
                                                                         Observer& observer,
                                                                         const Recorded& recorded);

// Runs and writes nothing, the store's folder included.
[[nodiscard]] std::variant<wire::DryRunAnswer, InvalidProgram> dry_run(RunRequest request,
                                                                       Observer& observer);

}  // namespace dsched::session
