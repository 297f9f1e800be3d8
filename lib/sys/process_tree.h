// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attempt trees: every process that an attempt started, found again wherever it went.
//
// The process group is not enough: timeout(1), setsid(1) and interactive shells leave it. The
// runner is a child subreaper, so a process whose parents have ended becomes a child of the runner.
// A tree is: the main process; everything in its group and session; all descendants; and orphans
// that carry the attempt's DSCHED_ATTEMPT_ID, are in a group or session of a member, or hold the
// attempt's stdout or stderr open; walked until nothing new is found. An orphan that none of this
// tells belongs to the only attempt that was running when it started, if there was just one;
// otherwise it is ended as soon as no attempt that began before it is running.
//
// When a main process has ended, what it left behind (`cmd &`) is ended with SIGKILL at once: its
// output could not be part of the result any more, and a process that waits for SIGTERM politely
// has been given its chance by the node's own command, which can `wait`. Looking for such survivors
// is nearly free: only a process made after the attempt can be one, so the process ids given out
// since then are asked for with one waitid(WNOHANG) each; /proc is read only when one is found.
//
// A control group for each attempt would tell the same. It is not used: one that may be made
// without privilege exists only below some service managers, this way must work without it anyhow,
// and starting into a group was measured to cost 6 to 18 µs more for each process (2 cores,
// Linux 6.18).
//
// Out of reach: processes of other users (set-user-id), in containers, on other machines, and
// what a service manager or at(1) starts on request.

#include <cstdint>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "sys/attempt_table.h"
#include "sys/process_list.h"

namespace dsched::sys {

// One running attempt, as its tree is told from others.
struct TreeRoot {
  pid_t main = 0;               // not yet reaped, so the id is its own
  std::int64_t spawned_ns = 0;  // CLOCK_BOOTTIME just before it was made
  bool own_group = true;        // false: it shares the group of the caller
  std::string attempt_id;       // value of DSCHED_ATTEMPT_ID in its environment
  int stdout_fd = -1;           // files that only this attempt writes; -1: none
  int stderr_fd = -1;
};

class AttemptTrees {
 public:
  // Makes this process a child subreaper with the default disposition of SIGCHLD. One per process;
  // `table` must outlive it.
  explicit AttemptTrees(AttemptTable& table);

  // Tells of a child that is no attempt and was not started through the table.
  void exempt(pid_t pid);

  // The living processes of the tree, the main one first if it lives.
  [[nodiscard]] std::vector<ProcessInfo> members(const TreeRoot& root) const;

  // Sends `signal` to every member, again and again until nothing new is found. SIGSTOP: until all
  // members stand still.
  void signal_tree(const TreeRoot& root, int signal) const;

  // To be called when the main process has ended and is not yet reaped: kills and reaps what it
  // left behind. False when something may still hold the attempt's files (it could not be killed,
  // or belongs to nobody yet).
  [[nodiscard]] bool end_survivors(const TreeRoot& root);

  // Reaps orphans that ended while their attempt is still running. Cheap; call it now and then.
  void reap_orphans();

  // Held by a worker (shared) while it makes a child, so that a child that has not yet written its
  // slot is not taken for an orphan.
  [[nodiscard]] std::shared_mutex& spawning() { return spawning_; }

 private:
  struct Snapshot;
  [[nodiscard]] bool is_known(pid_t pid) const;
  [[nodiscard]] bool is_unknown_child(pid_t pid);
  [[nodiscard]] bool may_have_survivors(const TreeRoot& root);
  [[nodiscard]] std::vector<ProcessInfo> collect(const TreeRoot& root) const;
  void add_orphans(const TreeRoot& root, Snapshot& snapshot) const;
  [[nodiscard]] bool is_orphan_of(const ProcessInfo& process, const TreeRoot& root) const;
  [[nodiscard]] bool kill_and_wait(const std::vector<ProcessInfo>& processes) const;
  void reap_unknown_zombies();

  AttemptTable& table_;
  PidCounter counter_;
  pid_t self_;
  pid_t group_;
  pid_t session_;
  mutable std::shared_mutex spawning_;
  mutable std::mutex mutex_;
  std::set<pid_t> exempt_;  // guarded by mutex_
};

}  // namespace dsched::sys
