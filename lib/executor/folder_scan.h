// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is in an output folder now, as the entries of a manifest without the files' contents.

#include <string_view>
#include <vector>

#include "executor/file_examiner.h"
#include "executor/outputs.h"

namespace dsched::executor {

struct ScannedEntry {
  FolderEntry entry;      // a file's content is not filled in
  store::StatTuple stat;  // files only
};

// Everything below the folder, sorted bytewise by path; names of our own are passed over. Links are
// entries, never followed. A socket, FIFO or device in it is a problem.
[[nodiscard]] sys::OrProblem<std::vector<ScannedEntry>> scan_folder(const sys::Folder& folder,
                                                                    std::string_view path);

// Fills in the contents through the examiner and gives the whole folder's content.
[[nodiscard]] sys::OrProblem<store::Content> folder_content(FileExaminer& files,
                                                            std::string_view path);

[[nodiscard]] std::vector<FolderEntry> entries_of(std::vector<ScannedEntry> scanned);

}  // namespace dsched::executor
