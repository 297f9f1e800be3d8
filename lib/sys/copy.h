// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copying the bytes of one open file into another, sharing them where the file system can.

#include <cstdint>
#include <string>
#include <string_view>

namespace dsched::sys {

// Makes `to`, an empty file open for writing, hold all bytes of `from`: by cloning (FICLONE), else
// within the kernel (copy_file_range), else through a buffer. Gives the number of bytes. Neither
// descriptor's offset has a meaning afterwards. Throws Error (storage), naming `what`.
std::uint64_t copy_file(int from, int to, std::string_view what);

// Makes `to` share all bytes of `from`; false where the file system cannot.
[[nodiscard]] bool clone_file(int from, int to);

// All bytes from the descriptor's position to the end. Throws Error (storage), naming `what`.
[[nodiscard]] std::string read_all(int from, std::string_view what);

}  // namespace dsched::sys
