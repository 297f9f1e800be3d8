// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether somebody holds a lock file of sys/host.h, for those who only look.

#include <string>

namespace dsched::sys {

// True while another open file holds it exclusively. Makes nothing; a file that does not exist or
// cannot be read is not locked. Looking takes the lock, shared, for a moment when it is free.
[[nodiscard]] bool is_locked(const std::string& path);

}  // namespace dsched::sys
