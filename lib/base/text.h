// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text: UTF-8, escaping for terminals and JSON, base64, hexadecimal, globs and nearest names.
//
// Pure functions over bytes. None of them depends on the locale.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsched {

// The offset of the first byte that is not part of well-formed UTF-8 (no surrogates, no overlong
// forms, nothing above U+10FFFF); empty when all of it is.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view text);
[[nodiscard]] inline bool is_utf8(std::string_view text) {
  return !find_invalid_utf8(text);
}

// True if the UTF-8 text has a control character: C0, DEL or C1 (U+0080 to U+009F).
[[nodiscard]] bool has_control(std::string_view text);

// For showing in a terminal: control characters, characters of direction and invalid bytes become
// \n, \t, \xHH; the rest is as it was. The result holds no byte that moves the cursor, and reads as
// it stands there.
[[nodiscard]] std::string escape_for_terminal(std::string_view text);

// Text for a document, which must be UTF-8: as it is where it is, else escaped.
[[nodiscard]] std::string as_utf8(std::string_view text);
// Cuts away a character at the end that a limit split.
void cut_to_whole_characters(std::string& text);
// At most so many characters (code points) of UTF-8 text, none of them cut in two.
[[nodiscard]] std::string first_characters(std::string_view text, std::size_t limit);

// One word for a shell: quoted where it must be.
[[nodiscard]] std::string shell_word(std::string_view text);

// Appends `text` as a JSON string with quotes, escaping only what JSON demands (", \ and C0).
// `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

[[nodiscard]] std::string hex(std::string_view bytes);

// Standard base64 with padding (RFC 4648 section 4).
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

// Whether `pattern` holds a glob character: * ? [ (a backslash protects the next character).
[[nodiscard]] bool is_glob(std::string_view pattern);

// Whether `path` matches `pattern`, both split at '/': * and ? and [a-z] stop at a slash, ** as a
// whole component stands for any number of components. A leading dot must be matched literally.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view path);

// One component of the above (no slash in either).
[[nodiscard]] bool glob_component_matches(std::string_view pattern, std::string_view name);

// The candidate nearest to `name` by edit distance, if it is near enough to be a likely slip
// (at most a third of its length, at least 1); ties go to the first.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view name,
                                                      std::span<const std::string_view> candidates);

// Joins and cleans a relative path without touching the disk: "./a//b/../c" is "a/c". Empty when it
// climbs above its start ("../x") or is absolute. "." stays ".".
[[nodiscard]] std::optional<std::string> clean_relative_path(std::string_view path);

}  // namespace dsched
