// SPDX-License-Identifier: Apache-2.0
#include "sys/process_tree.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <shared_mutex>

#include "base/error.h"

namespace dsched::sys {
namespace {

// In half a second the process ids cannot have gone round (32,768 of them at 20 µs each), so those
// given out since an attempt began are a plain interval. Longer attempts can afford to ask for
// every process (0.2 µs each and one listing of /proc).
constexpr std::int64_t k_interval_ns = 500'000'000;
constexpr int k_interval_pids = 2048;

// A tree that makes processes faster than they are found is given up after so many rounds.
constexpr int k_empty_looks_of_tree = 3;
constexpr int k_tree_rounds = 200;

// A killed process that has not ended by then sleeps in the kernel (a dead network file system).
constexpr std::chrono::milliseconds k_kill_patience{5000};

enum class ChildState { none, running, ended };

ChildState child_state(idtype_t type, pid_t pid, pid_t* which = nullptr) {
  siginfo_t info;
  info.si_pid = 0;
  if (::waitid(type, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return ChildState::none;
  }
  if (which != nullptr) *which = info.si_pid;
  return info.si_pid == 0 ? ChildState::running : ChildState::ended;
}

void reap_pid(pid_t pid) {
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
}

bool same(const ProcessInfo& one, const ProcessInfo& other) {
  return one.pid == other.pid && one.start_ticks == other.start_ticks;
}

bool holds(const std::vector<ProcessInfo>& list, const ProcessInfo& process) {
  return std::any_of(list.begin(), list.end(),
                     [&](const ProcessInfo& other) { return same(process, other); });
}

}  // namespace

// All processes at one moment, and which of them were found to be members.
struct AttemptTrees::Snapshot {
  std::vector<ProcessInfo> all;  // by id
  std::vector<bool> is_member;   // as all
  std::set<pid_t> members;
  std::set<pid_t> groups;
  std::set<pid_t> sessions;

