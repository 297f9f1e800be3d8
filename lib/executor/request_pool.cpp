// SPDX-License-Identifier: Apache-2.0
#include "executor/request_pool.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "executor/blocked_signals.h"

namespace dsched::executor {
namespace {

constexpr Nanoseconds k_short = std::chrono::milliseconds{5};  // Started is held back that long
constexpr std::uint64_t k_bell = UINT64_MAX;

enum Part : std::uint64_t { k_input, k_output, k_log, k_process };

std::uint64_t tag_of(std::size_t instance, Part part) {
  return instance * 4 + part;
}

bool needs_finishing(const RequestEnd& end) {
  return end.result_path || !end.attempt.outputs.empty() || !end.attempt.inputs.empty() ||
         !end.attempt.depfile.empty();
}

void mark_broken(Ended& ended, const Error& error) {
  ended.failure = FailureClass::lost;
  ended.error = error.what();
  ended.broken = error.kind();
}

int wait_ms(std::optional<Instant> until, Instant now) {
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

}  // namespace

std::size_t RequestPool::instance_count(const std::vector<WorkerCommand>& workers) {
  std::size_t count = 0;
  for (const WorkerCommand& worker : workers) count += worker.attempt_ids.size();
  return count;
}

RequestPool::RequestPool(const ProcessExecutorOptions& options,
                         sys::EventQueue<AttemptEvent>& events,
                         std::atomic<std::uint64_t>& failures)
    : options_(options),
      events_(events),
      failures_(failures),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw Error(ErrorKind::environment, describe_errno("epoll", errno));
  std::size_t count = 0;
  for (const WorkerCommand& worker : options_.workers) {
    std::vector<std::size_t>& indexes = index_.emplace_back();
    for (std::size_t i = 0; i < worker.attempt_ids.size(); ++i) indexes.push_back(count++);
  }
  watched_.resize(count);
  int none = -1;
  watch(none, bell_.fd(), EPOLLIN, k_bell);
  const BlockedSignals blocked;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& problem) {
    throw Error(ErrorKind::environment, describe_errno("start a thread", problem.code().value()));
  }
}

RequestPool::~RequestPool() {
  {
    const std::scoped_lock lock(mutex_);
    is_stopping_ = true;
    waiting_.clear();
  }
  bell_.ring();
  thread_.join();
}

// ---- the session's thread
// -------------------------------------------------------------------------------------

void RequestPool::start(Attempt&& attempt) {
  given_.push_back(std::move(attempt));
}

void RequestPool::hand_over() {
  if (given_.empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    std::move(given_.begin(), given_.end(), std::back_inserter(waiting_));
  }
  given_.clear();
  bell_.ring();
}

bool RequestPool::withdraw(NodeIndex node) {
  const auto is_it = [node](const Attempt& attempt) { return attempt.node == node; };
  if (std::erase_if(given_, is_it) > 0) return true;
  const std::scoped_lock lock(mutex_);
  return std::erase_if(waiting_, is_it) > 0;
}

void RequestPool::control(NodeIndex node, Control what) {
  {
    const std::scoped_lock lock(mutex_);
    orders_.push_back({node, what});
  }
  bell_.ring();
}

void RequestPool::wait_until_obeyed(Nanoseconds patience) {
  std::unique_lock lock(mutex_);
  obeyed_.wait_for(lock, patience, [this] { return orders_.empty() && !is_obeying_; });
}

// ---- the pool's thread
// -------------------------------------------------------------------------------------

void RequestPool::run() {
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (is_stopping_) break;
    }
    const Instant now = options_.clock->now();
    take_orders(now);
    give_waiting(now);
    for (const Watched& one : watched_) {
      if (!one.instance) continue;
      one.instance->look(now);
      if (one.instance->wants_to_write()) one.instance->write();
    }
    publish(now);
    try {
      watch_again();
    } catch (const Error& error) {
      fail_all(error);
      continue;
    }
    wait(now);
  }
  end_all();
}

// Nothing can be watched any more: the surroundings failed for all that is under way.
void RequestPool::fail_all(const Error& error) {
  const std::size_t before = ends_.size();
  for (Watched& one : watched_) {
    if (!one.instance || one.instance->is_absent()) continue;
    one.instance->close(options_.clock->now(), Nanoseconds{0});
    stop_watching(one);
    one.instance->ended(options_.clock->now(), ends_);
  }
  for (std::size_t i = before; i < ends_.size(); ++i) mark_broken(ends_[i].ended, error);
}

