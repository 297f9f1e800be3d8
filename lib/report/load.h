// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a store's executions ask of the machine now, and what they did: status and statistics.
//
// A request is a node that an execution needs. It counts as completed, failed or cancelled when it
// ended in an execution, as active while it runs, as queued while an execution that has a runner
// has it still to do. Nodes that an execution never reached before it ended, or before its runner
// vanished, are no requests. So every request is exactly one of the five, and their sum is the
// total.

#include <optional>
#include <string>
#include <vector>

#include "journal/live.h"
#include "journal/summary.h"
#include "report/estimate.h"
#include "report/recorded.h"
#include "wire/load_answer.h"

namespace dsched::report {

// An execution with a living runner.
struct Living {
  journal::ExecutionRecord record;
  std::optional<journal::LiveState> live;  // empty: it has just begun
};
[[nodiscard]] std::vector<Living> living_executions(Book book);

struct Requests {
  std::uint64_t active = 0;
  std::uint64_t queued = 0;
};
// Of all operations, or of one (its name as in programs).
[[nodiscard]] Requests requests_now(Book book, const std::vector<Living>& living,
                                    const std::optional<std::string>& operation);

struct StatisticsQuery {
  std::optional<WallTime> since;  // empty: everything on record, rates over the last minute
  std::optional<std::string> operation;
};
[[nodiscard]] wire::StatisticsAnswer statistics_of(Book book, const StatisticsQuery& query);

// Without what the machine knows: slots and memory.
[[nodiscard]] wire::StatusAnswer status_of(Book book, const std::vector<Living>& living);

// Slots that the running nodes of these executions occupy.
[[nodiscard]] Slots slots_in_use(const std::vector<Living>& living);

// What stands before something that is submitted now. Empty: nothing was ever measured.
[[nodiscard]] std::optional<std::vector<PendingWork>> pending_work(
    Book book, const std::vector<Living>& living);

// ---- pure parts

[[nodiscard]] wire::Percentiles percentiles_of(const journal::Latencies& latencies);

// How long the time is that these figures are of, when cells from `asked` on were summed: it begins
// with the first cell that was included, and not before the store.
[[nodiscard]] Nanoseconds length_of_window(WallTime asked, std::optional<WallTime> earliest_cell,
                                           WallTime store_start, WallTime now);

}  // namespace dsched::report
