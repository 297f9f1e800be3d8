// SPDX-License-Identifier: Apache-2.0
#include "executor/worker.h"

#include <type_traits>
#include <utility>

#include "base/error.h"

namespace dsched::executor {

Worker::Worker(const ProcessExecutorOptions& options, sys::EventQueue<AttemptEvent>& events,
               std::atomic<std::uint64_t>& failures, std::size_t index)
    : options_(options),
      events_(events),
      failures_(failures),
      result_(options.stage),
      processes_(options, index, mailbox_, result_),
      builtins_(options, mailbox_, result_) {}

void Worker::report_started(const Ended& ended) {
  events_.push(Started{ended.node, ended.number, ended.started});
  is_started_reported_ = true;
}

void Worker::perform(const Attempt& attempt, Ended& ended) {
  if (options_.finisher != nullptr) {
    if (const auto problem = options_.finisher->prepare(attempt)) {
      ended.failure = FailureClass::refused;
      ended.error = "output " + problem->error;
      return;
    }
  }
  const std::function<void()> on_long = [&] { report_started(ended); };
  const ProcessRunner::Tell tell{on_long, [&](ReadersLag::Now now) {
                                   events_.push(ReadersLag{ended.node, ended.number, now});
                                 }};
  std::visit(
      [&](const auto& work) {
        using Kind = std::decay_t<decltype(work)>;
        if constexpr (std::is_same_v<Kind, ProcessWork>) {
          processes_.run(attempt, work, ended, tell);
        } else if constexpr (std::is_same_v<Kind, SleepWork> || std::is_same_v<Kind, ComputeWork>) {
          builtins_.run(work, ended, on_long);
        } else if constexpr (std::is_same_v<Kind, WorkerRequestWork>) {
          DSCHED_ASSERT(false, "requests go to the pool of workers");
        } else {
          builtins_.run(work, ended);
        }
      },
      attempt.work);
  if (options_.finisher == nullptr) return;
  if (ended.failure == FailureClass::none) options_.finisher->finish(attempt, ended);
  if (ended.failure != FailureClass::none) options_.finisher->clean_up(attempt);
}

void Worker::run(const Attempt& attempt) {
  Ended ended;
  ended.node = attempt.node;
  ended.number = attempt.number;
  ended.started = options_.clock->now();
  is_started_reported_ = false;
  try {
    perform(attempt, ended);
  } catch (const Error& error) {
    ended.failure = FailureClass::lost;
    ended.error = error.what();
    ended.broken = error.kind();
    ended.result = Captured{};
    result_.abandon();
  }
  if (attempt.stream && ended.failure == FailureClass::none) attempt.stream->complete();
  if (attempt.stream) attempt.stream->break_off();  // unless it is complete
  ended.ended = options_.clock->now();
  mailbox_.end();
  if (ended.failure != FailureClass::none) failures_.fetch_add(1);
  if (is_started_reported_) return events_.push(std::move(ended));
  Started started{ended.node, ended.number, ended.started};
  events_.push_quietly(started, std::move(ended));
}

}  // namespace dsched::executor