void RequestPool::take_orders(Instant now) {
  std::vector<Order> orders;
  {
    const std::scoped_lock lock(mutex_);
    orders = std::exchange(orders_, {});
    is_obeying_ = !orders.empty();
  }
  if (orders.empty()) return;
  for (const Order& order : orders) {
    for (const Watched& one : watched_) {
      if (one.instance && one.instance->control(now, order.node, order.what)) break;
    }
  }
  const std::scoped_lock lock(mutex_);
  is_obeying_ = false;
  obeyed_.notify_all();
}

RequestPool::Watched& RequestPool::watched(const Attempt& attempt) {
  const auto& work = std::get<WorkerRequestWork>(attempt.work);
  const std::size_t index = index_[work.worker][work.instance];
  Watched& found = watched_[index];
  if (!found.instance) {
    const WorkerCommand& command = options_.workers[work.worker];
    found.instance = std::make_unique<WorkerInstance>(
        options_, command, command.attempt_ids[work.instance], options_.table->slot(index));
  }
  return found;
}

// Gives what waits to the instances that can take it, in the order it came.
void RequestPool::give_waiting(Instant now) {
  std::vector<Attempt> ready;
  waiting_due_.reset();
  {
    const std::scoped_lock lock(mutex_);
    std::deque<Attempt> later;
    for (Attempt& attempt : waiting_) {
      const WorkerInstance& instance = *watched(attempt).instance;
      if (instance.takes(now)) {
        ready.push_back(std::move(attempt));
        continue;
      }
      if (instance.is_absent() && (!waiting_due_ || instance.not_before() < *waiting_due_)) {
        waiting_due_ = instance.not_before();
      }
      later.push_back(std::move(attempt));
    }
    waiting_.swap(later);
  }
  for (Attempt& attempt : ready) {
    if (!prepare(now, attempt)) continue;
    WorkerInstance& instance = *watched(attempt).instance;
    const NodeIndex node = attempt.node;
    const std::uint32_t number = attempt.number;
    try {
      instance.give(now, std::move(attempt), spawner_, ends_);
    } catch (const Error& error) {
      RequestEnd& end = ends_.emplace_back();
      end.ended.node = node;
      end.ended.number = number;
      end.ended.started = end.ended.ended = now;
      mark_broken(end.ended, error);
    }
  }
}

// Makes the folders of outputs; false when the request has ended by that.
bool RequestPool::prepare(Instant now, Attempt& attempt) {
  if (options_.finisher == nullptr || (attempt.outputs.empty() && attempt.depfile.empty())) {
    return true;
  }
  const auto problem = options_.finisher->prepare(attempt);
  if (!problem) return true;
  RequestEnd end;
  end.ended.node = attempt.node;
  end.ended.number = attempt.number;
  end.ended.started = end.ended.ended = now;
  end.ended.failure = FailureClass::refused;
  end.ended.error = "output " + problem->error;
  end.attempt = std::move(attempt);
  ends_.push_back(std::move(end));
  return false;
}

void RequestPool::wait(Instant now) {
  std::optional<Instant> until = waiting_due_;
  const auto at_latest = [&until](std::optional<Instant> moment) {
    if (moment && (!until || *moment < *until)) until = moment;
  };
  for (const Watched& one : watched_) {
    if (!one.instance) continue;
    at_latest(one.instance->next_look());
    if (const auto untold = one.instance->next_untold()) at_latest(*untold + k_short);
  }
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 wait_ms(until, now));
  if (count <= 0) return;
  now = options_.clock->now();
  // An end comes last: what was written before it still counts.
  const auto is_end = [](std::uint64_t tag) { return tag != k_bell && tag % 4 == k_process; };
  const std::span<epoll_event> came(events.data(), static_cast<std::size_t>(count));
  for (const epoll_event& event : came) {
    if (!is_end(event.data.u64)) handle(now, event.data.u64);
  }
  for (const epoll_event& event : came) {
    if (is_end(event.data.u64)) handle(now, event.data.u64);
  }
}

void RequestPool::handle(Instant now, std::uint64_t tag) {
  if (tag == k_bell) {
    bell_.silence();
    return;
  }
  Watched& one = watched_[tag / 4];
  WorkerInstance& instance = *one.instance;
  if (instance.is_absent()) return;
  switch (static_cast<Part>(tag % 4)) {
    case k_input:
      return instance.look_at_input();
    case k_output:
      return instance.read_answers(now, ends_);
    case k_log:
      return instance.read_log();
    case k_process:
      stop_watching(one);
      return instance.ended(now, ends_);
  }
}

