// SPDX-License-Identifier: Apache-2.0
#pragma once
// The program's folder on a POSIX file system.
//
// Content hashes come through FileExaminer. For a large program that was run before, prefetch()
// takes the stat tuples of all plain paths at once; they stand for the files until
// forget_prefetched(), which the session calls before the first attempt starts, because from then
// on files may change. restore() keeps them true by itself.
//
// restore() first makes sure that every byte it will need is in the store and sound, and only then
// touches the first file. Files are made beside their targets and renamed, never hard-linked, so a
// reader sees the old one or the new one and the store's own files cannot be changed through them.

#include <map>
#include <string>
#include <vector>

#include "executor/background_reader.h"
#include "executor/file_examiner.h"
#include "executor/outputs.h"
#include "executor/prefetched_stats.h"
#include "executor/workspace.h"
#include "store/blobs.h"

namespace dsched::executor {

class PosixWorkspace final : public Workspace {
 public:
  // Both must outlive the workspace; `blobs` is used on the calling thread only.
  PosixWorkspace(FileExaminer& files, store::Blobs& blobs)
      : files_(files), blobs_(blobs), reader_(files) {}

  // The paths' text must stay until forget_prefetched(). Globs among them do no harm.
  void prefetch(std::span<const std::string_view> paths) override;
  void forget_prefetched() override;

  std::variant<std::vector<InputFile>, InputProblem> examine(
      std::span<const std::string_view> patterns) override;
  // A file of the future is not waited for, nor is a pattern that is wrong: examine() will say so.
  Reading begin_reading(std::span<const std::string_view> patterns) override;
  int news_fd() const override { return reader_.fd(); }
  bool take_news() override { return reader_.take_news(); }
  std::variant<std::vector<Entry>, InputProblem> list(const std::string& folder,
                                                      std::size_t levels) override;
  std::vector<InputFile> examine_exact(std::span<const std::string> paths) override;
  std::optional<InputFile> executable(std::string_view name, std::string_view search_path) override;
  bool in_place(std::span<const OutputRecord> outputs) override;
  void remove(std::span<const std::string_view> outputs) override;
  std::optional<std::string> restore(std::span<const OutputRecord> outputs) override;
  void settle() override { files_.settle(); }

 private:
  using Examined = sys::OrProblem<InputFile>;
  [[nodiscard]] Examined examine_plain(std::string_view path);
  [[nodiscard]] Reading begin_reading_file(std::string_view path);
  [[nodiscard]] std::optional<InputProblem> examine_pattern(std::string_view pattern,
                                                            std::vector<InputFile>& files);
  [[nodiscard]] Examined find_executable(std::string_view name, std::string_view search_path);
  [[nodiscard]] bool is_in_place(const OutputRecord& output);
  [[nodiscard]] bool is_file_in_place(const OutputRecord& output);

  FileExaminer& files_;
  store::Blobs& blobs_;
  BackgroundReader reader_;
  PrefetchedStats stats_;
  // While stats_ hold: what was examined singly, because many nodes name the same compiler.
  std::map<std::string, Examined, std::less<>> examined_;
};

}  // namespace dsched::executor
