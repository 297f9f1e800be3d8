// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole files and streams as text, for what a person named on a command line; and the three
// standard streams as they must be before anything else is opened.

#include <cstddef>
#include <string>

namespace dsched::sys {

// Opens what is closed of descriptors 0 to 2, so that no file opened later takes the place of a
// standard stream and gets its bytes: with /dev/null, the wrong way round, so that reading standard
// input and writing the others still fail. A limit of file sizes becomes an error of write instead
// of a signal that ends the process.
void secure_standard_streams();

// More than this is no program or request that anybody wrote: an endless device or pipe.
inline constexpr std::size_t k_text_size_max = std::size_t{2} << 30;

// Everything until the end; `what` names it in an Error: environment, or usage where it is longer
// than k_text_size_max.
[[nodiscard]] std::string read_all(int fd, const std::string& what);

// Up to and with the next line feed, and no byte more; empty at the end. For a person's answers.
[[nodiscard]] std::string read_line(int fd, const std::string& what);

// The bytes of a file. Throws Error (usage), because a person gave the name: missing, a folder, or
// not readable.
[[nodiscard]] std::string read_whole_file(const std::string& path);

}  // namespace dsched::sys
