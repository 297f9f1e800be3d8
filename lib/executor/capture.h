// SPDX-License-Identifier: Apache-2.0
#pragma once
// Taking one output into the store's hands.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "executor/file_examiner.h"

namespace dsched::executor {

// Contents up to this size come back in Captured::bytes, larger ones in a staged file.
inline constexpr std::uint64_t k_inline_max = 64 * 1024;

// The output at `path` with its content: a regular file, a link or a folder. A problem when it is
// missing, leaves the folder, is of another kind, or changes while it is read.
[[nodiscard]] sys::OrProblem<CapturedOutput> capture_output(
    FileExaminer& files, const std::function<store::StagedFile()>& stage, const std::string& path);

// The bytes of a regular file, beneath the folder or absolute; links are followed.
[[nodiscard]] sys::OrProblem<Captured> read_whole(FileExaminer& files,
                                                  const std::function<store::StagedFile()>& stage,
                                                  std::string_view path);

}  // namespace dsched::executor
