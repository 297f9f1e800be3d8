// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long executions are kept, and what the store must keep for them.
//
// Completed executions stay for 30 days or until 200 newer ones exist, whichever is later; failed,
// interrupted and waiting ones for 90 days. What an execution that can still be resumed refers to
// is never collected; what others refer to is kept unless a size was asked for.

#include "journal/journal.h"
#include "store/gc.h"

namespace dsched::session {

// Removes what is too old from the journal, then collects results and blobs that nothing needs.
[[nodiscard]] store::GcResult collect(store::Store& store, journal::Journal& journal,
                                      const store::GcOptions& options);

// At the end of a run: the above with the default limits, if the last time was a day ago or more.
void collect_now_and_then(store::Store& store, journal::Journal& journal);

}  // namespace dsched::session
