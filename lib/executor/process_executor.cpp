// SPDX-License-Identifier: Apache-2.0
#include "executor/process_executor.h"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "executor/worker.h"

namespace dsched::executor {
namespace {

// Signals to the runner are read by the session's thread alone.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

ProcessExecutor::ProcessExecutor(ProcessExecutorOptions options) : options_(std::move(options)) {
  DSCHED_ASSERT(options_.table != nullptr && options_.trees != nullptr, "processes need a table");
  DSCHED_ASSERT(options_.clock != nullptr && options_.stage, "attempts need a clock and a file");
  options_.width = std::clamp(options_.width, 1u, unsigned{sys::AttemptTable::k_slots});
}

ProcessExecutor::~ProcessExecutor() {
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
  bool is_worker_wanted = false;
  {
    const std::scoped_lock lock(mutex_);
    failures_known_ = failures_taken_;
    waiting_.push_back(std::move(attempt));
    if (waiting_.size() <= idle_) {
      wanted_.notify_one();
      return;
    }
    is_worker_wanted = workers_.size() < options_.width;
  }
  if (!is_worker_wanted) return;  // a busy worker takes it when it is done, without being woken
  auto worker = std::make_unique<Worker>(options_, events_, failures_, threads_.size());
  Worker& made = *worker;
  {
    const std::scoped_lock lock(mutex_);
    workers_.push_back(std::move(worker));
  }
  const AllSignalsBlocked blocked;
  try {
    threads_.emplace_back([this, &made] { run_worker(made); });
  } catch (const std::system_error& problem) {
    const std::scoped_lock lock(mutex_);
    workers_.pop_back();
    options_.width = static_cast<unsigned>(workers_.size());
    // With another worker this is only less at once: it takes the attempt when it is done.
    if (workers_.empty()) {
      throw Error(ErrorKind::environment, describe_errno("start a thread", problem.code().value()));
    }
  }
}

std::optional<Attempt> ProcessExecutor::next(Worker& worker) {
  std::unique_lock lock(mutex_);
  while ((waiting_.empty() || failures_.load() > failures_known_) && !stopping_) {
    ++idle_;
    wanted_.wait(lock);
    --idle_;
  }
  if (stopping_) return std::nullopt;
  Attempt attempt = std::move(waiting_.front());
  waiting_.pop_front();
  // Under the lock, so that an attempt is always either waiting or reachable in a mailbox.
  worker.mailbox().begin(attempt.node);
  return attempt;
}

void ProcessExecutor::run_worker(Worker& worker) {
  while (const std::optional<Attempt> attempt = next(worker)) worker.run(*attempt);
}

bool ProcessExecutor::withdraw(NodeIndex node) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Attempt& attempt) { return attempt.node == node; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void ProcessExecutor::control(NodeIndex node, Control what) {
  const std::scoped_lock lock(mutex_);
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (worker->mailbox().post(node, what)) return;
  }
}

void ProcessExecutor::wait_until_obeyed() {
  constexpr Nanoseconds k_patience = std::chrono::seconds{1};
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
