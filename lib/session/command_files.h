// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files that the shell command of a VoxLogica program names, so that its result can follow
// them. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::session {

// The words of a command that may name files: neither options nor variables, and nothing that the
// command redirects its output to. Each once, in order; quotes and backslashes are taken away, and
// a word that was quoted names one file even if it has the characters of a glob, which are then
// protected. VALUE of NAME=VALUE is a word, too.
[[nodiscard]] std::vector<std::string> file_words(std::string_view command);

// `name` as a pattern that stands for nothing else.
[[nodiscard]] std::string exact_pattern(std::string_view name);

// The name of `path` below `folder`, both as written: cleaned, and relative also where the path was
// absolute. Empty: it lies elsewhere. Links are whoever opens it to see.
[[nodiscard]] std::optional<std::string> path_below(std::string_view folder, std::string_view path);
[[nodiscard]] std::string absolute_path(std::string_view folder, std::string_view path);
// The path below the folder, or the absolute one where it lies elsewhere.
[[nodiscard]] std::string path_from(std::string_view folder, std::string_view path);

}  // namespace dsched::session
