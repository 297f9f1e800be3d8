// SPDX-License-Identifier: Apache-2.0
#include "executor/process_executor.h"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "executor/blocked_signals.h"
#include "executor/request_pool.h"
#include "executor/worker.h"

namespace dsched::executor {

namespace {

// With so many attempts waiting the session need not hear of an end at once: all workers are busy,
// and stay so. It hears of it within the 5 ms after which a worker tells of an attempt that still
// runs, for each of the attempts that may end meanwhile.
constexpr std::size_t k_enough_waiting = 4;

// Its worker rings within milliseconds, because it has ended or because it has not.
bool is_told_of_soon(const Attempt& attempt) {
  return std::holds_alternative<ProcessWork>(attempt.work);
}

}  // namespace

ProcessExecutor::ProcessExecutor(ProcessExecutorOptions options) : options_(std::move(options)) {
  DSCHED_ASSERT(options_.table != nullptr && options_.trees != nullptr, "processes need a table");
  DSCHED_ASSERT(options_.clock != nullptr && options_.stage, "attempts need a clock and a file");
  options_.width = std::clamp(options_.width, 1u, unsigned{sys::AttemptTable::k_slots});
  first_slot_ = RequestPool::instance_count(options_.workers);
  DSCHED_ASSERT(first_slot_ < sys::AttemptTable::k_slots, "the reader limits the instances");
}

ProcessExecutor::~ProcessExecutor() {
  requests_.reset();
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    for (const std::unique_ptr<Worker>& worker : workers_) {
      worker->mailbox().post_to_any(Control::kill);
    }
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ProcessExecutor::start(Attempt attempt) {
  if (std::holds_alternative<WorkerRequestWork>(attempt.work)) {
    if (!requests_) requests_ = std::make_unique<RequestPool>(options_, events_, failures_);
    return requests_->start(std::move(attempt));
  }
  {
    const std::scoped_lock lock(mutex_);
    failures_known_ = failures_taken_;
    waiting_.push_back(std::move(attempt));
    if (waiting_.size() <= idle_) {
      wanted_.notify_one();
      return;
    }
  }
  make_workers();
}

void ProcessExecutor::hand_over() {
  if (requests_) requests_->hand_over();
}

void ProcessExecutor::set_width(Slots width) {
  {
    const std::scoped_lock lock(mutex_);
    const unsigned before = options_.width;
    options_.width = std::min(width.count, std::uint32_t{sys::AttemptTable::k_slots});
    if (options_.width <= before || waiting_.empty()) return;
    wanted_.notify_all();
  }
  make_workers();
}

// As many threads as may have something to do. What waits while all are busy is taken by the next
// one that is done, without anybody being woken.
void ProcessExecutor::make_workers() {
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      const std::size_t most = std::min(std::size_t{options_.width} + suspended_,
                                        sys::AttemptTable::k_slots - first_slot_);
      if (waiting_.size() <= idle_ || workers_.size() >= most || no_more_threads_) return;
      workers_.push_back(
          std::make_unique<Worker>(options_, events_, failures_, first_slot_ + workers_.size()));
      // It is idle until it takes something: else this would make one more for the same attempt.
      ++idle_;
    }
    Worker& made = *workers_.back();
    const BlockedSignals blocked;
    try {
      threads_.emplace_back([this, &made] { run_worker(made); });
    } catch (const std::system_error& problem) {
      const std::scoped_lock lock(mutex_);
      --idle_;
      workers_.pop_back();
      no_more_threads_ = true;
      // With another worker this is only less at once: it takes the attempt when it is done.
      if (!workers_.empty()) return;
      throw Error(ErrorKind::environment, describe_errno("start a thread", problem.code().value()));
    }
  }
}

std::optional<Attempt> ProcessExecutor::next(Worker& worker) {
  std::unique_lock lock(mutex_);
  if (worker.count == Worker::Count::busy) --busy_;
  if (worker.count == Worker::Count::suspended) --suspended_;
  // A new worker counts as idle already.
  if (worker.has_run) ++idle_;
  worker.has_run = true;
  worker.count = Worker::Count::idle;
  const auto may_take = [this] {
    return !waiting_.empty() && busy_ < options_.width && failures_.load() <= failures_known_;
  };
  if (!may_take() && !stopping_) {
    lock.unlock();
    events_.ring();
    lock.lock();
  }
  while (!may_take() && !stopping_) wanted_.wait(lock);
  if (stopping_) return std::nullopt;
  --idle_;
  ++busy_;
  worker.count = Worker::Count::busy;
  Attempt attempt = std::move(waiting_.front());
  waiting_.pop_front();
  // Under the lock, so that an attempt is always either waiting or reachable in a mailbox.
  worker.mailbox().begin(attempt.node);
  const bool rings = waiting_.size() < k_enough_waiting || !is_told_of_soon(attempt);
  lock.unlock();
  if (rings) events_.ring();
  return attempt;
}

void ProcessExecutor::run_worker(Worker& worker) {
  while (const std::optional<Attempt> attempt = next(worker)) worker.run(*attempt);
}

bool ProcessExecutor::withdraw(NodeIndex node) {
  if (requests_ && requests_->withdraw(node)) return true;
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Attempt& attempt) { return attempt.node == node; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void ProcessExecutor::control(NodeIndex node, Control what) {
  {
    const std::scoped_lock lock(mutex_);
    const auto runs_it = [&](const std::unique_ptr<Worker>& worker) {
      return worker->mailbox().post(node, what);
    };
    const auto found = std::find_if(workers_.begin(), workers_.end(), runs_it);
    if (found == workers_.end()) {
      if (requests_) requests_->control(node, what);
      return;
    }
    Worker& worker = **found;
    if (what == Control::suspend && worker.count == Worker::Count::busy) {
      worker.count = Worker::Count::suspended;
      --busy_, ++suspended_;
      if (waiting_.empty()) return;
      wanted_.notify_one();
    } else if (what == Control::resume && worker.count == Worker::Count::suspended) {
      worker.count = Worker::Count::busy;
      ++busy_, --suspended_;
      return;
    } else {
      return;
    }
  }
  make_workers();
}

void ProcessExecutor::wait_until_obeyed() {
  constexpr Nanoseconds k_patience = std::chrono::seconds{1};
  if (requests_) requests_->wait_until_obeyed(k_patience);
  const std::scoped_lock lock(mutex_);  // workers do not need it to obey
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->mailbox().wait_until_obeyed(k_patience);
  }
}

void ProcessExecutor::take_events(std::vector<AttemptEvent>& out) {
  const std::size_t first = out.size();
  events_.take(out);
  for (std::size_t index = first; index < out.size(); ++index) {
    const auto* ended = std::get_if<Ended>(&out[index]);
    if (ended != nullptr && ended->failure != FailureClass::none) ++failures_taken_;
  }
}

}  // namespace dsched::executor
