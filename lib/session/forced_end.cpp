// SPDX-License-Identifier: Apache-2.0
#include "session/forced_end.h"

#include <signal.h>

#include <algorithm>

#include "sys/host.h"

namespace dsched::session {
namespace {

// `root` and everything that descends from it, parents first.
std::vector<sys::ProcessInfo> family_of(const sys::ProcessInfo& root) {
  const std::vector<sys::ProcessInfo> all = sys::list_processes();
  std::vector<sys::ProcessInfo> family{root};
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (const sys::ProcessInfo& process : all) {
      if (process.parent == family[i].pid && process.pid != root.pid) family.push_back(process);
    }
  }
  return family;
}

std::vector<pid_t> processes_with(std::span<const std::string> entries) {
  std::vector<pid_t> found;
  for (const sys::ProcessInfo& process : sys::list_processes()) {
    if (process.ended() || process.pid == sys::process_id()) continue;
    if (sys::environment_has_all(process.pid, entries)) found.push_back(process.pid);
  }
  return found;
}

}  // namespace

bool has_ended(const sys::ProcessInfo& process) {
  const auto now = sys::process_info(process.pid);
  return !now || now->start_ticks != process.start_ticks || now->ended();
}

std::optional<ForcedEnd> ForcedEnd::of_runner(pid_t pid, const std::string& lock_file,
                                              sys::Files& files) {
  const sys::Fd lock = files.open(lock_file);
  const auto runner = sys::process_info(pid);
  if (!lock || !runner || !sys::has_open(pid, lock.get())) return std::nullopt;
  ForcedEnd end;
  end.family_ = family_of(*runner);
  // The start time is compared again, so no other process with this id is hit.
  if (!sys::signal_process(*runner, SIGKILL)) return std::nullopt;
  return end;
}

bool ForcedEnd::is_over() const {
  return std::all_of(family_.begin(), family_.end(), has_ended);
}

std::vector<pid_t> processes_of(const std::string& execution_id) {
  const std::string entries[] = {"DSCHED_EXECUTION_ID=" + execution_id};
  return processes_with(entries);
}

std::vector<pid_t> processes_of(const std::string& execution_id, const std::string& node_id) {
  const std::string entries[] = {"DSCHED_EXECUTION_ID=" + execution_id,
                                 "DSCHED_NODE_ID=" + node_id};
  return processes_with(entries);
}

}  // namespace dsched::session
