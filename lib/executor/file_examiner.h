// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content hashes of the program's files, read only when the remembered ones cannot be trusted.
//
// A relative path is resolved beneath the program's folder, an absolute one anywhere. A file as
// young as the clock's grain is not remembered by FileDigests; it is noted here, and settle() reads
// it once more when it has come of age, so that the next run need not. All functions are safe from
// any thread.

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "executor/attempt.h"
#include "store/file_digests.h"
#include "sys/beneath.h"
#include "sys/clock.h"

struct stat;

namespace dsched::executor {

[[nodiscard]] store::StatTuple stat_tuple(const struct stat& status);

// A path as the system functions below need it: the folder to start from and the rest.
struct Location {
  const sys::Folder& folder;
  std::string_view path;
};

class FileExaminer {
 public:
  // `folder` is absolute; `digests` and `clock` must outlive the examiner.
  FileExaminer(std::string folder, store::FileDigests& digests, const sys::Clock& clock);

  [[nodiscard]] const sys::Folder& folder() const { return folder_; }
  [[nodiscard]] const store::FileDigests& digests() const { return digests_; }
  [[nodiscard]] Location locate(std::string_view path) const;
  // Follows links. A problem unless the path leads to a regular file.
  // When it is told to stop while it reads, what it gives is no hash of the file.
  [[nodiscard]] sys::OrProblem<InputFile> examine(std::string_view path,
                                                  const std::stop_token& stop = {});
  // Of a regular file; empty when the path does not lead to one.
  [[nodiscard]] std::optional<store::StatTuple> stat_of(std::string_view path) const;
  // The hash of a regular file that was just seen with this tuple.
  [[nodiscard]] sys::OrProblem<InputFile> examine_seen(std::string_view path,
                                                       const store::StatTuple& stat,
                                                       const std::stop_token& stop = {});
  // Hands a hash that somebody else computed to FileDigests, or notes it for settle().
  void remember(const InputFile& file, WallTime examined_at);
  // A file was just written with known content: settle() is to examine it.
  void note_young(std::string_view path);
  // Examines the young files again. A file still too young stays noted.
  void settle();
  [[nodiscard]] WallTime wall() const { return clock_.wall(); }
  [[nodiscard]] const sys::Clock& clock() const { return clock_; }

 private:
  [[nodiscard]] sys::OrProblem<InputFile> read_and_hash(std::string_view path,
                                                        const std::stop_token& stop);

  sys::Folder folder_;
  sys::Folder root_ = sys::Folder::root();
  store::FileDigests& digests_;
  const sys::Clock& clock_;
  std::mutex mutex_;
  std::vector<std::string> young_;  // guarded by mutex_
};

}  // namespace dsched::executor
