// SPDX-License-Identifier: Apache-2.0
#pragma once
// Removes results and blobs that nothing needs, oldest first, to an age or a size.
//
// Safe beside running executions, without asking them. What they use is one of:
//   - named by `protected_things`, which the caller took from the journal (what recent executions
//     refer to);
//   - young: made, put again or noted as used after `k_grace` before now, or, while executions run,
//     after a day before the oldest living runner began. Every use notes itself at most a day after
//     the last note (Results::touch) and every put at once (k_refresh_interval), so whatever a
//     running execution has found or made is young.
//
// An execution may begin at any moment, so each transaction that removes something looks again for
// runners. A runner takes its lock (store/run_locks.h), then writes a transaction (it records the
// execution), and only then looks for results: what it finds then is either seen by nobody who
// removes without knowing of it, or gone already.
//
// A blob is removed only when no remaining record names it, in a transaction that looks again; its
// file goes in a second one, unless it was put again meanwhile. No transaction takes longer than
// about k_lock_limit.

#include <cstdint>
#include <optional>
#include <unordered_set>

#include "store/store.h"

namespace dsched::store {

inline constexpr Nanoseconds k_grace = std::chrono::minutes{15};
inline constexpr Nanoseconds k_lock_limit = std::chrono::milliseconds{20};

struct Protected {
  std::unordered_set<Digest> keys;   // results
  std::unordered_set<Digest> blobs;  // blobs beside those of the results, such as logs
};

struct GcOptions {
  std::optional<Nanoseconds> older_than;   // by last use
  std::optional<std::uint64_t> bytes_max;  // what the blobs may occupy
};

struct GcResult {
  std::uint64_t results_removed = 0;
  std::uint64_t blobs_removed = 0;
  std::uint64_t bytes_freed = 0;
  std::uint64_t results_left = 0;
  std::uint64_t bytes_left = 0;
};

// With neither limit only blobs that no record names go.
[[nodiscard]] GcResult collect_garbage(Store& store, const GcOptions& options,
                                       const Protected& protected_things);

}  // namespace dsched::store
