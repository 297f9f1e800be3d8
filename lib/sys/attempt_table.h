// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table of running attempts that a runner shares with its keeper (anonymous shared memory).
//
// One slot per worker thread. A child writes its own process id into its slot before it executes
// anything, so a runner that is killed between making the child and learning its id leaves no
// unknown child. A slot goes through: free (pid 0) -> running -> ended (survivors are gone, the
// main process is a zombie, the keeper need not look) -> reaped, free. So a slot that the keeper
// heeds never names a process id that somebody else could have by now. All members are lock-free
// atomics: they work between processes.

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dsched::sys {

// A file that only one attempt writes, its stdout or stderr: whoever has it open is of the tree.
struct FileMark {
  std::atomic<std::uint64_t> device{0};
  std::atomic<std::uint64_t> inode{0};  // 0: none
  // A file without a name leaves its inode to the next one as soon as it is closed; when it was
  // made tells them apart.
  std::atomic<std::int64_t> birth_ns{0};
};

// Notes the file that is open as `fd`; one that the kernel does not tell of counts as none.
void mark_file(FileMark& mark, int fd);

struct AttemptSlot {
  std::atomic<pid_t> pid{0};                // main process; 0: the slot is free
  std::atomic<std::int64_t> spawned_ns{0};  // CLOCK_BOOTTIME just before the child was made
  std::atomic<bool> ended{false};
  FileMark stdout_file;  // these two are written before the child is made
  FileMark stderr_file;
};

class AttemptTable {
 public:
  static constexpr std::size_t k_slots = 4096;

  // Throws Error (environment) when there is no memory.
  AttemptTable();
  ~AttemptTable();
  AttemptTable(const AttemptTable&) = delete;
  AttemptTable& operator=(const AttemptTable&) = delete;

  [[nodiscard]] AttemptSlot& slot(std::size_t index);
  [[nodiscard]] const AttemptSlot& slot(std::size_t index) const;
  // How many slots were ever used; those behind are free.
  [[nodiscard]] std::size_t used() const;
  // Whether the process is the main process of a slot, or the keeper.
  [[nodiscard]] bool knows(pid_t pid) const;

  // The main processes at this moment, sorted.
  [[nodiscard]] std::vector<pid_t> pids() const;

  [[nodiscard]] std::atomic<pid_t>& keeper();

  // The keeper sets this before it waits without a limit; whoever clears it must wake the keeper.
  [[nodiscard]] std::atomic<bool>& keeper_asleep();

 private:
  struct Shared;
  Shared* shared_;
};

}  // namespace dsched::sys
