// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the executor starts the persistent workers that a program, or a batch, declares.

#include <span>
#include <vector>

#include "dag/worker.h"
#include "executor/worker_command.h"
#include "session/attempt_maker.h"
#include "session/environment.h"

namespace dsched::session {

// `environment` must outlive what is given.
[[nodiscard]] std::vector<executor::WorkerCommand> worker_commands(
    std::span<const dag::Worker> workers, const Environment& environment,
    const AttemptContext& context);

}  // namespace dsched::session
