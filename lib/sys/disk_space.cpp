// SPDX-License-Identifier: Apache-2.0
#include "sys/disk_space.h"

#include <sys/statvfs.h>

namespace dsched::sys {

std::optional<DiskSpace> disk_space(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0 || status.f_blocks == 0) return std::nullopt;
  const std::uint64_t block = status.f_frsize;
  return DiskSpace{status.f_blocks * block, status.f_bavail * block};
}

}  // namespace dsched::sys
