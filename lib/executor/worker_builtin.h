// SPDX-License-Identifier: Apache-2.0
#pragma once
// The built-ins that do I/O, wait or take long: read_file, write_file, concat, sleep and what is
// computed.

#include "executor/finisher.h"
#include "executor/process_executor.h"
#include "executor/worker_mailbox.h"
#include "executor/worker_result.h"

namespace dsched::executor {

class BuiltinRunner {
 public:
  BuiltinRunner(const ProcessExecutorOptions& options, WorkerMailbox& mailbox, ResultFile& result)
      : options_(options), mailbox_(mailbox), result_(result) {}

  // Each fills in the result, or failure and error. They throw Error when the surroundings fail.
  void run(const ReadFileWork& work, Ended& ended);
  void run(const WriteFileWork& work, Ended& ended);
  void run(const ConcatWork& work, Ended& ended);
  // `on_long` is called if it waits at all. Interrupt, terminate and kill end it as the signal
  // would end a process; its clock stops while it is suspended.
  void run(const SleepWork& work, Ended& ended, const std::function<void()>& on_long);
  // As a sleep, wherever the computation asks.
  void run(const ComputeWork& work, Ended& ended, const std::function<void()>& on_long);

 private:
  // Obeys what was asked; true when it is to end, `ended` then saying so.
  [[nodiscard]] bool is_told_to_end(Ended& ended);

  const ProcessExecutorOptions& options_;
  WorkerMailbox& mailbox_;
  ResultFile& result_;
};

}  // namespace dsched::executor
