// SPDX-License-Identifier: Apache-2.0
#pragma once
// Folders that only this user can look into, in places that everybody can write to.

#include <optional>
#include <string>
#include <string_view>

namespace dsched::sys {

// Makes the folder with mode 0700 unless it exists. Throws Error (environment) when it is a link,
// belongs to somebody else or others can write to it: a folder in /tmp may have been laid there by
// anybody. Its parent must exist.
void make_private_folder(const std::string& path);

// DSCHED_MACHINE, else XDG_RUNTIME_DIR/dsched, else TMPDIR (or /tmp)/dsched-UID; values are those
// of the environment given as "NAME" lookups by the caller. Nothing is made.
struct MachineFolderHints {
  std::optional<std::string_view> dsched_machine;
  std::optional<std::string_view> xdg_runtime_dir;
  std::optional<std::string_view> tmpdir;
};
[[nodiscard]] std::string machine_folder(const MachineFolderHints& hints);

// The first executable regular file named `name` in the colon-separated folders; a name with a
// slash is looked at as it is. Empty: there is none.
[[nodiscard]] std::optional<std::string> find_executable(std::string_view name,
                                                         std::string_view search_path);

}  // namespace dsched::sys
