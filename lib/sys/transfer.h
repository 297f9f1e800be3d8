// SPDX-License-Identifier: Apache-2.0
#pragma once
// Moving many bytes between descriptors, and hashing them on the way.

#include <cstdint>
#include <string_view>

#include "base/digest.h"

namespace dsched::sys {

struct HashedBytes {
  Digest hash;
  std::uint64_t size = 0;
};

// Appends everything that `from` (a file or a pipe, from its current position) gives to `to`, an
// empty regular file open for reading and writing, and hashes it meanwhile on a second thread. What
// is hashed is what was written, read back from the page cache: a source that changes while it is
// copied can give any bytes, but never bytes with another's hash. Throws Error (storage), naming
// `what`.
[[nodiscard]] HashedBytes copy_and_hash(int from, int to, std::string_view what);

// Writes `size` bytes of the file `from`, from `offset` on, to `to` (file, pipe or socket) at its
// current position; within the kernel where it can. Fewer only where the file ends. Returns how
// many.
std::uint64_t transfer(int from, std::uint64_t offset, std::uint64_t size, int to,
                       std::string_view what);

}  // namespace dsched::sys
