// SPDX-License-Identifier: Apache-2.0
#include "executor/folder_list.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "sys/beneath.h"

namespace dsched::executor {
namespace {

class Lister {
 public:
  Lister(std::string root, std::size_t levels) : root_(std::move(root)), levels_(levels) {}

  // False when a folder cannot be listed.
  bool list(const std::string& below, std::size_t level) {
    const std::string at = below.empty() ? root_ : root_ + "/" + below;
    auto listed = sys::list_beneath(folder_, at);
    if (auto* why = std::get_if<sys::PathProblem>(&listed)) {
      // One that went away while its parent was listed holds nothing.
      if (!below.empty() && why->kind == sys::PathProblem::Kind::missing) return true;
      return false;
    }
    for (const sys::Entry& entry : std::get<std::vector<sys::Entry>>(listed)) {
      if (sys::is_own_name(entry.name)) continue;
      const std::string path = below.empty() ? entry.name : below + "/" + entry.name;
      const bool is_folder = leads_to_folder(entry, path);
      found.push_back({path, is_folder});
      const bool may_go_on = levels_ == 0 ? entry.type != DT_LNK : level < levels_;
      if (is_folder && may_go_on && !list(path, level + 1)) return false;
    }
    return true;
  }

  [[nodiscard]] bool is_root_missing() const {
    const auto status = sys::status_beneath(folder_, root_, sys::Links::follow);
    return std::holds_alternative<sys::PathProblem>(status);
  }

  std::vector<Workspace::Entry> found;

 private:
  bool leads_to_folder(const sys::Entry& entry, const std::string& path) const {
    if (entry.type == DT_REG || entry.type == DT_DIR) return entry.type == DT_DIR;
    const auto status = sys::status_beneath(folder_, root_ + "/" + path, sys::Links::follow);
    const auto* is = std::get_if<struct stat>(&status);
    return is != nullptr && S_ISDIR(is->st_mode);
  }

  sys::Folder folder_ = sys::Folder::root();
  std::string root_;  // below the root of all
  std::size_t levels_;
};

}  // namespace

std::variant<std::vector<Workspace::Entry>, InputProblem> list_folder(const std::string& folder,
                                                                      std::size_t levels) {
  const std::size_t start = folder.find_first_not_of('/');
  Lister lister(start == std::string::npos ? "." : folder.substr(start), levels);
  if (!lister.list("", 1)) {
    const bool missing = lister.is_root_missing();
    return InputProblem{folder, missing ? FailureClass::not_found : FailureClass::refused,
                        "dir: " + folder + (missing ? " does not exist" : " is not a folder")};
  }
  std::sort(lister.found.begin(), lister.found.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return std::move(lister.found);
}

}  // namespace dsched::executor
