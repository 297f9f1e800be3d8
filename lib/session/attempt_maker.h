// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns a node that may run into what runs: a value computed on the spot, or an attempt for the
// executor.
//
// Arguments become files (commands) or bytes (built-ins). When the store has lost one, the answer
// says which, and nothing was started.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dag/dag.h"
#include "engine/facts.h"
#include "executor/attempt.h"
#include "session/examiner.h"
#include "session/program_values.h"

namespace dsched::session {

struct ComputedValue {
  std::string bytes;
};
using Made = std::variant<executor::Attempt, ComputedValue, LostArgument, NoValue>;

// What all attempts of an execution have in common.
struct AttemptContext {
  std::string folder;        // the program's, absolute
  std::string store_folder;  // absolute
  std::string execution_id;
  std::string attempt_prefix;  // unique to this runner; see keeper.h
  bool pass_through = false;
};

// DSCHED_ATTEMPT_ID of an instance of a worker, and the id of all attempts that are requests to it.
[[nodiscard]] std::string instance_attempt_id(const std::string& attempt_prefix,
                                              dag::WorkerIndex worker, std::uint32_t instance);

class AttemptMaker {
 public:
  AttemptMaker(const dag::Dag& dag, const AttemptContext& context, const Environment& environment,
               const Examiner& examiner, Values& values, ProgramValues& program_values);

  // The value of an in-process node whose arguments are all in-process.
  [[nodiscard]] std::string evaluate(NodeIndex node) const;
  struct Wanted {
    std::vector<executor::InputFile> inputs;
    std::shared_ptr<executor::Stream> reads;  // instead of the file of its stream's producer
  };
  // `effect` says which node, the attempt's number, and which instance a request is for.
  [[nodiscard]] Made make(const engine::StartAttempt& effect, Wanted&& wanted);

 private:
  [[nodiscard]] Made make_request(NodeIndex node, std::uint32_t instance,
                                  executor::Attempt&& attempt);
  [[nodiscard]] Made make_process(NodeIndex node, executor::Attempt&& attempt,
                                  std::shared_ptr<executor::Stream> reads);
  [[nodiscard]] Made make_concat(NodeIndex node, executor::Attempt&& attempt);
  [[nodiscard]] Made make_write(NodeIndex node, executor::Attempt&& attempt);
  [[nodiscard]] Made make_load(NodeIndex node, executor::Attempt&& attempt);
  [[nodiscard]] Made make_save(NodeIndex node, executor::Attempt&& attempt);
  [[nodiscard]] Made make_computation(NodeIndex node, executor::Attempt&& attempt);
  [[nodiscard]] std::optional<std::string> bytes_of(NodeIndex argument);
  [[nodiscard]] std::optional<std::string> file_of(NodeIndex argument);
  // Fills `files` with a path per argument; the lost one, if any. The `unwritten` one, which is
  // still written, is read by its name as by standard input.
  [[nodiscard]] std::optional<LostArgument> argument_files(
      NodeIndex node, std::vector<std::string>& files,
      std::optional<NodeIndex> unwritten = std::nullopt);
  [[nodiscard]] std::string external_request(NodeIndex node, const std::vector<std::string>& files);
  void set_shell(NodeIndex node, const OwnVariables& own, const std::vector<std::string>& files,
                 executor::ProcessWork& work) const;

  const dag::Dag& dag_;
  const AttemptContext& context_;
  const Environment& environment_;
  const Examiner& examiner_;
  Values& values_;
  ProgramValues& program_values_;
};

// The data type of a node's bytes, as the store and operations name it.
[[nodiscard]] store::DataType data_type(const dag::Dag& dag, NodeIndex node, std::uint64_t size);

// What a person would call the command of a node: its text, its words, or the operation's name.
[[nodiscard]] std::string command_text(const dag::Dag& dag, NodeIndex node);

}  // namespace dsched::session
