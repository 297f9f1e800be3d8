// SPDX-License-Identifier: Apache-2.0
#pragma once
// What happens to files around an attempt, as the executor sees it: two ports.
//
// Finisher looks at what an attempt left behind: it captures declared outputs and notices inputs
// that changed meanwhile. FileAccess reads and writes files for the built-ins. Both are called on
// the executor's worker threads, several at once. They answer in the Ended or with a PathProblem,
// and throw Error only when the surroundings failed (disk full).

#include <optional>
#include <string>
#include <string_view>

#include "executor/attempt.h"
#include "sys/beneath.h"

namespace dsched::executor {

class Finisher {
 public:
  virtual ~Finisher() = default;
  // Before an attempt: makes the folders that its outputs and depfile will lie in, as people know
  // it from other tools; whether they exist must not depend on what ran or was put back before.
  [[nodiscard]] virtual std::optional<sys::PathProblem> prepare(const Attempt&) {
    return std::nullopt;
  }
  // After an attempt ended well: fills in outputs, depfile_inputs and inputs_changed, or sets
  // failure and error when an output is missing or refused.
  virtual void finish(const Attempt& attempt, Ended& ended) = 0;
  // After a failure: removes the declared outputs, so that nothing takes them for results.
  virtual void clean_up(const Attempt& attempt) = 0;
};

class FileAccess {
 public:
  virtual ~FileAccess() = default;
  // The bytes of a file: small ones inline, large ones in a staged file.
  [[nodiscard]] virtual sys::OrProblem<Captured> read(std::string_view path) = 0;
  // Puts the bytes (of the file `content_file`, if it is named) at `path` below the program's
  // folder; others see the old file or the new one, never a part.
  [[nodiscard]] virtual std::optional<sys::PathProblem> write(const WriteFileWork& work) = 0;
};

}  // namespace dsched::executor
