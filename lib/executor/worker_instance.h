// SPDX-License-Identifier: Apache-2.0
#pragma once
// One instance of a persistent worker: its process, the requests in flight, its log.
//
// States: absent (nothing runs; after a crash not before `not_before()`) -> running -> closing (its
// input was closed because it was idle; whoever wants it waits for its end) -> absent. Whatever
// goes wrong with it (it crashes, closes its output, writes what is no answer, does not read) ends
// in one way: its tree is killed, and each request in flight ends as lost, with the cause. It never
// waits for the worker: pipes are not blocking, and what does not fit is kept.
//
// Used by one thread alone, which watches the descriptors (executor/request_pool.h).

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "executor/executor.h"
#include "executor/process_executor.h"
#include "executor/worker_log.h"
#include "executor/worker_protocol.h"
#include "sys/process.h"

namespace dsched::executor {

// An instance that has nothing to do gets the end of its input, and is killed when it is not gone
// after this.
inline constexpr Nanoseconds k_idle_patience = std::chrono::seconds{2};

// A request that has ended; its result may still have to be read, and its outputs captured.
struct RequestEnd {
  Attempt attempt;
  Ended ended;
  bool is_start_told = false;
  std::optional<std::string> result_path;
};

void fail_request(Ended& ended, FailureClass failure, std::string error);

class WorkerInstance {
 public:
  // `slot` is its own in the table of attempts. All that is referred to outlives it.
  WorkerInstance(const ProcessExecutorOptions& options, const WorkerCommand& command,
                 std::string attempt_id, sys::AttemptSlot& slot);

  // ---- requests
  // Whether a request can be given to it now; else it is to be asked again after its end, or at
  // not_before().
  [[nodiscard]] bool takes(Instant now) const;
  [[nodiscard]] Instant not_before() const { return not_before_; }
  // Starts the process if there is none. What cannot be started ends at once.
  void give(Instant now, Attempt&& attempt, sys::Spawner& spawner, std::vector<RequestEnd>& ends);
  // False when it does not have the node's request in flight.
  bool control(Instant now, NodeIndex node, Control what);
  // Those whose start has not been told, and began until `limit`: tells them.
  void tell_starts(Instant limit, std::vector<AttemptEvent>& events);
  [[nodiscard]] std::optional<Instant> next_untold() const;

  // ---- its pipes
  // Writes what waits, as far as it goes.
  void write();
  // The same, and finds out whether the worker has closed its end.
  void look_at_input();
  [[nodiscard]] bool wants_to_write() const { return !out_.empty(); }
  void read_answers(Instant now, std::vector<RequestEnd>& ends);
  void read_log();
  // The process has ended: reaps it. Requests in flight end as lost.
  void ended(Instant now, std::vector<RequestEnd>& ends);
  // When look() has something to do; empty: never.
  [[nodiscard]] std::optional<Instant> next_look() const;
  void look(Instant now);
  // No more work will come: what is idle gets the end of its input and `patience` to go, what has
  // work is killed.
  void close(Instant now, Nanoseconds patience);
  // To be called when its input is not watched any more.
  void close_input() {
    if (is_closing_) input_.reset();
  }
  // What it writes is of no use any more, but must not hold it up.
  void discard();

  [[nodiscard]] bool is_absent() const { return !child_; }
  struct Descriptors {
    int input = -1;  // of the worker: written here; to be watched for its end, too
    int output = -1;
    int log = -1;
    int process = -1;
  };
  [[nodiscard]] Descriptors descriptors() const;

 private:
  struct Flight {
    Attempt attempt;
    Instant started;
    bool is_start_told = false;
    bool is_to_end = false;  // somebody wants its end, so it is not innocent of it
  };

  [[nodiscard]] bool start(Instant now, Ended& failed, sys::Spawner& spawner);
  void read_lines(Instant now, std::vector<RequestEnd>& ends);
  void give_up(const std::string& why);
  void read_line(Instant now, std::string_view line, std::vector<RequestEnd>& ends);
  void finish(Instant now, std::uint64_t id, WorkerAnswer&& answer, std::vector<RequestEnd>& ends);
  [[nodiscard]] RequestEnd take_flight(Instant now, std::uint64_t id);
  void note_input_closed();
  void doom(std::string why, Instant kill_at);
  void kill();
  void signal(int signal);
  void note_end(Instant now, const sys::ProcessEnd& end);
  [[nodiscard]] std::string named(std::string_view what) const;

  const ProcessExecutorOptions& options_;
  const WorkerCommand& command_;
  sys::AttemptSlot& slot_;
  sys::TreeRoot root_;
  std::optional<sys::Child> child_;
  sys::Fd input_;
  sys::Fd output_;
  sys::Fd log_pipe_;
  std::string out_;  // to be written, from out_at_ on
  std::size_t out_at_ = 0;
  std::string in_;        // the beginning of a line
  std::size_t seen_ = 0;  // of in_, without a line break
  WorkerLog log_;
  AnswerReader answers_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Flight> flights_;
  std::deque<std::uint64_t> untold_;  // ids whose start may not have been told, oldest first
  Instant room_from_;                 // when the last request ended, or work began
  Instant idle_from_;
  Instant not_before_;
  std::uint32_t crashes_ = 0;  // in a row, without any answer
  std::string last_crash_;
  bool has_answered_ = false;  // since it was started
  bool is_closing_ = false;
  bool is_suspended_ = false;
  bool is_terminated_ = false;
  bool is_interrupted_ = false;
  bool is_killed_ = false;
  bool is_input_closed_ = false;
  bool is_at_end_ = false;      // of its output
  bool is_deaf_ = false;        // nothing it writes counts any more
  bool is_sacrificed_ = false;  // killed for the sake of one request
  std::string cause_;           // why it was killed
  std::optional<Instant> kill_at_;
};

}  // namespace dsched::executor