  void add(std::size_t index, pid_t runner_group, pid_t runner_session) {
    const ProcessInfo& process = all[index];
    is_member[index] = true;
    members.insert(process.pid);
    // A group or session other than the runner's, led by a member or by nobody any more, was made
    // within the tree.
    if (process.group != runner_group && is_ours_to_lead(process.group)) {
      groups.insert(process.group);
    }
    if (process.session != runner_session && is_ours_to_lead(process.session)) {
      sessions.insert(process.session);
    }
  }
  [[nodiscard]] bool is_ours_to_lead(pid_t leader) const {
    if (members.count(leader) != 0) return true;
    return !std::binary_search(
        all.begin(), all.end(), ProcessInfo{leader},
        [](const ProcessInfo& one, const ProcessInfo& other) { return one.pid < other.pid; });
  }
  [[nodiscard]] bool belongs(const ProcessInfo& process) const {
    return members.count(process.parent) != 0 || groups.count(process.group) != 0 ||
           sessions.count(process.session) != 0;
  }
};

AttemptTrees::AttemptTrees(AttemptTable& table)
    : table_(table), self_(::getpid()), group_(::getpgrp()), session_(::getsid(0)) {
  // An inherited SIG_IGN would make the kernel reap children before we learn how they ended.
  ::signal(SIGCHLD, SIG_DFL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void AttemptTrees::exempt(pid_t pid) {
  const std::scoped_lock lock(mutex_);
  exempt_.insert(pid);
}

bool AttemptTrees::is_known(pid_t pid) const {
  if (table_.knows(pid)) return true;
  const std::scoped_lock lock(mutex_);
  return exempt_.count(pid) != 0;
}

bool AttemptTrees::is_unknown_child(pid_t pid) {
  if (child_state(P_PID, pid) == ChildState::none || is_known(pid)) return false;
  // It may be a child that has not written its slot yet: wait until every child under way has.
  const std::unique_lock lock(spawning_);
  return child_state(P_PID, pid) != ChildState::none && !is_known(pid);
}

bool AttemptTrees::may_have_survivors(const TreeRoot& root) {
  // Once no child but the main process exists, there is nothing to look for.
  const std::optional<pid_t> last = counter_.last();
  const bool is_young = boot_time_ns() - root.spawned_ns < k_interval_ns;
  if (last && is_young && *last >= root.main && *last - root.main <= k_interval_pids) {
    // Asking the table once keeps a thousand attempts at once from asking it a million times.
    const std::vector<pid_t> known = table_.pids();
    for (pid_t pid = root.main + 1; pid <= *last; ++pid) {
      if (!std::binary_search(known.begin(), known.end(), pid) && is_unknown_child(pid))
        return true;
    }
    return false;
  }
  for (const pid_t pid : list_pids()) {
    if (is_unknown_child(pid)) return true;
  }
  return false;
}

bool AttemptTrees::is_orphan_of(const ProcessInfo& process, const TreeRoot& root) const {
  const std::string mark[] = {"DSCHED_ATTEMPT_ID=" + root.attempt_id};
  if (environment_has_all(process.pid, mark)) return true;
  if (root.stdout_fd >= 0 && has_open(process.pid, root.stdout_fd)) return true;
  if (root.stderr_fd >= 0 && has_open(process.pid, root.stderr_fd)) return true;
  // By elimination: no other running attempt had begun when it started.
  const std::size_t count = table_.used();
  for (std::size_t index = 0; index < count; ++index) {
    const AttemptSlot& slot = static_cast<const AttemptTable&>(table_).slot(index);
    const pid_t main = slot.pid.load();
    if (main == 0 || main == root.main) continue;
    if (ticks_from_boot_ns(slot.spawned_ns.load()) <= process.start_ticks) return false;
  }
  return true;
}

void AttemptTrees::add_orphans(const TreeRoot& root, Snapshot& snapshot) const {
  for (std::size_t index = 0; index < snapshot.all.size(); ++index) {
    const ProcessInfo& process = snapshot.all[index];
    if (snapshot.is_member[index] || process.parent != self_ || process.ended()) continue;
    if (process.start_ticks < ticks_from_boot_ns(root.spawned_ns) || is_known(process.pid))
      continue;
    if (is_orphan_of(process, root)) snapshot.add(index, group_, session_);
  }
}

std::vector<ProcessInfo> AttemptTrees::collect(const TreeRoot& root) const {
  Snapshot snapshot;
  {
    // While nobody makes a child, every child of ours is known or an orphan.
    const std::unique_lock lock(spawning_);
    snapshot.all = list_processes();
    snapshot.is_member.assign(snapshot.all.size(), false);
    snapshot.members.insert(root.main);
    snapshot.sessions.insert(root.main);
    if (root.own_group) snapshot.groups.insert(root.main);
    add_orphans(root, snapshot);
  }
  const std::uint64_t began = ticks_from_boot_ns(root.spawned_ns);
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (std::size_t index = 0; index < snapshot.all.size(); ++index) {
      const ProcessInfo& process = snapshot.all[index];
      if (snapshot.is_member[index] || process.ended() || process.start_ticks < began) continue;
      if (process.pid != root.main && (!snapshot.belongs(process) || is_known(process.pid))) {
        continue;
      }
      snapshot.add(index, group_, session_);
      has_grown = true;
    }
  }
  std::vector<ProcessInfo> members;
  for (std::size_t index = 0; index < snapshot.all.size(); ++index) {
    if (!snapshot.is_member[index]) continue;
    members.push_back(snapshot.all[index]);
    if (snapshot.all[index].pid == root.main) std::swap(members.front(), members.back());
  }
  return members;
}

std::vector<ProcessInfo> AttemptTrees::members(const TreeRoot& root) const {
  return collect(root);
}

void AttemptTrees::signal_tree(const TreeRoot& root, int signal) const {
  std::vector<ProcessInfo> done;
  for (int round = 0; round < k_tree_rounds; ++round) {
    bool is_new = false;
    for (const ProcessInfo& process : collect(root)) {
      if (holds(done, process)) continue;
      signal_process(process, signal);
      done.push_back(process);
      is_new = true;
    }
    if (!is_new) return;
  }
}

// True when all of them have ended.
bool AttemptTrees::kill_and_wait(const std::vector<ProcessInfo>& processes) const {
  std::vector<Fd> handles;
  for (const ProcessInfo& process : processes) {
    Fd pidfd = open_process(process);
    if (!pidfd) continue;
    signal_process(process, SIGKILL);
    handles.push_back(std::move(pidfd));
  }
  bool all_ended = true;
  for (const Fd& pidfd : handles) {
    pollfd item{pidfd.get(), POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&item, 1, static_cast<int>(k_kill_patience.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready != 1) all_ended = false;
  }
  return all_ended;
}

bool AttemptTrees::end_survivors(const TreeRoot& root) {
  if (!may_have_survivors(root)) return true;
  int empty_looks = 0;
  for (int round = 0; round < k_tree_rounds; ++round) {
    std::vector<ProcessInfo> survivors = collect(root);
    survivors.erase(
        std::remove_if(survivors.begin(), survivors.end(),
                       [&](const ProcessInfo& process) { return process.pid == root.main; }),
        survivors.end());
    if (survivors.empty()) {
      // One that was listed may have made a child and ended before it was looked at: the child is
      // not in the list. So what may be there is looked for once more.
      if (++empty_looks < k_empty_looks_of_tree && may_have_survivors(root)) continue;
      reap_unknown_zombies();
      return true;
    }
    empty_looks = 0;
    if (!kill_and_wait(survivors)) return false;
  }
  return false;
}

void AttemptTrees::reap_unknown_zombies() {
  for (const pid_t pid : list_pids()) {
    if (child_state(P_PID, pid) == ChildState::ended && is_unknown_child(pid)) reap_pid(pid);
  }
}

void AttemptTrees::reap_orphans() {
  // A main process that has ended and waits for its worker hides the others; they are found by the
  // next call, or when that worker looks for survivors.
  pid_t pid = 0;
  while (child_state(P_ALL, 0, &pid) == ChildState::ended && is_unknown_child(pid)) reap_pid(pid);
}

}  // namespace dsched::sys
