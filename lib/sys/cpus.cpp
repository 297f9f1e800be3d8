// SPDX-License-Identifier: Apache-2.0
#include "sys/cpus.h"

#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace dsched::sys {
namespace {

unsigned by_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

unsigned rounded_up(double quota, double period) {
  if (quota <= 0 || period <= 0) return 0;
  const double cpus = quota / period;
  return static_cast<unsigned>(cpus) + (cpus > static_cast<unsigned>(cpus) ? 1 : 0);
}

// The path of this process's cgroup in the hierarchy of `controller` ("" for version 2).
std::string cgroup_of(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::stringstream controllers(line.substr(first + 1, second - first - 1));
    bool is_it = controller.empty() && second == first + 1;
    for (std::string name; std::getline(controllers, name, ',');) {
      is_it = is_it || (!controller.empty() && name == controller);
    }
    if (is_it) return line.substr(second + 1);
  }
  return {};
}

// 0: no limit.
unsigned by_cgroup() {
  double quota = 0;
  double period = 0;
  const std::string unified = cgroup_of("");
  if (std::ifstream max("/sys/fs/cgroup" + unified + "/cpu.max"); max >> quota >> period) {
    return rounded_up(quota, period);  // "max" is no number: no limit
  }
  const std::string folder = "/sys/fs/cgroup/cpu" + cgroup_of("cpu");
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period) return rounded_up(quota, period);
  return 0;
}

}  // namespace

unsigned usable_cpus() {
  const unsigned limit = by_cgroup();
  const unsigned allowed = by_affinity();
  return limit == 0 ? allowed : std::min(limit, allowed);
}

std::string user_name() {
  const uid_t user = getuid();
  const passwd* entry = getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

}  // namespace dsched::sys
