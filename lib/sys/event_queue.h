// SPDX-License-Identifier: Apache-2.0
#pragma once
// A queue from many threads to one, with a descriptor that is readable while it is not empty.
//
// The descriptor is written only when nothing has made it readable since the last take(), so a
// burst costs one wake-up.

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "sys/fd.h"

namespace dsched::sys {

// An eventfd used as a bell: ring() makes it readable, silence() makes it not.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw Error(ErrorKind::environment, describe_errno("eventfd", errno));
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void ring() const {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then it is readable anyway.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }
  // Whether it had rung.
  bool silence() const {
    std::uint64_t count = 0;
    return ::read(fd_.get(), &count, sizeof count) > 0;
  }

 private:
  Fd fd_;
};

template <class T>
class EventQueue {
 public:
  void push(T event) {
    std::unique_lock lock(mutex_);
    events_.push_back(std::move(event));
    ring(std::move(lock));
  }
  // Two that the reader finds when something rings: the one who pushes sees to that.
  void push_quietly(T first, T second) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(std::move(first));
    events_.push_back(std::move(second));
  }
  // Rings for what was pushed quietly, if it has not been taken.
  void ring() {
    std::unique_lock lock(mutex_);
    if (!events_.empty()) ring(std::move(lock));
  }
  // All of them, which are gone from `events` then; at most one wake-up.
  void push_all(std::vector<T>& events) {
    if (events.empty()) return;
    std::unique_lock lock(mutex_);
    std::move(events.begin(), events.end(), std::back_inserter(events_));
    events.clear();
    ring(std::move(lock));
  }
  // Appends what has arrived to `out`, in order; does not wait.
  void take(std::vector<T>& out) {
    // First, so that no ring is lost: what rings after this is taken below or rings for the next.
    bell_.silence();
    const std::scoped_lock lock(mutex_);
    std::move(events_.begin(), events_.end(), std::back_inserter(out));
    events_.clear();
    has_rung_ = false;
  }
  [[nodiscard]] int fd() const { return bell_.fd(); }

 private:
  // Without the lock: a reader that wakes at once would only go back to sleep for it.
  void ring(std::unique_lock<std::mutex> lock) {
    const bool rings = !std::exchange(has_rung_, true);
    lock.unlock();
    if (rings) bell_.ring();
  }

  std::mutex mutex_;
  std::vector<T> events_;  // guarded by mutex_
  bool has_rung_ = false;  // guarded by mutex_: since the last take()
  Bell bell_;
};

}  // namespace dsched::sys
