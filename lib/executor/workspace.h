// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port to the program's folder: what the declared inputs are now, and putting outputs back.
//
// A path from a program is always resolved beneath the folder (openat2 RESOLVE_BENEATH), so neither
// ".." nor a link can lead out of it; an absolute path is allowed for reading only. Called from the
// session's thread.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "executor/attempt.h"

namespace dsched::executor {

// A recorded output, as the store knows it (no bytes).
struct OutputRecord {
  std::string path;
  FileKind kind = FileKind::regular;
  bool executable = false;
  store::Content content;
};

// An input that cannot be examined; `failure` is not_found or refused.
struct InputProblem {
  std::string path;
  FailureClass failure = FailureClass::not_found;
  std::string error;  // one line
};

class Workspace {
 public:
  virtual ~Workspace() = default;
  // Takes the stat tuples of many plain paths at once; they stand for the files until forgotten.
  // The session forgets them before the first attempt starts, because from then on files may
  // change.
  virtual void prefetch(std::span<const std::string_view> paths) = 0;
  virtual void forget_prefetched() = 0;
  // The files that `patterns` (names and globs) stand for now, each once, sorted bytewise, with
  // their content hashes. A glob may match nothing; a plain name that does not exist is a problem.
  // A folder named as an input stands for every file below it.
  [[nodiscard]] virtual std::variant<std::vector<InputFile>, InputProblem> examine(
      std::span<const std::string_view> patterns) = 0;
  // Begins to read in the background what examine() of these would have to read for long. Unless
  // there is nothing, it is to be asked again when news_fd() was readable.
  enum class Reading : std::uint8_t { nothing, under_way, begun };
  [[nodiscard]] virtual Reading begin_reading(std::span<const std::string_view> patterns) {
    (void)patterns;
    return Reading::nothing;
  }
  [[nodiscard]] virtual int news_fd() const { return -1; }
  // Whether something was read since it was last called.
  [[nodiscard]] virtual bool take_news() { return false; }
  // What is in a folder and, down to `levels` levels, in the folders within; 0: all of them, links
  // left alone. Sorted by path; names of our own are left out. The folder is absolute.
  struct Entry {
    std::string path;  // below the folder
    bool is_folder = false;
  };
  [[nodiscard]] virtual std::variant<std::vector<Entry>, InputProblem> list(
      const std::string& folder, std::size_t levels) {
    (void)levels;
    return InputProblem{folder, FailureClass::refused, folder + ": folders are not listed here"};
  }
  // Like examine() for exact paths found by a depfile; a vanished one has a zero hash.
  [[nodiscard]] virtual std::vector<InputFile> examine_exact(
      std::span<const std::string> paths) = 0;
  // Content hash of an executable found as the system would (absolute path), for exec's version.
  [[nodiscard]] virtual std::optional<InputFile> executable(std::string_view name,
                                                            std::string_view search_path) = 0;
  // Whether every output is in place as recorded (kind, executable bit, content).
  [[nodiscard]] virtual bool in_place(std::span<const OutputRecord> outputs) = 0;
  // Removes outputs of an attempt that counts as failed although its command ended well.
  virtual void remove(std::span<const std::string_view> outputs) { (void)outputs; }
  // Puts the outputs that are missing or different in place from the store; empty, or why one
  // cannot be put back (its path first). What was in the way is replaced only when all bytes are at
  // hand.
  [[nodiscard]] virtual std::optional<std::string> restore(
      std::span<const OutputRecord> outputs) = 0;
  // Reads once more the files that were too young to be remembered when they were captured or put
  // back, so that the next run need not. Call it at the end of an execution, before FileDigests are
  // written; a file younger than the clock's grain is left out.
  virtual void settle() {}
};

}  // namespace dsched::executor
