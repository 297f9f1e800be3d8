// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much of the machine's memory is in use, as the kernel tells it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsched::sys {

struct MemoryUse {
  std::uint64_t used = 0;   // bytes that cannot be had without taking them from somebody
  std::uint64_t total = 0;  // bytes
  [[nodiscard]] double utilization() const {
    return total == 0 ? 0 : static_cast<double>(used) / static_cast<double>(total);
  }
};

// Of this process's cgroup (v2) where that has a lower limit than the machine, else of the machine.
// Zeros where the kernel does not tell.
[[nodiscard]] MemoryUse memory_use();

// ---- what it is made of, for tests

// MemTotal and MemAvailable of /proc/meminfo.
[[nodiscard]] std::optional<MemoryUse> memory_use_from(std::string_view meminfo);
// The number behind a name at the start of a line ("inactive_file 123").
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text,
                                                        std::string_view name);

}  // namespace dsched::sys
