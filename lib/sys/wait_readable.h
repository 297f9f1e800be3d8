// SPDX-License-Identifier: Apache-2.0
#pragma once
// Waiting for descriptors to become readable, until a moment.

#include <optional>
#include <span>

#include "base/ids.h"

namespace dsched::sys {

// Returns when one of `fds` (negative ones are ignored) is readable or hung up, `until` has passed
// on CLOCK_MONOTONIC, or a signal handler ran. Never early otherwise.
void wait_readable(std::span<const int> fds, std::optional<Instant> until);

}  // namespace dsched::sys
