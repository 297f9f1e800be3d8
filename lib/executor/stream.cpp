// SPDX-License-Identifier: Apache-2.0
#include "executor/stream.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::executor {

void Stream::open(int file) {
  file_ = sys::Fd(::fcntl(file, F_DUPFD_CLOEXEC, 3));
  if (!file_) throw Error(ErrorKind::environment, describe_errno("stream", errno));
  is_open_.store(true);
}

void Stream::end(State how) {
  State growing = State::growing;
  if (state_.compare_exchange_strong(growing, how)) ended_.ring();
}

std::uint64_t Stream::size() const {
  return sys::info_of(file_.get()).size;
}

StreamReader& Stream::attach() {
  const std::scoped_lock lock(mutex_);
  return readers_.emplace_back();
}

void Stream::detach(const StreamReader& reader) {
  const std::scoped_lock lock(mutex_);
  readers_.remove_if([&](const StreamReader& one) { return &one == &reader; });
}

bool Stream::has_readers() const {
  const std::scoped_lock lock(mutex_);
  return !readers_.empty();
}

bool Stream::is_behind() {
  if (!max_lag_) return false;
  const std::uint64_t limit = was_behind_ ? *max_lag_ / 2 : *max_lag_;
  const std::uint64_t written = size();
  const std::scoped_lock lock(mutex_);
  was_behind_ = std::any_of(readers_.begin(), readers_.end(), [&](const StreamReader& reader) {
    const std::uint64_t position = reader.position.load();
    return reader.counts.load() && written > position && written - position > limit;
  });
  return was_behind_;
}

}  // namespace dsched::executor
