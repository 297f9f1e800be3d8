// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns a request of a batch into what runs, and says under which key its result may be used again.
//
// Only built-ins that are pure have a key: const, concat and read_file. It is the key that a node
// of a program would have, so each finds what the other made.

#include <string>
#include <unordered_map>

#include "executor/attempt.h"
#include "session/attempt_maker.h"
#include "session/batch_arguments.h"
#include "session/environment.h"
#include "session/examiner.h"

namespace dsched::session {

// What all requests of a batch have in common.
struct BatchPlace {
  AttemptContext context;
  std::span<const dag::Worker> workers;   // that requests may name
  std::vector<std::string> store_places;  // below `folder`: nothing is written there
  std::string operations_folder;          // --operations; empty: none
  bool keeps_failed_output = false;       // of commands
};

struct MakeFor {
  const program::BatchRequest& request;
  const std::string& name;  // what people call it
  NodeIndex index;
  std::uint32_t number = 1;    // of the attempt
  std::uint32_t instance = 0;  // of the worker whose request it is
};

class BatchMaker {
 public:
  BatchMaker(BatchPlace place, const Environment& environment, executor::Workspace& workspace,
             BatchArguments& arguments);

  // Computed from the request alone, on the spot.
  [[nodiscard]] static bool is_value(const program::BatchRequest& request);
  [[nodiscard]] static std::string value_of(const program::BatchRequest& request);
  [[nodiscard]] static store::DataType data_type(const program::BatchRequest& request,
                                                 std::uint64_t size);

  [[nodiscard]] static bool has_key(const program::BatchRequest& request);
  // Of a request that has one.
  [[nodiscard]] std::variant<Keyed, RequestProblem> key_of(const program::BatchRequest& request);

  // The files of the request whose content has to be known before make().
  [[nodiscard]] static std::vector<std::string> files_to_hash(const program::BatchRequest& request);

  // Of a request that is no value. `made` holds the files that the attempt needs.
  [[nodiscard]] std::variant<executor::Attempt, RequestProblem> make(
      const MakeFor& what, std::vector<executor::InputFile> inputs, TemporaryFiles& made);

 private:
  using Work = std::variant<executor::Work, RequestProblem>;
  [[nodiscard]] Work make_work(const MakeFor& what, const std::string& attempt_id,
                               TemporaryFiles& made);
  [[nodiscard]] Work make_concat(const program::BatchRequest& request, TemporaryFiles& made);
  [[nodiscard]] Work make_write(const program::BatchRequest& request, TemporaryFiles& made);
  [[nodiscard]] Work make_request(const MakeFor& what, TemporaryFiles& made);
  [[nodiscard]] Work make_command(const MakeFor& what, const std::string& attempt_id,
                                  TemporaryFiles& made);
  [[nodiscard]] Work make_external(const program::BatchRequest& request,
                                   const std::vector<std::string>& files,
                                   executor::ProcessWork&& work);
  [[nodiscard]] const std::string& operation_path(const std::string& name);

  BatchPlace place_;
  const Environment& environment_;
  executor::Workspace& workspace_;
  BatchArguments& arguments_;
  dag::Settings settings_;                                   // as a node that says nothing
  std::unordered_map<std::string, std::string> operations_;  // NAME -> executable; empty: none
};

}  // namespace dsched::session
