// SPDX-License-Identifier: Apache-2.0
#include "executor/folder_scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace dsched::executor {
namespace {

class Scan {
 public:
  Scan(const sys::Folder& folder, std::string_view top) : folder_(folder), top_(top) {}

  std::optional<sys::PathProblem> run(const std::string& below) {
    auto listed = sys::list_beneath(folder_, whole(below));
    if (auto* why = std::get_if<sys::PathProblem>(&listed)) return std::move(*why);
    for (const sys::Entry& found : std::get<std::vector<sys::Entry>>(listed)) {
      if (sys::is_own_name(found.name)) continue;
      if (auto why = add(below.empty() ? found.name : below + "/" + found.name)) return why;
    }
    return std::nullopt;
  }

  std::vector<ScannedEntry> take() {
    // A folder's entries need not be neighbours of it: "a" < "a.b" < "a/b".
    std::sort(entries_.begin(), entries_.end(), [](const ScannedEntry& a, const ScannedEntry& b) {
      return a.entry.path < b.entry.path;
    });
    return std::move(entries_);
  }

 private:
  [[nodiscard]] std::string whole(const std::string& below) const {
    return below.empty() ? top_ : top_ + "/" + below;
  }

  std::optional<sys::PathProblem> add(const std::string& below) {
    const std::string path = whole(below);
    sys::OrProblem<struct stat> status = sys::status_beneath(folder_, path, sys::Links::keep);
    if (auto* why = std::get_if<sys::PathProblem>(&status)) return std::move(*why);
    const struct stat& is = std::get<struct stat>(status);
    ScannedEntry scanned;
    scanned.entry.path = below;
    if (S_ISDIR(is.st_mode)) {
      scanned.entry.kind = FolderEntry::Kind::folder;
    } else if (S_ISREG(is.st_mode)) {
      scanned.entry.kind =
          (is.st_mode & S_IXUSR) != 0 ? FolderEntry::Kind::executable : FolderEntry::Kind::file;
      scanned.stat = stat_tuple(is);
    } else if (S_ISLNK(is.st_mode)) {
      scanned.entry.kind = FolderEntry::Kind::link;
      auto text = sys::read_link_beneath(folder_, path);
      if (auto* why = std::get_if<sys::PathProblem>(&text)) return std::move(*why);
      scanned.entry.link_text = std::move(std::get<std::string>(text));
    } else {
      return sys::PathProblem{sys::PathProblem::Kind::refused, 0,
                              path + ": is neither a file, a link nor a folder"};
    }
    entries_.push_back(std::move(scanned));
    return S_ISDIR(is.st_mode) ? run(below) : std::nullopt;
  }

  const sys::Folder& folder_;
  std::string top_;
  std::vector<ScannedEntry> entries_;
};

}  // namespace

sys::OrProblem<std::vector<ScannedEntry>> scan_folder(const sys::Folder& folder,
                                                      std::string_view path) {
  Scan scan(folder, path);
  if (auto why = scan.run("")) return std::move(*why);
  return scan.take();
}

sys::OrProblem<store::Content> folder_content(FileExaminer& files, std::string_view path) {
  auto scanned = scan_folder(files.folder(), path);
  if (auto* why = std::get_if<sys::PathProblem>(&scanned)) return std::move(*why);
  auto& found = std::get<std::vector<ScannedEntry>>(scanned);
  for (ScannedEntry& one : found) {
    if (one.entry.kind == FolderEntry::Kind::link || one.entry.kind == FolderEntry::Kind::folder) {
      continue;
    }
    auto file = files.examine_seen(std::string(path) + "/" + one.entry.path, one.stat);
    if (auto* why = std::get_if<sys::PathProblem>(&file)) return std::move(*why);
    const InputFile& is = std::get<InputFile>(file);
    one.entry.content = {is.hash, is.stat.size};
  }
  const std::string manifest = to_manifest(entries_of(std::move(found)));
  return store::Content{sha256(manifest), manifest.size()};
}

std::vector<FolderEntry> entries_of(std::vector<ScannedEntry> scanned) {
  std::vector<FolderEntry> entries;
  entries.reserve(scanned.size());
  for (ScannedEntry& one : scanned) entries.push_back(std::move(one.entry));
  return entries;
}

}  // namespace dsched::executor
