// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes by what they are: a hash and a size.

#include <compare>
#include <cstdint>

#include "base/digest.h"

namespace dsched::store {

struct Content {
  Digest hash;             // SHA-256 of the bytes, uncompressed
  std::uint64_t size = 0;  // bytes, uncompressed
  auto operator<=>(const Content&) const = default;
};

// A file as the file system describes it. Equal tuples mean: not written in between, unless the
// file is as young as the clock's grain when it was examined (store/file_digests.h decides).
struct StatTuple {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const StatTuple&) const = default;
};

}  // namespace dsched::store
