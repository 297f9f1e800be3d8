// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs requests to persistent workers: one thread that watches the pipes of all instances.
//
// The session's thread hands over requests and controls; the thread gives each request to its
// instance (executor/worker_instance.h), reads answers and reports exactly one Started and one
// Ended for each, many at a time. It never waits for a worker, nor for a disk: a result that is a
// file, and requests that have inputs or outputs, are finished by a second thread, which is made
// when it is first needed. A request whose instance cannot take it yet (it was started too often,
// or is just ending) waits here, not started, and can be taken back. As in the worker threads,
// Started is held back for 5 ms, so that a short request costs one wake-up of the session.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "executor/process_executor.h"
#include "executor/worker_instance.h"

namespace dsched::executor {

class RequestPool {
 public:
  // `failures` is counted up before a failure is reported. All outlive the pool; its instances have
  // the first slots of the table of attempts.
  RequestPool(const ProcessExecutorOptions& options, sys::EventQueue<AttemptEvent>& events,
              std::atomic<std::uint64_t>& failures);
  // Lets idle instances end, kills the others, waits for all.
  ~RequestPool();
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  // Of all workers together.
  [[nodiscard]] static std::size_t instance_count(const std::vector<WorkerCommand>& workers);

  // ---- the session's thread
  void start(Attempt&& attempt);
  void hand_over();
  [[nodiscard]] bool withdraw(NodeIndex node);
  // No effect when the request is not in flight.
  void control(NodeIndex node, Control what);
  void wait_until_obeyed(Nanoseconds patience);

 private:
  struct Order {
    NodeIndex node;
    Control what;
  };
  // What epoll watches of an instance.
  struct Watched {
    std::unique_ptr<WorkerInstance> instance;
    WorkerInstance::Descriptors seen;
    std::uint32_t writing = 0;  // what is waited for at its input
  };

  void run();
  void take_orders(Instant now);
  void give_waiting(Instant now);
  [[nodiscard]] Watched& watched(const Attempt& attempt);
  void wait(Instant now);
  void handle(Instant now, std::uint64_t tag);
  void watch_again();
  void stop_watching(Watched& one);
  void watch(int& seen, int wanted, std::uint32_t events, std::uint64_t tag);
  void publish(Instant now);
  void settle(RequestEnd&& end);
  void end_all();
  void fail_all(const Error& error);
  void run_finisher();
  void finish(RequestEnd& end) const;
  void read_result(const std::string& named, Ended& ended) const;
  [[nodiscard]] bool prepare(Instant now, Attempt& attempt);

  const ProcessExecutorOptions& options_;
  sys::EventQueue<AttemptEvent>& events_;
  std::atomic<std::uint64_t>& failures_;
  std::vector<Attempt> given_;  // the session's thread only: since hand_over()

  std::mutex mutex_;
  sys::Bell bell_;
  std::deque<Attempt> waiting_;  // guarded by mutex_
  std::vector<Order> orders_;    // guarded by mutex_
  bool is_obeying_ = false;      // guarded by mutex_
  bool is_stopping_ = false;     // guarded by mutex_
  std::condition_variable obeyed_;

  // The pool's thread only:
  sys::Fd epoll_;
  sys::Spawner spawner_;
  std::vector<std::vector<std::size_t>> index_;  // by worker and instance, into watched_
  std::vector<Watched> watched_;
  std::vector<RequestEnd> ends_;
  std::vector<AttemptEvent> out_;
  std::optional<Instant> waiting_due_;  // when somebody who waits may be taken
  bool has_waiting_ = false;

  std::mutex finisher_mutex_;
  std::condition_variable finisher_wanted_;
  std::deque<RequestEnd> to_finish_;   // guarded by finisher_mutex_
  bool is_finisher_stopping_ = false;  // guarded by finisher_mutex_
  std::thread finisher_;               // the pool's thread only
  std::thread thread_;
};

}  // namespace dsched::executor
