// SPDX-License-Identifier: Apache-2.0
#pragma once
// The keeper: a tiny process that ends a runner's attempts when the runner is killed.
//
// It is forked before the runner's memory grows, is in a session of its own, ignores what a
// terminal or a user sends, holds nothing open but the reading end of a pipe, and waits. At
// end-of-file the runner is gone: every attempt tree is killed, found by the table of main
// processes, by the last snapshot of the runner's descendants, by groups, sessions and parents, by
// the environment, and by who has an attempt's stdout or stderr open; again and again until nothing
// new is found. Then it removes the folder of temporary files and exits. A daemon with an empty
// environment and streams of its own is known because it was seen before: while attempts run, the
// keeper often notes which orphans fell to the runner (id and start time), and, while one runs for
// longer than the snapshot interval, every descendant.
//
// A process is killed only if it is in the runner's boot and pid namespace (the keeper shares
// them), and its id and start time are those of the table or the snapshot, or its environment has
// the runner's mark, or it has an attempt's stream open, or it is a descendant, group or session
// member of such a one and started no earlier than the runner.
//
// It also puts back the tokens of make's jobserver that the runner has done with, and in the end
// all that are left (sys/job_tokens.h).

#include <sys/types.h>

#include <chrono>
#include <string>

#include "sys/attempt_table.h"
#include "sys/fd.h"
#include "sys/job_tokens.h"

namespace dsched::sys {

struct KeeperOptions {
  // How environment entries of this runner's attempts begin: "DSCHED_ATTEMPT_ID=0199…-". Must be
  // unique to this runner; empty: environments are not looked at.
  std::string environment_mark;
  // Removed with everything in it (links are not followed, mounts not entered) when the runner is
  // gone, and also when it ended well; empty: none.
  std::string temporary_folder;
  std::chrono::milliseconds snapshot_interval{200};
  std::chrono::milliseconds orphan_interval{10};  // a look takes about 20 µs
  JobTokens::ForKeeper tokens;                    // of make's jobserver; none without it
};

class Keeper {
 public:
  // Forks the keeper. Call it early, before threads are started: the keeper goes on in a copy of
  // this process's memory. Throws Error (environment) when there can be no further process.
  Keeper(AttemptTable& table, KeeperOptions options);
  // Lets the keeper end and waits for it. Attempts that are still in the table are ended by it.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // To be called after an attempt was started; costs one atomic load while the keeper is awake.
  void wake();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  AttemptTable& table_;
  Fd pipe_;  // the writing end
  pid_t pid_ = 0;
};

// Removes a folder with everything in it, staying on its file system and following no link. What
// cannot be removed is left.
void remove_folder_tree(const std::string& path);

}  // namespace dsched::sys
