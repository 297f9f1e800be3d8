// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much memory processes have had at most.
//
// The kernel's account of an ended child (wait4) starts at what the runner had when the child,
// which borrowed the runner's memory, executed. So for a child smaller than the runner that number
// says nothing, and what was seen while the child lived is all there is.

#include <sys/types.h>

#include <cstdint>

namespace dsched::sys {

// VmHWM of a living process; 0 when it has ended or may not be read. About 20 µs.
[[nodiscard]] std::uint64_t peak_memory_kib(pid_t pid);

// Of this process so far.
[[nodiscard]] std::uint64_t own_peak_memory_kib();

}  // namespace dsched::sys
