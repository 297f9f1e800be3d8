// SPDX-License-Identifier: Apache-2.0
#include "session/recorder.h"

#include <algorithm>

namespace dsched::session {

Recorder::Recorder(store::Store& store, journal::Journal& journal)
    : store_(store),
      journal_(journal),
      last_commit_(store.world().clock.now() - k_commit_delay),
      last_news_(store.world().clock.now()),
      last_sync_(store.world().clock.now()) {}

void Recorder::note(Instant now) {
  if (!due_) due_ = std::max(now, last_commit_ + k_commit_delay);
}

void Recorder::add(Instant now, const journal::Outcome& outcome) {
  segment_.append(outcome);
  note(now);
}

void Recorder::add_value(Instant now, NodeIndex node, const journal::ValueTimes& times,
                         std::string_view value) {
  segment_.append_value(node, times, value);
  note(now);
}

void Recorder::add_content(executor::Captured&& captured) {
  const bool is_empty = captured.content.size == 0;
  content_bytes_ += captured.bytes.size();
  if (!is_empty || !has_empty_) contents_.push_back(std::move(captured));
  has_empty_ = has_empty_ || is_empty;
}

void Recorder::add_record(store::Record&& record) {
  records_.push_back(std::move(record));
}

void Recorder::after_commit(std::function<void()> tell) {
  if (is_idle()) return tell();
  tell_.push_back(std::move(tell));
}

bool Recorder::has_something() const {
  return segment_.outcomes() > 0 || !contents_.empty() || !records_.empty();
}

bool Recorder::is_full() const {
  return segment_.bytes() >= k_commit_bytes || content_bytes_ >= k_commit_content_bytes ||
         segment_.outcomes() >= journal::k_segment_outcomes_max;
}

// Large results become files (or rows, in transactions of their own) before the transaction that
// makes them visible; a crash in between leaves only what gc removes.
void Recorder::store_contents() {
  for (executor::Captured& captured : contents_) {
    if (captured.file) store_.blobs().keep(std::move(*captured.file), captured.content);
  }
}

void Recorder::write() {
  sys::Transaction transaction(store_.database());
  for (const executor::Captured& captured : contents_) {
    if (!captured.file) store_.blobs().put(captured.bytes);
  }
  for (const store::Record& record : records_) store_.results().put(record);
  if (store_.file_digests().has_queued()) store_.file_digests().write();
  if (execution_ && segment_.outcomes() > 0) {
    journal_.append_segment(execution_->number, segment_.take());
    journal_.update(*execution_);
  }
  transaction.commit();
  is_synced_ = false;
}

void Recorder::commit() {
  store_contents();
  const bool has_news = news_due_ && write_news_ && *news_due_ <= store_.world().clock.now();
  if (has_news) {
    sys::Transaction transaction(store_.database());
    write_news_();
    if (has_something()) write();
    if (execution_) journal_.update(*execution_);
    transaction.commit();
    last_news_ = store_.world().clock.now();
    news_due_.reset();
  } else if (has_something()) {
    write();
  }
  contents_.clear();
  content_bytes_ = 0;
  records_.clear();
  if (due_) last_commit_ = store_.world().clock.now();
  due_.reset();
  const std::vector<std::function<void()>> tell = std::exchange(tell_, {});
  for (const std::function<void()>& say : tell) say();
}

void Recorder::sync(Instant now) {
  commit();
  store_.sync();
  last_sync_ = now;
  is_synced_ = true;
}

}  // namespace dsched::session
