// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the processes of a persistent worker are started, and what each may be given.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"

namespace dsched::executor {

struct WorkerCommand {
  std::string name;
  std::vector<std::string> argv;  // argv[0] is searched in the PATH of the environment
  // "NAME=VALUE". Who makes the executor keeps what is shared until that is gone.
  std::span<const std::string> shared_environment;
  std::vector<std::string> environment;  // without DSCHED_ATTEMPT_ID
  std::string folder;
  // The DSCHED_ATTEMPT_ID of each instance, unique on this machine; there are as many instances.
  std::vector<std::string> attempt_ids;
  std::uint32_t max_batch = 1;
  Nanoseconds idle_timeout{0};
};

}  // namespace dsched::executor
