// SPDX-License-Identifier: Apache-2.0
#pragma once
// Group commit: collects what happened and writes it in one transaction, with its results.
//
// Law: a completion and its result become visible together, at most k_commit_delay after it
// happened while the session runs, and what is told to anybody was committed before. Once a second,
// and at the end, what was committed is made to survive a crash of the machine.
//
// News (what runs now, figures of what ended) go with a commit, but at most once in
// journal::k_live_interval and not before that long after the beginning; where nothing else is to
// be committed they are committed alone. A run that is shorter writes them never or at its end.

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "executor/attempt.h"
#include "journal/journal.h"
#include "journal/live.h"
#include "store/store.h"

namespace dsched::session {

// Between two commits. One per event costs more than ninja's whole run (measured); but what comes
// alone is committed at once, so that a runner that is killed forgets as little as can be.
inline constexpr Nanoseconds k_commit_delay = std::chrono::milliseconds{10};
inline constexpr std::size_t k_commit_bytes = 64 * 1024;
inline constexpr std::size_t k_commit_content_bytes = 4 * 1024 * 1024;  // results held in memory
inline constexpr Nanoseconds k_sync_interval = std::chrono::seconds{1};

class Recorder {
 public:
  Recorder(store::Store& store, journal::Journal& journal);

  // `execution` is rewritten with every commit; it belongs to the caller.
  void begin(journal::ExecutionRecord& execution) { execution_ = &execution; }

  // `write` puts the news into the database; called within the transaction of a commit.
  void set_news(std::function<void()> write) { write_news_ = std::move(write); }
  // There is something new to say.
  void note_news(Instant now) {
    if (!news_due_) news_due_ = std::max(now, last_news_ + journal::k_live_interval);
  }

  void add(Instant now, const journal::Outcome& outcome);
  void add_value(Instant now, NodeIndex node, const journal::ValueTimes& times,
                 std::string_view value);
  // To be stored with the next commit.
  void add_content(executor::Captured&& captured);
  void add_record(store::Record&& record);
  // Called after the next commit, at once when nothing waits for one: what may then be told.
  void after_commit(std::function<void()> tell);
  // Nothing waits for a commit.
  [[nodiscard]] bool is_idle() const { return !has_something() && tell_.empty(); }

  [[nodiscard]] bool is_full() const;
  // When commit() must be called at the latest; empty: nothing is waiting.
  [[nodiscard]] std::optional<Instant> due() const {
    if (due_ && news_due_) return std::min(*due_, *news_due_);
    return due_ ? due_ : news_due_;
  }
  void commit();
  // Commits, and makes it survive a crash of the machine.
  void sync(Instant now);
  // When sync() must be called at the latest; empty: everything committed is safe.
  [[nodiscard]] std::optional<Instant> sync_due() const {
    if (is_synced_) return std::nullopt;
    return last_sync_ + k_sync_interval;
  }

 private:
  void note(Instant now);
  void write();
  [[nodiscard]] bool has_something() const;
  void store_contents();

  store::Store& store_;
  journal::Journal& journal_;
  journal::ExecutionRecord* execution_ = nullptr;
  journal::SegmentWriter segment_;
  std::vector<executor::Captured> contents_;
  std::vector<store::Record> records_;
  std::vector<std::function<void()>> tell_;
  std::size_t content_bytes_ = 0;  // held in contents_
  std::optional<Instant> due_;
  std::function<void()> write_news_;
  std::optional<Instant> news_due_;
  Instant last_commit_;
  bool is_synced_ = true;
  bool has_empty_ = false;  // the empty blob, which many results share, is written once
  Instant last_news_;
  Instant last_sync_;
};

}  // namespace dsched::session
