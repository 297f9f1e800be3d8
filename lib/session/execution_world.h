// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything of the real world that works for one execution while it runs: its folder, what runs
// its attempts, where its slots come from, and what its loop waits for.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dag/worker.h"
#include "executor/file_finisher.h"
#include "executor/posix_workspace.h"
#include "executor/process_executor.h"
#include "session/attempt_maker.h"
#include "session/run_world.h"
#include "sys/job_fifo.h"
#include "sys/job_tokens.h"

namespace dsched::session {

// The executor's events, signals, news of slots and of inputs that were read.
class SystemWaiter final : public Waiter {
 public:
  struct Descriptors {
    int executor = -1;
    int workspace = -1;
  };
  // The references must outlive it.
  SystemWaiter(sys::Signals& signals, const SlotSource& slots, const Descriptors& fds)
      : signals_(signals), slots_(slots), fds_(fds) {}
  [[nodiscard]] std::vector<Request> wait(std::optional<Instant> until,
                                          std::span<const sys::Awaited> also) override;
  void stop_here() override;

 private:
  sys::Signals& signals_;
  const SlotSource& slots_;
  Descriptors fds_;
  std::vector<sys::Awaited> awaited_;
};

// What runs of any kind have before they know an execution.
class RunBase {
 public:
  // Joins make's jobserver, if the request is within one. No thread may have been started yet.
  RunBase(RunRequest& request, Observer& observer);

  const std::unique_ptr<sys::JobTokens> tokens;  // of make's jobserver; nullptr: without it
  System system;
  const std::string runner_name;
  const std::string machine_folder;
  Processes processes;
};

class ExecutionWorld {
 public:
  struct For {
    const RunRequest& request;
    store::Store& store;
    const journal::ExecutionRecord& record;
    std::span<const dag::Worker> workers;
    AttemptContext context;
    Observer& observer;
  };
  ExecutionWorld(RunBase& base, const For& what);

  [[nodiscard]] Environment& environment() { return environment_; }
  [[nodiscard]] executor::PosixWorkspace& workspace() { return workspace_; }
  [[nodiscard]] executor::Executor& executor() { return executor_; }
  [[nodiscard]] SlotSource& slots() { return *slots_; }
  [[nodiscard]] Waiter& waiter() { return waiter_; }
  // After the last record: what was learnt of files is kept, and what is old removed. Throws Error
  // when the store was removed meanwhile.
  void finish(journal::Journal& journal);

 private:
  RunBase& base_;
  store::Store& store_;
  Environment environment_;
  std::unique_ptr<sys::JobFifo> fifo_;
  executor::FileExaminer examiner_;
  executor::PosixWorkspace workspace_;
  executor::FileFinisher finisher_;
  executor::BeneathFileAccess access_;
  executor::ProcessExecutor executor_;
  std::unique_ptr<SlotSource> slots_;
  SystemWaiter waiter_;
};

}  // namespace dsched::session
