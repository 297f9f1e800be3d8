// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the arguments of a batch's request stand for: bytes, a file of the folder, a stored result.
//
// An argument is looked at when its request is about to begin. Commands get files: those that hold
// bytes of the request are made for one attempt and removed after it, so that a million requests
// leave no more of them than one.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "executor/workspace.h"
#include "program/batch_request.h"
#include "store/store.h"

namespace dsched::session {

// Why a request cannot begin; said in its answer.
struct RequestProblem {
  FailureClass failure = FailureClass::refused;
  ErrorKind kind = ErrorKind::invalid_request;
  std::string message;
  std::string hint = {};
};

// The files of one attempt's arguments; gone with it.
class TemporaryFiles {
 public:
  TemporaryFiles() = default;
  TemporaryFiles(TemporaryFiles&& other) noexcept;
  TemporaryFiles& operator=(TemporaryFiles&& other) noexcept;
  ~TemporaryFiles() { remove(); }
  // `files` outlives this.
  void add(sys::Files& files, std::string path) {
    files_ = &files;
    paths_.push_back(std::move(path));
  }

 private:
  void remove();
  sys::Files* files_ = nullptr;
  std::vector<std::string> paths_;
};

class BatchArguments {
 public:
  struct Surroundings {
    store::Store& store;
    executor::Workspace& workspace;
    sys::Files& files;
    std::string folder;   // of the batch, absolute
    std::string machine;  // the machine's folder, and below it this runner's own
    std::string runner_folder;
  };
  explicit BatchArguments(Surroundings on) : on_(std::move(on)) {}

  // What an argument depends on (executor/outputs.h), and how much it is.
  struct Identity {
    Digest digest;
    std::uint64_t size = 0;
  };
  [[nodiscard]] std::variant<Identity, RequestProblem> identify(
      const program::RequestArgument& argument);
  // The bytes themselves, if there are no more of them; empty: there are, or it is no regular file.
  [[nodiscard]] std::variant<std::optional<std::string>, RequestProblem> bytes_up_to(
      const program::RequestArgument& argument, std::uint64_t limit);
  // Paths for a command; those made here are added to `made`.
  [[nodiscard]] std::variant<std::vector<std::string>, RequestProblem> as_files(
      const std::vector<program::RequestArgument>& arguments, TemporaryFiles& made);

  [[nodiscard]] std::variant<std::string, RequestProblem> as_file(
      const program::RequestArgument& argument, TemporaryFiles& made);

 private:
  [[nodiscard]] std::variant<store::Record, RequestProblem> find(const std::string& key);
  [[nodiscard]] std::string write(std::string_view bytes, TemporaryFiles& made);
  [[nodiscard]] sys::Staged stage(std::uint64_t size, std::string& path);
  [[nodiscard]] std::string absolute(const std::string& path) const;

  Surroundings on_;
  std::uint64_t made_ = 0;
  bool has_folder_ = false;
};

}  // namespace dsched::session
