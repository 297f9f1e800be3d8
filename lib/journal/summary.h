// SPDX-License-Identifier: Apache-2.0
#pragma once
// Figures of what nodes did, summed while it is recorded, so that nobody reads a million outcomes
// to know a percentile.
//
// A Summary adds up the nodes of one operation of one execution that *ended* within one time cell
// (k_cell long, aligned to the epoch). Once a day cells older than k_fine_age are merged into cells
// of k_coarse_cell. Figures join a transaction that also holds the outcomes they count, or a later
// one, at most k_figures_delay after (session/recorder.h): so long may a reader miss nodes that are
// recorded already, and a runner that is killed loses the figures of those for good.
//
// Latencies are kept as journal/latencies.h says: exactly as long as a cell holds few, so a store
// with few nodes answers exact percentiles, one with a million answers within milliseconds.
//
// Table: summary(execution, cell, span, operation, figures); cell and span are seconds, the start
// of the cell since the epoch and its length. Grammar of figures in summary.cpp; stored, versioned.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "journal/latencies.h"
#include "sys/sqlite.h"

namespace dsched::journal {

inline constexpr Nanoseconds k_cell = std::chrono::seconds{10};
inline constexpr Nanoseconds k_coarse_cell = std::chrono::hours{1};
inline constexpr Nanoseconds k_fine_age = std::chrono::hours{2};
inline constexpr Nanoseconds k_figures_delay = std::chrono::milliseconds{100};

struct Summary {
  std::uint64_t completed = 0;  // reused ones included
  std::uint64_t reused = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  Nanoseconds processing{0};  // wall time of the attempts that ended them
  Latencies latency;          // ready to ended; waiting for approval not counted
  Latencies queue;            // ready to started; of reused ones there is none
  std::uint64_t tokens = 0;   // reported by workers
  Nanoseconds token_time{0};
  // Of requests to workers: time in flight, and what it could have been with all batches full while
  // their instances had work.
  Nanoseconds batch_used{0};
  Nanoseconds batch_room{0};
  void merge(const Summary& other);
  [[nodiscard]] std::uint64_t nodes() const { return completed + failed + cancelled; }
};

// Joins the caller's transaction. Adds to what stands there.
void add_summary(sys::Database& database, ExecutionNumber execution, WallTime at,
                 std::string_view operation, const Summary& figures);
struct SummaryQuery {
  std::optional<WallTime> since;         // cells that end after it
  std::optional<std::string> operation;  // its name as in programs
  std::optional<ExecutionNumber> execution;
  enum class Parts : std::uint8_t { all, counts } parts = Parts::all;  // counts: and `processing`
};
// Of more latencies than this a sum is not exact, because sorting a million of them takes longer
// than anybody who looks should wait.
inline constexpr std::uint64_t k_exact_sum_max = 50'000;
// The sum of all that fits, and the start of the earliest cell.
struct SummaryAnswer {
  Summary figures;
  std::optional<WallTime> earliest;
};
// Throws Error damaged when figures cannot be read.
[[nodiscard]] SummaryAnswer sum_up(sys::Database& database, const SummaryQuery& query);
void remove_summaries(sys::Database& database, ExecutionNumber execution);
// Merges cells older than k_fine_age, in short transactions of its own.
void coarsen_summaries(sys::Database& database, WallTime now);

}  // namespace dsched::journal
