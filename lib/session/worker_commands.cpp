// SPDX-License-Identifier: Apache-2.0
#include "session/worker_commands.h"

#include <algorithm>

namespace dsched::session {

std::vector<executor::WorkerCommand> worker_commands(std::span<const dag::Worker> workers,
                                                     const Environment& environment,
                                                     const AttemptContext& context) {
  std::vector<executor::WorkerCommand> commands;
  for (std::uint32_t i = 0; i < workers.size(); ++i) {
    const dag::Worker& worker = workers[i];
    executor::WorkerCommand& command = commands.emplace_back();
    command.name = worker.name;
    command.argv = worker.command;
    command.folder = context.folder;
    command.idle_timeout = worker.idle_timeout;
    // A worker is no node and no attempt, and must not see those of an execution around this one.
    const OwnVariables own{{"DSCHED_EXECUTION_ID", context.execution_id},
                           {"DSCHED_NODE_ID", {}},
                           {"DSCHED_ATTEMPT", {}},
                           {"DSCHED_ATTEMPT_ID", {}},
                           {"DSCHED_STORE", context.store_folder}};
    CommandEnvironment variables = environment.for_command({}, own);
    std::erase_if(variables.own, [](const std::string& entry) { return entry.back() == '='; });
    command.shared_environment = variables.shared;
    command.environment = std::move(variables.own);
    command.max_batch = worker.max_batch;
    for (std::uint32_t instance = 0; instance < worker.instances; ++instance) {
      command.attempt_ids.push_back(instance_attempt_id(context.attempt_prefix, {i}, instance));
    }
  }
  return commands;
}

}  // namespace dsched::session
