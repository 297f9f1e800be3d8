// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who runs what in a store: for each execution with a runner there is run/ID.lock, locked as long
// as the runner lives.
//
// Law: a lock ends with its process, and a file's existence never means locked; the holder removes
// its file when it is done. Inside stands a note for others: "PID SINCE MACHINE_FOLDER\n", SINCE in
// RFC 3339. Asking who holds a lock neither takes it nor writes anything, so it never disturbs
// somebody who is about to.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "store/store.h"
#include "sys/fd.h"

namespace dsched::store {

// Holds the lock until it is destroyed, and then removes its file.
class RunLock {
 public:
  RunLock(sys::Fd fd, sys::Files& files, std::string path)
      : fd_(std::move(fd)), files_(&files), path_(std::move(path)) {}
  RunLock(RunLock&& other) noexcept = default;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

 private:
  sys::Fd fd_;
  sys::Files* files_;
  std::string path_;
};

// What is known of the holder; empty or 0 where it has not written its note yet.
struct LockHolder {
  int pid = 0;
  std::optional<WallTime> since;
  std::string machine_folder;  // absolute; where it leases its slots; empty: nowhere
};

struct RunRight {
  std::string execution_id;
  std::string machine_folder;  // for the note
};
// The right to run this execution. To be taken before anything of the store is looked at that the
// run relies on: gc spares what living runners may use (store/gc.h).
[[nodiscard]] std::variant<RunLock, LockHolder> try_run_lock(const Store& store,
                                                             const RunRight& right);
// Who runs the execution; empty: nobody. Writes nothing.
[[nodiscard]] std::optional<LockHolder> runner_of(const Store& store,
                                                  std::string_view execution_id);
// Every execution that has a living runner, by id. Writes nothing.
struct Running {
  std::string execution_id;
  LockHolder holder;
};
[[nodiscard]] std::vector<Running> all_running(const Store& store);

}  // namespace dsched::store
