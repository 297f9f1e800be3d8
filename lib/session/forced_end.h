// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ends a runner that does not react any more, and knows when nothing of it is left.
//
// Its keeper ends the attempt trees as soon as the runner is gone (sys/keeper.h) and then ends
// itself, so whoever waits for the keeper has waited for the trees.

#include <optional>
#include <string>
#include <vector>

#include "sys/files.h"
#include "sys/process_list.h"

namespace dsched::session {

class ForcedEnd {
 public:
  // Kills the process if it has the lock file open: only then is it the runner it is taken for.
  // Empty when it is not, or is gone.
  [[nodiscard]] static std::optional<ForcedEnd> of_runner(pid_t pid, const std::string& lock_file,
                                                          sys::Files& files);
  // The runner and all that descended from it when it was killed are gone.
  [[nodiscard]] bool is_over() const;

 private:
  std::vector<sys::ProcessInfo> family_;
};

[[nodiscard]] bool has_ended(const sys::ProcessInfo& process);

// Other processes that were started for the execution, or for one node of it.
[[nodiscard]] std::vector<pid_t> processes_of(const std::string& execution_id);
[[nodiscard]] std::vector<pid_t> processes_of(const std::string& execution_id,
                                              const std::string& node_id);

}  // namespace dsched::session
