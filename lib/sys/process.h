// SPDX-License-Identifier: Apache-2.0
#pragma once
// Starting a child process and learning how it ended.
//
// spawn() uses clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD): the child borrows the runner's memory
// until it executes, because fork of a large runner costs 20 ms. It runs no handler, allocates
// nothing and makes only raw system calls; the calling thread stands still meanwhile, the others go
// on. The child gets descriptors 0, 1 and 2 and those that are passed, no others, default signal
// dispositions and an empty mask.
//
// Every child of this process must be started here or told to AttemptTrees, which takes children it
// does not know for orphans of attempts. A pidfd must be taken out of an epoll set before it is
// closed: other children may still hold copies of it.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "sys/attempt_table.h"
#include "sys/fd.h"

namespace dsched::sys {

struct Spawn {
  enum class Group : std::uint8_t { own, callers };
  std::span<const std::string> argv;
  // Executed in turn until one can be; never empty. Absolute, or relative to `folder`.
  std::span<const std::string> files;
  // Executed with its own first word when none of `files` can be; may be empty.
  std::span<const std::string> fallback;
  std::span<const std::string> shared_environment;  // comes before `environment`
  std::span<const std::string> environment;
  std::string folder;                 // empty: the caller's
  int stdin_fd = -1;                  // -1: /dev/null
  int stdout_fd = -1;                 // -1: /dev/null
  int stderr_fd = -1;                 // -1: /dev/null
  std::array<int, 2> passed{-1, -1};  // open under the same numbers, above 2; -1: none
  Group group = Group::own;
  AttemptSlot* slot = nullptr;  // the child writes its id here; nullptr: it is in no table
};

struct Child {
  pid_t pid = 0;
  Fd pidfd;
};
// No process was left behind; `error_number` says why, `what` which step failed.
struct SpawnFailure {
  enum class Step : std::uint8_t { clone, folder, streams, execute };
  Step step = Step::clone;
  int error_number = 0;
};
using SpawnOutcome = std::variant<Child, SpawnFailure>;

struct ProcessEnd {
  std::optional<int> exit_code;  // exactly one of the two has a value
  std::optional<int> signal;
  bool core_dumped = false;
  Nanoseconds user{0};
  Nanoseconds system{0};
  // As the kernel counts it, children that were waited for included. A child that borrowed the
  // runner's memory until it executed is never counted below what the runner had then.
  std::uint64_t peak_memory_kib = 0;
};

// Starts children for one thread; owns the small stack they run on until they execute. Which
// signals this process ignores or handles must be settled before one is made.
class Spawner {
 public:
  Spawner();
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  [[nodiscard]] SpawnOutcome spawn(const Spawn& request);

 private:
  void* stack_;
  Fd null_;
  std::uint32_t changed_signals_;  // bit n-1: signal n is ignored or handled here
};

// What execvp would try for `name`, in order: itself when it has a slash, else one path for each
// folder of the PATH in `environment` (the system's default path when there is none).
[[nodiscard]] std::vector<std::string> search_path(std::string_view name,
                                                   std::span<const std::string> environment);

// Waits until the child has ended and reaps it.
[[nodiscard]] ProcessEnd reap(const Child& child);

// Sends a signal through the pidfd; false when the process has ended.
bool send_signal(const Fd& pidfd, int signal);

}  // namespace dsched::sys