void RequestPool::watch_again() {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    Watched& one = watched_[i];
    if (!one.instance) continue;
    const WorkerInstance::Descriptors wanted = one.instance->descriptors();
    const std::uint32_t writing = one.instance->wants_to_write() ? EPOLLOUT : 0U;
    // With none of the events it tells of the other end's end.
    if (writing != one.writing) watch(one.seen.input, -1, 0, 0);
    one.writing = writing;
    watch(one.seen.input, wanted.input, writing, tag_of(i, k_input));
    one.instance->close_input();
    watch(one.seen.output, wanted.output, EPOLLIN, tag_of(i, k_output));
    watch(one.seen.log, wanted.log, EPOLLIN, tag_of(i, k_log));
    watch(one.seen.process, wanted.process, EPOLLIN, tag_of(i, k_process));
  }
}

// Before they are closed: a child that is just being made may hold copies.
void RequestPool::stop_watching(Watched& one) {
  for (int* seen : {&one.seen.input, &one.seen.output, &one.seen.log, &one.seen.process}) {
    watch(*seen, -1, 0, 0);
  }
}

void RequestPool::watch(int& seen, int wanted, std::uint32_t events, std::uint64_t tag) {
  if (seen == wanted) return;
  if (seen >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, seen, nullptr);
  seen = wanted;
  if (wanted < 0) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wanted, &event) != 0) {
    throw Error(ErrorKind::environment, describe_errno("epoll", errno));
  }
}

// Tells the session what has come about, all at once.
void RequestPool::publish(Instant now) {
  for (const Watched& one : watched_) {
    if (one.instance) one.instance->tell_starts(now - k_short, out_);
  }
  for (RequestEnd& end : ends_) settle(std::move(end));
  ends_.clear();
  events_.push_all(out_);
}

void RequestPool::settle(RequestEnd&& end) {
  if (!end.is_start_told) {
    out_.emplace_back(Started{end.ended.node, end.ended.number, end.ended.started});
  }
  if (!needs_finishing(end)) {
    if (end.ended.failure != FailureClass::none) failures_.fetch_add(1);
    out_.emplace_back(std::move(end.ended));
    return;
  }
  events_.push_all(out_);  // its start among them: from here on the finisher may tell of its end
  {
    const std::scoped_lock lock(finisher_mutex_);
    to_finish_.push_back(std::move(end));
  }
  finisher_wanted_.notify_one();
  if (finisher_.joinable()) return;
  try {
    finisher_ = std::thread([this] { run_finisher(); });
  } catch (const std::system_error&) {
    // Slower, but it works: answers wait meanwhile.
    std::deque<RequestEnd> ends;
    {
      const std::scoped_lock lock(finisher_mutex_);
      ends.swap(to_finish_);
    }
    for (RequestEnd& one : ends) {
      finish(one);
      if (one.ended.failure != FailureClass::none) failures_.fetch_add(1);
      out_.emplace_back(std::move(one.ended));
    }
  }
}

// The execution is over, or the surroundings failed.
void RequestPool::end_all() {
  const Instant begun = options_.clock->now();
  for (const Watched& one : watched_) {
    if (!one.instance) continue;
    one.instance->close(begun, k_idle_patience);
    one.instance->close_input();
  }
  const auto is_there = [](const Watched& one) {
    return one.instance && !one.instance->is_absent();
  };
  while (std::any_of(watched_.begin(), watched_.end(), is_there)) {
    std::vector<pollfd> items;
    std::vector<WorkerInstance*> whose;
    for (const Watched& one : watched_) {
      if (!is_there(one)) continue;
      items.push_back({one.instance->descriptors().process, POLLIN, 0});
      whose.push_back(one.instance.get());
    }
    constexpr int k_look_ms = 20;
    ::poll(items.data(), items.size(), k_look_ms);
    const Instant now = options_.clock->now();
    for (std::size_t i = 0; i < items.size(); ++i) {
      whose[i]->discard();
      if (items[i].revents != 0) {
        whose[i]->ended(now, ends_);
      } else {
        whose[i]->look(now);
      }
    }
  }
  if (!finisher_.joinable()) return;
  {
    const std::scoped_lock lock(finisher_mutex_);
    is_finisher_stopping_ = true;
  }
  finisher_wanted_.notify_one();
  finisher_.join();
}

}  // namespace dsched::executor
