// SPDX-License-Identifier: Apache-2.0
#pragma once
// Remembered hashes of files outside the store, by path and stat tuple.
//
// find() is safe from any thread and answers only when the whole tuple is the remembered one. A
// file as young as the clock's grain is never remembered: file times come from the kernel's tick
// (up to 10 ms coarse at HZ=100), so a file written again within the tick in which it was examined
// could keep its tuple. The rule: the newer of mtime and ctime must lie at least k_grain before the
// wall time at which the examination began. A time in the future is therefore never trusted.
//
// remember() only queues (any thread); write() stores the queue in the caller's transaction.

#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "store/content.h"
#include "sys/sqlite.h"

namespace dsched::store {

// Two ticks of the coarsest kernel clock.
inline constexpr Nanoseconds k_grain = std::chrono::milliseconds{20};

class FileDigests {
 public:
  explicit FileDigests(sys::Database& database);
  ~FileDigests();

  // Reads all entries at once, the first time; without it nothing remembered earlier is found.
  void load();
  // Entries as they are stored, read from the same database by another connection.
  class Entries;
  struct DropEntries {
    void operator()(Entries* entries) const;
  };
  using Loaded = std::unique_ptr<Entries, DropEntries>;
  [[nodiscard]] static Loaded read(sys::Database& database);
  // Takes what was read elsewhere, as if load() had read it now.
  void adopt(Loaded entries);
  [[nodiscard]] std::optional<Digest> find(std::string_view path, const StatTuple& stat) const;
  // Many finds under one lock, which remember() waits for: short-lived, one for each thread.
  class Finder {
   public:
    [[nodiscard]] std::optional<Digest> find(std::string_view path, const StatTuple& stat) const;
    // Begins to fetch what find() will look at; a system call in between hides the cache miss.
    void prefetch(std::string_view path) const;

   private:
    friend class FileDigests;
    explicit Finder(const FileDigests& digests);
    std::shared_lock<std::shared_mutex> lock_;
    const Entries& entries_;
  };
  [[nodiscard]] Finder finder() const { return Finder(*this); }
  // `examined_at` is the wall time before the file was opened for hashing; `stat` was taken from
  // the open file and was the same after hashing.
  void remember(std::string_view path, const StatTuple& stat, const Digest& hash,
                WallTime examined_at);
  // Whether there is something to write.
  [[nodiscard]] bool has_queued() const;
  void write();
  [[nodiscard]] std::size_t size() const;

 private:
  sys::Database& database_;
  mutable std::shared_mutex mutex_;  // guards everything below
  Loaded entries_;                   // never null
  bool is_loaded_ = false;
  std::vector<std::string_view> queued_;  // paths in entries_
};

// Whether a file with this tuple, examined at this time, is old enough to be remembered.
[[nodiscard]] bool is_settled(const StatTuple& stat, WallTime examined_at);
// How long it takes until it is; 0: it is settled.
[[nodiscard]] Nanoseconds settles_in(const StatTuple& stat, WallTime now);

}  // namespace dsched::store
