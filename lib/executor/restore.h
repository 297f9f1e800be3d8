// SPDX-License-Identifier: Apache-2.0
#pragma once
// Putting one recorded output in place from the store.

#include <optional>
#include <string>

#include "executor/file_examiner.h"
#include "executor/workspace.h"
#include "store/blobs.h"

namespace dsched::executor {

// Why the output's bytes are not all in the store and sound; empty when they are. Checks only what
// is not in place already.
[[nodiscard]] std::optional<std::string> why_not_at_hand(FileExaminer& files, store::Blobs& blobs,
                                                         const OutputRecord& output);

// Makes the output what was recorded. Call only when its bytes are at hand. A folder keeps what is
// right in it and loses what does not belong there.
[[nodiscard]] std::optional<std::string> put_in_place(FileExaminer& files, store::Blobs& blobs,
                                                      const OutputRecord& output);

}  // namespace dsched::executor
