// SPDX-License-Identifier: Apache-2.0
#pragma once
// How an execution stands: its status as it is (not as a runner that is gone has left it), its line
// in a list, and how far it is.

#include <optional>

#include "journal/journal.h"
#include "journal/live.h"
#include "wire/stats_answer.h"

namespace dsched::report {

enum class RunnerState : std::uint8_t { lives, gone };

// A runner that is gone leaves what it last wrote: then the execution is interrupted.
[[nodiscard]] engine::ExecutionStatus status_now(const journal::ExecutionRecord& record,
                                                 RunnerState runner);

// Nothing more will run: completed, failed or cancelled.
[[nodiscard]] bool is_over(engine::ExecutionStatus status);
// Its runner works on it, or will.
[[nodiscard]] bool is_under_way(engine::ExecutionStatus status);
// The same, or its runner may be there and wait for people.
[[nodiscard]] bool may_have_runner(engine::ExecutionStatus status);

[[nodiscard]] wire::ExecutionLine execution_line(const journal::ExecutionRecord& record,
                                                 RunnerState runner);

// `live` is what the runner told last, if anything.
[[nodiscard]] wire::ProgressAnswer progress_of(const journal::ExecutionRecord& record,
                                               RunnerState runner,
                                               const std::optional<journal::LiveState>& live);

// Makes a sequence of progress answers about one execution one whose percentage never falls.
class Rising {
 public:
  void apply(wire::ProgressAnswer& answer) {
    highest_ = std::max(highest_, answer.percentage);
    answer.percentage = highest_;
  }

 private:
  double highest_ = 0;
};

}  // namespace dsched::report
