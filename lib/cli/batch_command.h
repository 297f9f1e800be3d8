// SPDX-License-Identifier: Apache-2.0
#pragma once
// dsched-run --batch and --each: their options, the call they become, and the exit code.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/run_options.h"

namespace dsched::cli {

// The words of --each COMMAND ::: WORDS... [::: WORDS...]..., which are nobody's options.
struct EachWords {
  int argc = 0;  // of the command line without them
  std::vector<std::vector<std::string>> groups;
};
[[nodiscard]] EachWords take_words(int argc, char** argv);

struct BatchOptions {
  std::vector<std::string> batch;  // one per option: "" or the input
  std::vector<std::string> each;   // one per option: COMMAND
  bool ordered = false;
  bool sequential = false;
  bool parallel = false;
  bool fail_fast = false;
  bool null = false;
  std::string workers;  // a file
};
void add_batch_options(CLI::App& app, BatchOptions& options);

// Whether the command line asks for a batch. Throws Error (usage) where an option of batches stands
// without one.
[[nodiscard]] bool is_batch(const CLI::App& app, const BatchOptions& options);

// Runs it; the exit code.
int run_batch(const CLI::App& app, const BatchOptions& options, RunCommand& command,
              Context& context, EachWords&& words);

}  // namespace dsched::cli
