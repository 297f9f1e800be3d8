// SPDX-License-Identifier: Apache-2.0
#pragma once
// What load and dir make of files, without the files: reading them is the caller's part.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace dsched::value {

// The value of a file's content: .json parsed, .txt and .csv a list of lines, anything else bytes.
// Throws Error "load: PATH: cause".
[[nodiscard]] Value loaded(std::string_view path, std::string content);

enum class Recursion : std::uint8_t { one_folder, whole_tree };
enum class PathStyle : std::uint8_t { relative, full };

// What dir(root, glob, recursive, full_paths) asks for.
struct Listing {
  std::string root;
  std::string pattern = "*";
  Recursion recursion = Recursion::one_folder;
  PathStyle style = PathStyle::relative;
};
// Throws Error for arguments that mean nothing.
[[nodiscard]] Listing listing_of(std::span<const Value> arguments);

struct Entry {
  std::string path;  // below the root, with slashes
  bool is_folder = false;
};
// How many levels below the root must be known to answer; 0: all of them.
[[nodiscard]] std::size_t levels_needed(const Listing& listing);
// The paths that match, sorted. A pattern is pathlib's: * ? [a-z] [!a-z] within a component (a
// leading dot is nothing special), ** for folders of any depth.
[[nodiscard]] std::vector<std::string> matching(const Listing& listing,
                                                std::span<const Entry> entries);

}  // namespace dsched::value
