// SPDX-License-Identifier: Apache-2.0
#include "store/gc.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "store/recovery.h"
#include "store/run_locks.h"

namespace dsched::store {
namespace {

constexpr Nanoseconds k_note_interval = std::chrono::hours{24};  // of Results::touch

struct Candidate {
  Digest key;
  WallTime used_at;
  std::vector<Digest> blobs;
};

class Collection {
 public:
  Collection(Store& store, const GcOptions& options, const Protected& protected_things)
      : store_(store), options_(options), protected_(protected_things) {}

  GcResult run() {
    now_ = store_.world().clock.wall();
    young_from_ = now_ - k_grace;
    spare_what_runs();
    survey();
    remove_results();
    remove_blobs();
    remove_unknown_files();
    return result_;
  }

 private:
  // Within the transaction that removes something, or before all of them.
  void spare_what_runs() {
    for (const Running& running : all_running(store_)) {
      // Without a time it is not known what the execution may use: then everything is young.
      const WallTime used_from =
          running.holder.since ? *running.holder.since - k_note_interval : WallTime::min();
      young_from_ = std::min(young_from_, used_from);
    }
  }

  bool is_young(WallTime used_at) const { return used_at >= young_from_; }

  // Which records there are, oldest use first, and how many records name each blob.
  void survey() {
    store_.blobs().each([&](const BlobInfo& info) {
      blobs_.push_back(info);
      result_.bytes_left += info.stored_size;
    });
    for (const BlobInfo& info : blobs_) stored_size_[info.content.hash] = info.stored_size;
    store_.results().each([&](const Record& record) {
      ++result_.results_left;
      Candidate candidate{record.key, record.last_used_at, {}};
      for (const Content& content : contents_of(record)) candidate.blobs.push_back(content.hash);
      std::sort(candidate.blobs.begin(), candidate.blobs.end());
      candidate.blobs.erase(std::unique(candidate.blobs.begin(), candidate.blobs.end()),
                            candidate.blobs.end());
      for (const Digest& blob : candidate.blobs) ++uses_[blob];
      if (!is_young(record.last_used_at) && !protected_.keys.contains(record.key)) {
        candidates_.push_back(std::move(candidate));
      }
    });
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return a.used_at != b.used_at ? a.used_at < b.used_at : a.key < b.key;
    });
    bytes_planned_ = result_.bytes_left;
    for (const BlobInfo& info : blobs_) {
      if (may_go(info)) bytes_planned_ -= info.stored_size;
    }
  }

  bool may_go(const BlobInfo& info) const {
    return !uses_.contains(info.content.hash) && !is_young(info.used_at) &&
           !protected_.blobs.contains(info.content.hash);
  }

  bool is_wanted_gone(const Candidate& candidate) const {
    if (options_.older_than && candidate.used_at < now_ - *options_.older_than) return true;
    return options_.bytes_max && bytes_planned_ > *options_.bytes_max;
  }

  void remove_results() {
    std::size_t next = 0;
    while (next < candidates_.size() && is_wanted_gone(candidates_[next])) {
      // As many as fit into a short transaction.
      const Instant began = store_.world().clock.now();
      sys::Transaction transaction(store_.database());
      spare_what_runs();
      constexpr std::size_t k_batch = 256;  // a bound also where the clock stands still
      for (std::size_t i = 0; i < k_batch && next < candidates_.size(); ++i) {
        if (!is_wanted_gone(candidates_[next])) break;
        remove_result(candidates_[next++]);
        if (store_.world().clock.now() - began > k_lock_limit / 2) break;
      }
      transaction.commit();
    }
  }

  void remove_result(const Candidate& candidate) {
    // Somebody may have used it since the survey.
    const std::optional<Record> record = store_.results().find(candidate.key);
    if (!record || is_young(record->last_used_at)) return;
    if (!store_.results().remove(candidate.key)) return;
    ++result_.results_removed;
    --result_.results_left;
    for (const Digest& blob : candidate.blobs) {
      const auto uses = uses_.find(blob);
      if (--uses->second > 0) continue;
      uses_.erase(uses);
      bytes_planned_ -= stored_size_[blob];
    }
  }

  void remove_blobs() {
    for (const BlobInfo& info : blobs_) {
      if (!may_go(info)) continue;
      {
        sys::Transaction transaction(store_.database());
        spare_what_runs();
        const std::optional<BlobInfo> current = store_.blobs().info(info.content.hash);
        if (!current || is_young(current->used_at)) continue;
        if (!store_.blobs().remove(info.content.hash)) continue;
        transaction.commit();
      }
      ++result_.blobs_removed;
      result_.bytes_freed += info.stored_size;
      result_.bytes_left -= info.stored_size;
    }
    store_.finish_removals();
  }

  void remove_unknown_files() {
    spare_what_runs();
    for (const Digest& hash : store_.blobs().unknown_files()) {
      const std::optional<BlobInfo> info = store_.blobs().info(hash);
      if (!info || !may_go(*info)) continue;
      if (!store_.blobs().remove(hash)) continue;
      ++result_.blobs_removed;
      result_.bytes_freed += info->stored_size;
    }
  }

  Store& store_;
  const GcOptions& options_;
  const Protected& protected_;
  WallTime now_;
  WallTime young_from_;
  std::vector<BlobInfo> blobs_;
  std::unordered_map<Digest, std::uint64_t> stored_size_;
  std::unordered_map<Digest, std::uint64_t> uses_;  // by records that remain
  std::vector<Candidate> candidates_;
  std::uint64_t bytes_planned_ = 0;  // what will be left when the unneeded blobs have gone
  GcResult result_;
};

}  // namespace

GcResult collect_garbage(Store& store, const GcOptions& options,
                         const Protected& protected_things) {
  return Collection(store, options, protected_things).run();
}

}  // namespace dsched::store
