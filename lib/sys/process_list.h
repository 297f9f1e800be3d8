// SPDX-License-Identifier: Apache-2.0
#pragma once
// What /proc says about processes. A process is identified by its id and its start time together.

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  // since boot, in clock ticks (10 ms on Linux)
  char state = '?';               // Z and X: ended
  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X'; }
};

// Empty when there is no such process (any more), or it may not be seen.
[[nodiscard]] std::optional<ProcessInfo> process_info(pid_t pid);

// What the process is called (15 bytes at most); empty when there is no such process.
[[nodiscard]] std::string program_name(pid_t pid);

// All processes that may be seen, by id. About 10 µs each.
[[nodiscard]] std::vector<ProcessInfo> list_processes();

// Whether an entry of the environment that the process was started with begins with `prefix`.
// False where it may not be read.
[[nodiscard]] bool environment_has(pid_t pid, std::string_view prefix);
// Whether it has each of `entries`, which are whole and at least one.
[[nodiscard]] bool environment_has_all(pid_t pid, std::span<const std::string> entries);

struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // when it was made, as inodes are used again; 0: not known
  auto operator<=>(const FileId&) const = default;
};

// None when `fd` is not open.
[[nodiscard]] std::optional<FileId> file_id(int fd);

// Whether the process has the file of `fd`, or any of `files`, open.
[[nodiscard]] bool has_open(pid_t pid, int fd);
[[nodiscard]] bool has_open(pid_t pid, std::span<const FileId> files);

// The ids of the main thread's children; orphans that fell to the process are among them. 10 µs.
// Empty where the kernel does not tell (CONFIG_PROC_CHILDREN).
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

// Tells which process id was given out last in this pid namespace (from /proc/loadavg, 1 µs).
class PidCounter {
 public:
  PidCounter();
  // Empty where /proc does not tell.
  [[nodiscard]] std::optional<pid_t> last() const;

 private:
  Fd loadavg_;
};

// The ids under /proc, unsorted; empty where it is not mounted.
[[nodiscard]] std::vector<pid_t> list_pids();

// Clock ticks since boot (CLOCK_BOOTTIME), as in start_ticks.
[[nodiscard]] std::uint64_t ticks_from_boot_ns(std::int64_t ns);
[[nodiscard]] std::int64_t boot_time_ns();

// A pidfd of exactly that process; none when it is gone.
[[nodiscard]] Fd open_process(const ProcessInfo& process);

// Signals exactly that process: opens a pidfd, compares the start time, then sends. False when it
// is gone.
bool signal_process(const ProcessInfo& process, int signal);

}  // namespace dsched::sys
