// SPDX-License-Identifier: Apache-2.0
#pragma once
// Changes the priority of an execution from outside.
//
// One place holds the level at any time, so that two steps at once are two steps: the machine,
// while its runner leases slots (the runner then keeps it on record); a wish in the store, for a
// runner without a machine; else the record, rewritten with the run lock held.

#include <string>

#include "journal/journal.h"
#include "store/store.h"
#include "wire/policy_answer.h"
#include "wire/policy_request.h"

namespace dsched::session {

// `name` as in journal::Journal::find. Throws Error: not_found when there is no such execution,
// denied at the end of the range.
[[nodiscard]] wire::PriorityAnswer change_priority(store::Store& store, journal::Journal& journal,
                                                   const wire::PriorityChange& change);

}  // namespace dsched::session
