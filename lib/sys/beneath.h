// SPDX-License-Identifier: Apache-2.0
#pragma once
// Access to files below a folder that no "..", no absolute path and no link can lead out of.
//
// The kernel keeps the promise (openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS), so there
// is no moment between a check and a use in which a link could be exchanged. Links that stay inside
// are followed. Paths are relative and cleaned (base/text.h); "." is the folder itself. Functions
// that change something open the parent beneath the folder and then act on one name in it, which is
// never followed. What a caller steers by comes back as a PathProblem; its message is one line that
// starts with the path.

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sys/fd.h"

namespace dsched::sys {

struct PathProblem {
  enum class Kind : std::uint8_t {
    missing,  // the file, or a folder on the way to it, does not exist
    refused,  // it leaves the folder, or is of a kind that cannot be used
    failed,   // the system would not (permission, disk, …)
  };
  Kind kind = Kind::failed;
  int error_number = 0;
  std::string error;  // "out/a.o: leaves the folder through a link or '..'"
};

template <class T>
using OrProblem = std::variant<T, PathProblem>;

enum class Links : std::uint8_t {
  follow,  // the last name of the path may be a link that stays inside
  keep,    // the link itself is meant
};

enum class Executable : std::uint8_t { no, yes };

// A folder that paths are resolved below. Copies of paths into it never escape it.
class Folder {
 public:
  // Opens an existing folder. Throws Error (environment) when it cannot be opened.
  explicit Folder(std::string name);
  // The whole file system, for absolute paths without their first slash: links may lead anywhere
  // and only magic links (/proc/self/exe) are refused. For reading.
  [[nodiscard]] static Folder root();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t resolve_flags() const { return resolve_flags_; }

 private:
  Folder(std::string name, Fd fd, std::uint64_t resolve_flags);
  std::string name_;
  Fd fd_;
  std::uint64_t resolve_flags_ = 0;
};

// The folder that holds the last name of a path, opened (O_PATH), and that name.
struct Parent {
  Fd folder;
  std::string name;
};

struct Entry {
  std::string name;
  unsigned char type = 0;  // DT_REG, DT_DIR, DT_LNK, …, DT_UNKNOWN
};

// openat2 with these O_ flags; O_CLOEXEC is added. Reading never hangs on a FIFO (O_NONBLOCK).
[[nodiscard]] OrProblem<Fd> open_beneath(const Folder& folder, std::string_view path, int flags,
                                         unsigned mode = 0);
[[nodiscard]] OrProblem<struct stat> status_beneath(const Folder& folder, std::string_view path,
                                                    Links links);
// The text of the link at `path`.
[[nodiscard]] OrProblem<std::string> read_link_beneath(const Folder& folder, std::string_view path);
// Entries but "." and "..", sorted bytewise by name.
[[nodiscard]] OrProblem<std::vector<Entry>> list_beneath(const Folder& folder,
                                                         std::string_view path);
// Makes the folder and those above it where they are missing (mode 0777 less umask).
[[nodiscard]] std::optional<PathProblem> make_folders_beneath(const Folder& folder,
                                                              std::string_view path);
// `path` must not be ".".
[[nodiscard]] OrProblem<Parent> open_parent_beneath(const Folder& folder, std::string_view path);
// Removes a file, a link (never what it points to) or a folder with everything in it. What is
// absent counts as removed.
[[nodiscard]] std::optional<PathProblem> remove_beneath(const Folder& folder,
                                                        std::string_view path);

// A file made beside its target under a temporary name, so that others see it whole or not at all.
class NewFile {
 public:
  // Makes the target's parent folders where they are missing.
  [[nodiscard]] static OrProblem<NewFile> beside(const Folder& folder, std::string_view target);
  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();  // removes the temporary file unless it was committed

  [[nodiscard]] int fd() const { return file_.get(); }
  // Sets the mode to 0666, or 0777 when executable, less umask, and renames the file to its target.
  // A folder that is in the way is removed first; what has a link's name replaces the link.
  [[nodiscard]] std::optional<PathProblem> commit(Executable executable);

 private:
  NewFile(std::string target, Parent parent, std::string temporary, Fd file);
  std::string target_;
  Parent parent_;
  std::string temporary_;
  Fd file_;
};

// Makes a link with this text at `target`, in place of what is there, at once as seen by others.
[[nodiscard]] std::optional<PathProblem> make_link_beneath(const Folder& folder,
                                                           std::string_view target,
                                                           const std::string& text);

// True for names of our own that are never part of a program's files: stores (".dsched") and
// temporary files beside their targets.
[[nodiscard]] bool is_own_name(std::string_view name);

}  // namespace dsched::sys
