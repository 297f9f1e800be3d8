// SPDX-License-Identifier: Apache-2.0
#include "sys/private_folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace dsched::sys {

void make_private_folder(const std::string& path) {
  const std::string what = "folder " + path;
  if (mkdir(path.c_str(), 0700) == 0) return;
  if (errno != EEXIST) throw Error(ErrorKind::environment, describe_errno(what, errno));
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    throw Error(ErrorKind::environment, describe_errno(what, errno));
  }
  if (!S_ISDIR(status.st_mode)) throw Error(ErrorKind::environment, what + ": not a folder");
  if (status.st_uid != geteuid()) {
    throw Error(ErrorKind::environment, what + ": belongs to another user");
  }
  if ((status.st_mode & 022) != 0) {
    throw Error(ErrorKind::environment, what + ": others can write to it");
  }
}

std::string machine_folder(const MachineFolderHints& hints) {
  const auto is_set = [](const std::optional<std::string_view>& value) {
    return value && value->starts_with('/');
  };
  if (is_set(hints.dsched_machine)) return std::string(*hints.dsched_machine);
  if (is_set(hints.xdg_runtime_dir)) return std::string(*hints.xdg_runtime_dir) + "/dsched";
  const std::string temporary(is_set(hints.tmpdir) ? *hints.tmpdir : "/tmp");
  return temporary + "/dsched-" + std::to_string(geteuid());
}

std::optional<std::string> find_executable(std::string_view name, std::string_view search_path) {
  const auto is_executable = [](const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string_view::npos) {
    std::string path(name);
    if (is_executable(path)) return path;
    return std::nullopt;
  }
  while (true) {
    const std::size_t colon = search_path.find(':');
    const std::string_view folder = search_path.substr(0, colon);
    std::string path(folder.empty() ? "." : folder);
    path.append(1, '/').append(name);
    if (is_executable(path)) return path;
    if (colon == std::string_view::npos) return std::nullopt;
    search_path.remove_prefix(colon + 1);
  }
}

}  // namespace dsched::sys
