// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the table of a machine says to people: who runs, who holds slots, how many are in use. Pure.

#include "machine/table.h"
#include "report/estimate.h"
#include "wire/load_answer.h"

namespace dsched::report {

// Members in the order they came.
[[nodiscard]] wire::SchedulerAnswer scheduler_of(const machine::Table& table, Instant now);

// In use is what is leased: members give back what they do not need, at the latest within a second,
// and report no more often than that what their nodes occupy. A member that is alone may have more
// than there are.
[[nodiscard]] SlotsNow slots_of(const machine::Table& table);

}  // namespace dsched::report
