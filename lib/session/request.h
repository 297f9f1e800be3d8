// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-run is asked to do, after its command line has been read.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "program/json_program.h"
#include "store/store.h"

namespace dsched::session {

struct FixPlan;

// Whether the slots are offered to makes within nodes, and how those are told.
enum class JobserverStyle : std::uint8_t {
  none,
  automatic,  // by name if the make in PATH understands that, else by descriptors
  fifo,       // by name
  pipe,       // by two descriptors that commands inherit
};

struct RunOptions {
  Slots width{1};
  bool is_width_chosen = false;                    // -j was given; else as wide as the machine
  std::optional<std::uint64_t> failure_limit = 1;  // empty: --keep-going without a number
  bool is_failure_limit_chosen = false;  // else goals of a VoxLogica program go on without another
  std::uint32_t retries = 0;
  Priority priority;
  std::vector<std::string> targets;  // node ids or outputs; empty: the program's goals
  std::string operations_folder;     // --operations; empty: none
  bool use_cache = true;             // false: --no-cache
  bool explain = false;
  bool waits_for_consent = true;  // false: --no-wait
  JobserverStyle jobserver = JobserverStyle::none;
};

// How much of the answer is wanted.
struct AnswerOptions {
  enum class Nodes : std::uint8_t { notable, all } nodes = Nodes::notable;
  bool full_results = false;
  bool full_prints = false;                // of what a VoxLogica program prints
  bool with_results = true;                // false: nobody will look at the goals' bytes
  std::optional<std::string> result_node;  // its bytes go to result_fd
  int result_fd = -1;
};

struct RunRequest {
  std::optional<program::Source> program;  // empty: that of the resumed execution
  std::string folder;                      // the program's folder, absolute
  program::Options program_options;
  RunOptions run;
  AnswerOptions answer;
  std::optional<std::string> resume;  // the name of an execution
  store::Options store;
  std::vector<std::string> environment;  // "NAME=VALUE"
  std::string initiated_by;
  bool shares_machine = true;    // false: -j slots of its own, whoever else runs
  bool pass_through = false;     // dsched-run -- COMMAND: the caller's stdin, stdout and stderr
  const FixPlan* fix = nullptr;  // what fix-it resumes it for; else nothing
};

}  // namespace dsched::session
