// SPDX-License-Identifier: Apache-2.0
#pragma once
// The file that a worker's next result is written to, and reading it back.
//
// A result of at most k_inline bytes is read into memory and the file is used again; a larger one
// leaves with its file, which may become the blob without being copied. A large one that only grows
// can be hashed while it is written, by the worker that waits for its end anyway.

#include <functional>
#include <optional>

#include "base/digest.h"
#include "executor/attempt.h"
#include "store/staged_file.h"

namespace dsched::executor {

class ResultFile {
 public:
  static constexpr std::uint64_t k_inline = 64 * 1024;

  explicit ResultFile(const std::function<store::StagedFile()>& stage) : stage_(stage) {}

  // The empty file, for writing. Throws Error (storage) when none can be made.
  [[nodiscard]] int fd();
  // What was written, hashed. Nobody may still be writing. `leave`: somebody may still be reading,
  // so abandon() is to follow.
  enum class Then : std::uint8_t { use_again, leave };
  [[nodiscard]] Captured take(Then then = Then::use_again);
  // From here on whoever writes can only add to the file, as to a pipe.
  void only_grow();
  // Hashes a little of what was added to it, which take() need not hash then, and has the disk
  // begin with it. Gives whether more is there already.
  [[nodiscard]] bool hash_some();
  // The last bytes of what was written.
  [[nodiscard]] std::string tail();
  // What was written counts for nothing.
  void discard();
  // Somebody may go on writing to it: never use it again.
  void abandon() {
    file_.reset();
    hashed_.reset();
  }

 private:
  // What was hashed of a file so far: its first bytes.
  struct Hashed {
    Sha256 hash;
    std::uint64_t size = 0;
    std::string buffer;
  };

  // Of the file's first `size` bytes, of which some may have been hashed.
  [[nodiscard]] Digest hash_of(std::uint64_t size);

  const std::function<store::StagedFile()>& stage_;
  std::optional<store::StagedFile> file_;
  std::optional<Hashed> hashed_;  // of a file that can only grow
};

}  // namespace dsched::executor
