// SPDX-License-Identifier: Apache-2.0
#pragma once
// The executor of one machine: worker threads that each run one attempt at a time.
//
// A worker takes an attempt, starts the process, waits for it, ends what it left behind, reads back
// and hashes the result, has the Finisher capture the outputs, and reports. Spawning in the workers
// instead of in one loop was measured to be the fastest (2,000 commands at two workers: 0.65 to
// 0.71 s against 0.78 to 0.82 s). stdout goes straight into a staged file; a result of at most
// 64 KiB is read back inline and the file used again. Workers are made when first needed. Started
// is reported together with Ended for an attempt shorter than 5 ms; while enough others wait, such
// attempts do not wake the session one by one.
//
// Requests to persistent workers go to a thread of their own (executor/request_pool.h).
//
// Interrupt of a built-in that waits ends it, as the signal would end a process.

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "executor/executor.h"
#include "executor/finisher.h"
#include "executor/worker_command.h"
#include "store/staged_file.h"
#include "sys/attempt_table.h"
#include "sys/clock.h"
#include "sys/event_queue.h"
#include "sys/keeper.h"
#include "sys/process_tree.h"

namespace dsched::executor {

struct ProcessExecutorOptions {
  unsigned width = 1;                        // attempts at once until set_width()
  std::function<store::StagedFile()> stage;  // an empty staged file; called from any worker
  FileAccess* files = nullptr;               // outlives the executor
  Finisher* finisher = nullptr;              // outlives the executor; nullptr: nothing to do
  const sys::Clock* clock = nullptr;         // outlives the executor
  sys::AttemptTable* table = nullptr;        // outlives the executor
  sys::AttemptTrees* trees = nullptr;        // outlives the executor
  std::array<int, 3> shown{0, 1, 2};         // the caller's streams, for Streams::shown
  std::array<int, 2> passed{-1, -1};         // further descriptors that commands get; -1: none
  sys::Keeper* keeper = nullptr;             // outlives the executor; nullptr: none
  std::vector<WorkerCommand> workers;        // persistent ones; started when first asked
};

class RequestPool;
class Worker;

class ProcessExecutor final : public Executor {
 public:
  explicit ProcessExecutor(ProcessExecutorOptions options);
  // Kills what is running, waits for the workers. Events that were not taken are lost.
  ~ProcessExecutor() override;

  void start(Attempt attempt) override;
  void hand_over() override;
  void set_width(Slots width) override;
  [[nodiscard]] bool withdraw(NodeIndex node) override;
  void control(NodeIndex node, Control what) override;
  void wait_until_obeyed() override;
  void take_events(std::vector<AttemptEvent>& out) override;
  [[nodiscard]] int event_fd() const override { return events_.fd(); }

 private:
  void run_worker(Worker& worker);
  void make_workers();
  [[nodiscard]] std::optional<Attempt> next(Worker& worker);

  ProcessExecutorOptions options_;
  sys::EventQueue<AttemptEvent> events_;
  // How many attempts have failed; written before the event is queued.
  std::atomic<std::uint64_t> failures_{0};
  std::uint64_t failures_taken_ = 0;  // the session's thread only
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<Attempt> waiting_;                   // guarded by mutex_
  std::vector<std::unique_ptr<Worker>> workers_;  // guarded by mutex_
  std::uint64_t failures_known_ = 0;              // guarded by mutex_: decided upon by the session
  unsigned idle_ = 0;                             // guarded by mutex_
  unsigned busy_ = 0;                             // guarded by mutex_: run what is not suspended
  unsigned suspended_ = 0;                        // guarded by mutex_
  bool no_more_threads_ = false;                  // guarded by mutex_
  bool stopping_ = false;                         // guarded by mutex_
  std::vector<std::thread> threads_;              // the session's thread only
  std::size_t first_slot_ = 0;                    // of the threads, in the table of attempts
  std::unique_ptr<RequestPool> requests_;         // nullptr: without workers
};

}  // namespace dsched::executor
