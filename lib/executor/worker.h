// SPDX-License-Identifier: Apache-2.0
#pragma once
// One worker thread's share of an attempt's life: begin, run, finish, report.
//
// It reports exactly one Started and one Ended for each attempt. Started is held back for the first
// 5 ms and goes with Ended when the attempt is over by then, quietly: whoever calls run() rings.
// An Error of the surroundings becomes an Ended that is marked broken.

#include <atomic>
#include <cstdint>
#include <memory>

#include "executor/process_executor.h"
#include "executor/worker_builtin.h"
#include "executor/worker_mailbox.h"
#include "executor/worker_process.h"

namespace dsched::executor {

class Worker {
 public:
  // `index` is its slot in the table; `failures` is counted up before a failure is reported. The
  // references outlive it.
  Worker(const ProcessExecutorOptions& options, sys::EventQueue<AttemptEvent>& events,
         std::atomic<std::uint64_t>& failures, std::size_t index);

  void run(const Attempt& attempt);
  [[nodiscard]] WorkerMailbox& mailbox() { return mailbox_; }

  // How the executor counts it; guarded by the executor's mutex.
  enum class Count : std::uint8_t { idle, busy, suspended };
  Count count = Count::idle;
  bool has_run = false;  // it has asked for an attempt before

 private:
  void perform(const Attempt& attempt, Ended& ended);
  void report_started(const Ended& ended);

  const ProcessExecutorOptions& options_;
  sys::EventQueue<AttemptEvent>& events_;
  std::atomic<std::uint64_t>& failures_;
  WorkerMailbox mailbox_;
  ResultFile result_;
  ProcessRunner processes_;
  BuiltinRunner builtins_;
  bool is_started_reported_ = false;
};

}  // namespace dsched::executor
