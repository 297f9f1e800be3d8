// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the session's thread reaches the attempt that a worker runs: a node, what was asked, a bell.
//
// What is asked of another node than the one that runs is not kept, so a control that comes late
// can never reach the next attempt.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "executor/executor.h"
#include "sys/event_queue.h"

namespace dsched::executor {

class WorkerMailbox {
 public:
  void begin(NodeIndex node) {
    const std::scoped_lock lock(mutex_);
    node_ = node;
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    node_.reset();
    if (!asked_.empty()) bell_.silence();
    asked_.clear();
    is_obeying_ = false;
    obeyed_.notify_all();
  }
  // False when this worker does not run `node`.
  bool post(NodeIndex node, Control what) {
    const std::scoped_lock lock(mutex_);
    if (node_ != node) return false;
    if (asked_.empty()) bell_.ring();
    asked_.push_back(what);
    return true;
  }
  // Whatever runs, if anything does.
  void post_to_any(Control what) {
    const std::scoped_lock lock(mutex_);
    if (!node_) return;
    if (asked_.empty()) bell_.ring();
    asked_.push_back(what);
  }
  [[nodiscard]] std::vector<Control> take() {
    const std::scoped_lock lock(mutex_);
    if (!asked_.empty()) bell_.silence();
    is_obeying_ = !asked_.empty();
    return std::exchange(asked_, {});
  }
  // The worker has done what it took.
  void done() {
    const std::scoped_lock lock(mutex_);
    is_obeying_ = false;
    obeyed_.notify_all();
  }
  // Returns when everything asked has been done, or after `patience`: a process may be out of
  // reach.
  void wait_until_obeyed(Nanoseconds patience) {
    std::unique_lock lock(mutex_);
    obeyed_.wait_for(lock, patience, [this] { return asked_.empty() && !is_obeying_; });
  }
  // Readable while take() would give something.
  [[nodiscard]] int fd() const { return bell_.fd(); }

 private:
  std::mutex mutex_;
  std::optional<NodeIndex> node_;  // guarded by mutex_
  std::vector<Control> asked_;     // guarded by mutex_
  bool is_obeying_ = false;        // guarded by mutex_
  std::condition_variable obeyed_;
  sys::Bell bell_;
};

}  // namespace dsched::executor
