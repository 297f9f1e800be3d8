// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a failed attempt is followed by another one, and how long it waits.
//
// Pure. The rule is spec/run.md's: before retry k (1, 2, …) min(60 s, backoff · 2^(k-1)), and up to
// a quarter of it as jitter, so that nodes which failed together do not come back together.

#include <cstdint>

#include "base/failure.h"
#include "base/ids.h"

namespace dsched::engine {

// Whether an attempt that ended like this may be followed by another one at all. What does not
// exist or was refused will not be different the next time.
[[nodiscard]] bool is_retryable(FailureClass failure);

// `jitter` is 0 … 1 and was drawn when the failure became known.
[[nodiscard]] Nanoseconds retry_delay(Nanoseconds backoff, std::uint32_t retry, double jitter);

}  // namespace dsched::engine
