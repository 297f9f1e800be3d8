// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an attempt left in the program's folder: captured when it ended well, removed when not.
//
// finish(), in this order: the declared inputs are looked at again; the depfile is read and what it
// names examined; the outputs are captured in the program's order. An input whose stat tuple
// changed counts as changed even if its bytes are the same now, because they may have been others
// meanwhile; one too young for its tuple to be trusted is read again. An input found by the depfile
// was not examined before the attempt, so it counts as changed when it was written after the
// attempt began (unless it is an output of the same attempt).
//
// A file's bytes are cloned or copied into a staged file of the store and hashed there, so that
// what is kept is what was hashed. Several workers may call all functions at once.

#include <functional>
#include <string>

#include "executor/file_examiner.h"
#include "executor/finisher.h"

namespace dsched::executor {

class FileFinisher final : public Finisher {
 public:
  // `files` must outlive the finisher; `stage` gives an empty staged file and is called from any
  // thread.
  FileFinisher(FileExaminer& files, std::function<store::StagedFile()> stage)
      : files_(files), stage_(std::move(stage)) {}
  std::optional<sys::PathProblem> prepare(const Attempt& attempt) override;
  void finish(const Attempt& attempt, Ended& ended) override;
  void clean_up(const Attempt& attempt) override;

 private:
  FileExaminer& files_;
  std::function<store::StagedFile()> stage_;
};

// Files for the built-ins read_file and write_file.
class BeneathFileAccess final : public FileAccess {
 public:
  BeneathFileAccess(FileExaminer& files, std::function<store::StagedFile()> stage)
      : files_(files), stage_(std::move(stage)) {}
  sys::OrProblem<Captured> read(std::string_view path) override;
  std::optional<sys::PathProblem> write(const WriteFileWork& work) override;

 private:
  FileExaminer& files_;
  std::function<store::StagedFile()> stage_;
};

}  // namespace dsched::executor
