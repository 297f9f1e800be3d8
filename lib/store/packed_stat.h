// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file's stat tuple as bytes of a column: size, modified, changed (i64, nanoseconds), inode; 8
// bytes each, little-endian.

#include <string>
#include <string_view>

#include "sys/files.h"

namespace dsched::store {

[[nodiscard]] std::string packed_stat(const sys::FileInfo& info);
// It is a regular file, and its tuple is the packed one.
[[nodiscard]] bool is_as_recorded(const sys::FileInfo& info, std::string_view packed);

}  // namespace dsched::store
