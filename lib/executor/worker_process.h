// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs the processes of one worker thread, one attempt tree after another.
//
// States of an attempt: spawned -> (suspended <->) running -> main process ended -> survivors ended
// -> reaped. Nothing is read back before the survivors are gone. The stderr pipe is kept from one
// attempt to the next; only when a survivor may still hold it, it is replaced.

#include <cstdint>
#include <functional>
#include <string>

#include "executor/log_capture.h"
#include "executor/process_executor.h"
#include "executor/worker_mailbox.h"
#include "executor/worker_result.h"
#include "sys/process.h"

namespace dsched::executor {

class ProcessRunner {
 public:
  ProcessRunner(const ProcessExecutorOptions& options, std::size_t index, WorkerMailbox& mailbox,
                ResultFile& result);

  // What is told while a process runs.
  struct Tell {
    std::function<void()> is_long;                  // once, if it still runs after 5 ms
    std::function<void(ReadersLag::Now)> lag = {};  // later on, whenever that changes
  };
  // Fills in how the process ended, its usage, log and result. Throws Error when the surroundings
  // fail.
  void run(const Attempt& attempt, const ProcessWork& work, Ended& ended, const Tell& tell);

 private:
  // One direction of a stream: a pipe that is read here, and where its bytes are shown (-1:
  // nowhere).
  struct Channel {
    sys::Fd reading;
    sys::Fd writing;
    int shown = -1;
  };
  struct Running;

  [[nodiscard]] bool spawn(const ProcessWork& work, Running& running, Ended& ended);
  void wait_for_end(Running& running, const Tell& tell);
  [[nodiscard]] static int short_wait(const Running& running);
  void look_at_readers(Running& running, const Tell& tell);
  void hash_meanwhile(Running& running);
  void obey(Running& running);
  void obey(Running& running, Control what);
  void settle(Running& running, Ended& ended);
  [[nodiscard]] sys::Fd open_stdin(const ProcessWork& work, Ended& ended);
  enum class Kept : std::uint8_t { as_log, as_result };
  // Reads what is there.
  void drain(Running& running, Channel& channel, Kept kept);
  void show(Running& running, Channel& channel, std::string_view bytes);
  static void make_pipe(Channel& channel);

  const ProcessExecutorOptions& options_;
  sys::AttemptSlot& slot_;
  WorkerMailbox& mailbox_;
  ResultFile& result_;
  sys::Spawner spawner_;
  LogCapture log_;
  Channel stderr_;
  Channel stdout_;  // used for Streams::shown only
  std::string buffer_;
};

}  // namespace dsched::executor
