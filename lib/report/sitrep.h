// SPDX-License-Identifier: Apache-2.0
#pragma once
// The situation of a store: how far its open executions are, what stands still and why, and which
// commands would help. Reads only.
//
// An execution is open unless it completed or was cancelled. Programs are read once for all
// executions that run the same one; of executions that are over only counts are looked at, and the
// nodes of the newest. An action is suggested only where it can work: a failure that is likely to
// come again is something to watch.

#include <string>

#include "report/failures.h"
#include "report/load.h"
#include "sys/disk_space.h"
#include "wire/sitrep_answer.h"

namespace dsched::report {

inline constexpr std::size_t k_recent_tasks = 5;

struct SitrepQuery {
  std::size_t recent = k_recent_tasks;
  std::string user;          // who would give the commands
  std::string store_option;  // to stand in commands: " --store 'DIR'", or nothing
  double slot_utilization = 0;
  std::optional<sys::DiskSpace> disk;
};
[[nodiscard]] wire::SitrepAnswer sitrep_of(Book book, const SitrepQuery& query);

// A store that cannot be read: health unknown.
[[nodiscard]] wire::SitrepAnswer unreadable(const std::string& error, WallTime now);

}  // namespace dsched::report
