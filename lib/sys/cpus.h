// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many processors this process may use, and who its user is.

#include <string>

namespace dsched::sys {

// What CPU affinity and the cgroup's quota (v1 and v2, rounded up) allow; at least 1.
[[nodiscard]] unsigned usable_cpus();

// The name of the real user; its number as text when the name is not known.
[[nodiscard]] std::string user_name();

}  // namespace dsched::sys
