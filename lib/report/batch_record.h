// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which executions on record are batches. Their program has no nodes: the requests came as a
// stream and are nowhere but in the figures.

#include "journal/journal.h"

namespace dsched::report {

// A member of ExecutionRecord::settings. stored: never rename
inline constexpr const char* k_batch_setting = "batch";

[[nodiscard]] bool is_batch(const journal::ExecutionRecord& record);

}  // namespace dsched::report
