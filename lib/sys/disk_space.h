// SPDX-License-Identifier: Apache-2.0
#pragma once
// How full the file system is that a folder lies on.

#include <cstdint>
#include <optional>
#include <string>

namespace dsched::sys {

struct DiskSpace {
  std::uint64_t size = 0;       // bytes
  std::uint64_t available = 0;  // bytes that this user may still write
};
// Empty when it cannot be told.
[[nodiscard]] std::optional<DiskSpace> disk_space(const std::string& folder);

}  // namespace dsched::sys
