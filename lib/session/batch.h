// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a batch: requests that come as a stream, answers that go as a stream, one execution on
// record.
//
// What a batch shares with a run of a program stands in the RunRequest: store, slots, priority,
// retries, environment. Requests need no commit each; the execution's record and its figures do.

#include <optional>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "session/observer.h"
#include "session/request.h"
#include "wire/batch_answer.h"

namespace dsched::session {

// Requests that are all the same command, with words of their own as "$1" and on.
struct EachCall {
  std::string command;
  // All combinations of a word of each, the last group changing fastest; empty: the words come
  // from the input.
  std::vector<std::vector<std::string>> groups;
  char delimiter = '\n';  // of words of the input; empty ones are passed over if it is a line feed
};

struct BatchCall {
  RunRequest run;  // without a program
  engine::BatchOptions::Running running = engine::BatchOptions::Running::parallel;
  engine::BatchOptions::Answers answers = engine::BatchOptions::Answers::as_they_end;
  std::optional<std::uint64_t> failure_limit;  // empty: never stop
  enum class Form : std::uint8_t {
    lines,  // JSON, and a summary
    bytes,  // each request's output as it is; failures on standard error
  } form = Form::lines;
  std::optional<EachCall> each;
  std::vector<dag::Worker> workers;  // that requests may name
  int input_fd = 0;
  std::string input_name = "standard input";
  int output_fd = 1;
  int message_fd = 2;  // form bytes: what commands wrote to their standard error
  std::string tool;    // before messages
};

struct BatchEnd {
  engine::ExecutionStatus status = engine::ExecutionStatus::completed;
  wire::BatchSummary summary;
  std::uint64_t cancelled = 0;  // of those that failed
  std::string stopped_by;       // "interrupted", "terminated", "hung up"; empty: nobody
  bool is_reader_gone = false;
};

// Throws Error when the surroundings fail.
[[nodiscard]] BatchEnd run_batch(BatchCall call, Observer& observer);

}  // namespace dsched::session
