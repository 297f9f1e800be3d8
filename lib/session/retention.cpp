// SPDX-License-Identifier: Apache-2.0
#include "session/retention.h"

#include <limits>

#include "journal/approvals.h"
#include "journal/audit.h"
#include "journal/summary.h"
#include "session/detach.h"
#include "store/run_locks.h"
#include "sys/cpus.h"

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using std::chrono::hours;

constexpr Nanoseconds k_keep_completed = hours{24 * 30};
constexpr Nanoseconds k_keep_others = hours{24 * 90};
constexpr std::size_t k_keep_count = 200;
constexpr Nanoseconds k_collect_interval = hours{24};
constexpr std::size_t k_all = std::numeric_limits<std::uint32_t>::max();

bool is_over(const journal::ExecutionRecord& record) {
  return record.status == ExecutionStatus::completed || record.status == ExecutionStatus::cancelled;
}

void protect_blobs(const journal::Outcome& outcome, store::Protected& needed) {
  needed.blobs.insert(outcome.content.hash);
  if (outcome.log) needed.blobs.insert(outcome.log->hash);
  for (const store::OutputEntry& output : outcome.outputs) {
    needed.blobs.insert(output.content.hash);
    for (const store::Content& member : output.members) needed.blobs.insert(member.hash);
  }
}

std::vector<journal::ExecutionRecord> expire(store::Store& store, journal::Journal& journal,
                                             const store::GcOptions& options) {
  const WallTime now = store.world().clock.wall();
  std::vector<journal::ExecutionRecord> kept;
  std::vector<journal::ExecutionRecord> gone;
  std::size_t newer = 0;
  journal.each(k_all, [&](const journal::ExecutionRecord& record) {
    const Nanoseconds age = now - record.finished_at.value_or(record.submitted_at);
    bool old = age > (is_over(record) ? k_keep_completed : k_keep_others);
    if (is_over(record) && newer < k_keep_count) old = false;
    if (options.older_than && age > *options.older_than) old = true;
    if (record.status == ExecutionStatus::running && age < k_keep_others) old = false;
    ++newer;
    (old ? gone : kept).push_back(record);
  });
  for (journal::ExecutionRecord& record : gone) {
    // Whoever runs or resumes it holds this lock, and then it stays.
    const auto lock =
        store::try_run_lock(store, {.execution_id = to_text(record.id), .machine_folder = {}});
    if (std::holds_alternative<store::RunLock>(lock)) {
      journal.remove(record.number);
      store.world().files.remove(log_path(store.identity().folder, to_text(record.id)));
    } else {
      kept.push_back(std::move(record));
    }
  }
  return kept;
}

// Tokens that nobody can use any more, and what is old in the audit.
void forget_consents(store::Store& store, const store::GcOptions& options) {
  const WallTime now = store.world().clock.wall();
  sys::Transaction transaction(store.database());
  journal::remove_tokens(store.database(), now - k_keep_completed);
  if (options.older_than) {
    (void)journal::trim_audit(
        store.database(),
        {.before = now - *options.older_than, .now = now, .actor = sys::user_name()});
  }
  transaction.commit();
}

}  // namespace

store::GcResult collect(store::Store& store, journal::Journal& journal,
                        const store::GcOptions& options) {
  store::Protected needed;
  for (const journal::ExecutionRecord& record : expire(store, journal, options)) {
    needed.blobs.insert(record.program.hash);
    if (options.bytes_max && is_over(record)) continue;
    journal.each_outcome(record.number, [&](journal::Outcome&& outcome) {
      protect_blobs(outcome, needed);
      // What can be resumed keeps its results; others go by their own last use.
      if (!is_over(record) && outcome.key) needed.keys.insert(*outcome.key);
    });
  }
  journal.remove_unused_reuse();
  forget_consents(store, options);
  return store::collect_garbage(store, options, needed);
}

void collect_now_and_then(store::Store& store, journal::Journal& journal) {
  const WallTime now = store.world().clock.wall();
  const auto is_due = [&] {
    const auto last = journal.last_collection();
    return !last || now - *last >= k_collect_interval;
  };
  if (!is_due()) return;
  {
    sys::Transaction transaction(store.database());
    if (!is_due()) return;  // another execution that ends has just taken it on
    const bool is_first_day = !journal.last_collection();
    journal.set_last_collection(now);
    transaction.commit();
    if (is_first_day) return;
  }
  journal::coarsen_summaries(store.database(), now);
  store::GcOptions options;
  options.older_than = k_keep_others;
  (void)collect(store, journal, options);
}

}  // namespace dsched::session
