// SPDX-License-Identifier: Apache-2.0
#include "executor/posix_workspace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "executor/folder_list.h"
#include "executor/folder_scan.h"
#include "executor/glob_files.h"
#include "executor/restore.h"

namespace dsched::executor {
namespace {

InputProblem input_problem(std::string_view path, sys::PathProblem why) {
  const bool missing = why.kind == sys::PathProblem::Kind::missing;
  return {std::string(path), missing ? FailureClass::not_found : FailureClass::refused,
          "input " + why.error};
}

// Names a single file as it stands: no glob, and nothing that a backslash would protect.
bool is_plain(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

void sort_by_path(std::vector<InputFile>& files) {
  if (files.size() < 2) return;
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  const auto same = [](const InputFile& a, const InputFile& b) { return a.path == b.path; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
}

}  // namespace

void PosixWorkspace::prefetch(std::span<const std::string_view> paths) {
  examined_.clear();
  stats_.load(files_.folder(), files_.digests(), paths);
}

void PosixWorkspace::forget_prefetched() {
  stats_.clear();
  examined_.clear();
}

PosixWorkspace::Examined PosixWorkspace::examine_plain(std::string_view path) {
  if (const PrefetchedStat* known = stats_.find(path)) {
    if (known->hash) return InputFile{std::string(path), known->stat, *known->hash};
    if (known->what == PrefetchedStat::What::regular) {
      return files_.examine_seen(path, known->stat);
    }
    return sys::PathProblem{sys::PathProblem::Kind::missing, ENOENT, describe_errno(path, ENOENT)};
  }
  if (stats_.is_empty()) return files_.examine(path);
  const auto before = examined_.find(path);
  if (before != examined_.end()) return before->second;
  return examined_.emplace(path, files_.examine(path)).first->second;
}

std::optional<InputProblem> PosixWorkspace::examine_pattern(std::string_view pattern,
                                                            std::vector<InputFile>& files) {
  if (is_plain(pattern)) {
    Examined examined = examine_plain(pattern);
    if (auto* file = std::get_if<InputFile>(&examined)) {
      files.push_back(std::move(*file));
      return std::nullopt;
    }
    // What is refused may be a folder, which stands for the files below it.
    const auto& why = std::get<sys::PathProblem>(examined);
    if (why.error_number != 0) return input_problem(pattern, why);
  }
  std::vector<std::string> found;
  if (auto why = expand_pattern(files_.folder(), pattern, found)) {
    return input_problem(pattern, std::move(*why));
  }
  for (const std::string& path : found) {
    Examined examined = examine_plain(path);
    if (auto* why = std::get_if<sys::PathProblem>(&examined)) {
      return input_problem(path, std::move(*why));
    }
    files.push_back(std::move(std::get<InputFile>(examined)));
  }
  return std::nullopt;
}

std::variant<std::vector<InputFile>, InputProblem> PosixWorkspace::examine(
    std::span<const std::string_view> patterns) {
  std::vector<InputFile> files;
  files.reserve(patterns.size());
  for (const std::string_view pattern : patterns) {
    if (auto problem = examine_pattern(pattern, files)) return std::move(*problem);
  }
  sort_by_path(files);
  return files;
}

Workspace::Reading PosixWorkspace::begin_reading_file(std::string_view path) {
  const PrefetchedStat* const known = stats_.find(path);
  if (known != nullptr && (known->hash || known->what != PrefetchedStat::What::regular)) {
    return Reading::nothing;
  }
  const auto stat = known != nullptr ? std::optional(known->stat) : files_.stat_of(path);
  if (!stat || stat->size < k_long_read || files_.digests().find(path, *stat)) {
    return Reading::nothing;
  }
  if (store::settles_in(*stat, files_.wall()) > store::k_grain) return Reading::nothing;
  return reader_.begin(std::string(path)) ? Reading::begun : Reading::under_way;
}

Workspace::Reading PosixWorkspace::begin_reading(std::span<const std::string_view> patterns) {
  Reading reads = Reading::nothing;
  for (const std::string_view pattern : patterns) {
    if (is_plain(pattern)) {
      reads = std::max(reads, begin_reading_file(pattern));
      continue;
    }
    std::vector<std::string> found;
    if (expand_pattern(files_.folder(), pattern, found)) return Reading::nothing;
    for (const std::string& path : found) reads = std::max(reads, begin_reading_file(path));
  }
  return reads;
}

std::variant<std::vector<Workspace::Entry>, InputProblem> PosixWorkspace::list(
    const std::string& folder, std::size_t levels) {
  return list_folder(folder, levels);
}

std::vector<InputFile> PosixWorkspace::examine_exact(std::span<const std::string> paths) {
  std::vector<InputFile> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) {
    Examined examined = examine_plain(path);
    auto* file = std::get_if<InputFile>(&examined);
    files.push_back(file != nullptr ? std::move(*file) : InputFile{path, {}, {}});
  }
  return files;
}

PosixWorkspace::Examined PosixWorkspace::find_executable(std::string_view name,
                                                         std::string_view search_path) {
  const std::string here = files_.folder().name() + "/";
  const auto try_one = [&](const std::string& path) -> Examined {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        ::access(path.c_str(), X_OK) != 0) {
      return sys::PathProblem{sys::PathProblem::Kind::missing, ENOENT,
                              describe_errno(path, ENOENT)};
    }
    return files_.examine(path);
  };
  if (name.find('/') != std::string_view::npos) {
    return try_one(name.front() == '/' ? std::string(name) : here + std::string(name));
  }
  for (std::size_t start = 0; start <= search_path.size();) {
    const std::size_t end = std::min(search_path.find(':', start), search_path.size());
    const std::string_view part = search_path.substr(start, end - start);
    start = end + 1;
    std::string path(part);
    // As execvp(3) has it, an empty part is the current folder, and so may be a relative one.
    if (path.empty() || path.front() != '/') path.insert(0, here);
    if (path.back() != '/') path += '/';
    Examined found = try_one(path.append(name));
    if (std::holds_alternative<InputFile>(found)) return found;
  }
  return sys::PathProblem{sys::PathProblem::Kind::missing, ENOENT, std::string(name)};
}

std::optional<InputFile> PosixWorkspace::executable(std::string_view name,
                                                    std::string_view search_path) {
  if (name.empty()) return std::nullopt;
  const auto answer = [](const Examined& examined) -> std::optional<InputFile> {
    const auto* file = std::get_if<InputFile>(&examined);
    return file == nullptr ? std::nullopt : std::optional(*file);
  };
  if (stats_.is_empty()) return answer(find_executable(name, search_path));
  const std::string both = std::string(name) + '\0' + std::string(search_path);
  const auto before = examined_.find(both);
  if (before != examined_.end()) return answer(before->second);
  return answer(examined_.emplace(both, find_executable(name, search_path)).first->second);
}

bool PosixWorkspace::is_file_in_place(const OutputRecord& output) {
  PrefetchedStat is;
  if (const PrefetchedStat* known = stats_.find(output.path)) {
    is = *known;
  } else {
    auto status = sys::status_beneath(files_.folder(), output.path, sys::Links::keep);
    const auto* found = std::get_if<struct stat>(&status);
    if (found == nullptr || !S_ISREG(found->st_mode)) return false;
    is = {PrefetchedStat::What::regular, (found->st_mode & S_IXUSR) != 0, stat_tuple(*found), {}};
  }
  if (is.what != PrefetchedStat::What::regular || is.executable != output.executable ||
      is.stat.size != output.content.size) {
    return false;
  }
  if (is.hash) return *is.hash == output.content.hash;
  const Examined examined = files_.examine_seen(output.path, is.stat);
  const auto* file = std::get_if<InputFile>(&examined);
  return file != nullptr && file->hash == output.content.hash;
}

bool PosixWorkspace::is_in_place(const OutputRecord& output) {
  if (output.kind == FileKind::regular) return is_file_in_place(output);
  auto status = sys::status_beneath(files_.folder(), output.path, sys::Links::keep);
  const auto* is = std::get_if<struct stat>(&status);
  if (is == nullptr) return false;
  if (output.kind == FileKind::link) {
    if (!S_ISLNK(is->st_mode)) return false;
    const auto text = sys::read_link_beneath(files_.folder(), output.path);
    const auto* link = std::get_if<std::string>(&text);
    return link != nullptr && sha256(*link) == output.content.hash;
  }
  if (!S_ISDIR(is->st_mode)) return false;
  const auto content = folder_content(files_, output.path);
  const auto* now = std::get_if<store::Content>(&content);
  return now != nullptr && *now == output.content;
}

bool PosixWorkspace::in_place(std::span<const OutputRecord> outputs) {
  return std::all_of(outputs.begin(), outputs.end(),
                     [&](const OutputRecord& output) { return is_in_place(output); });
}

void PosixWorkspace::remove(std::span<const std::string_view> outputs) {
  for (const std::string_view output : outputs) {
    // The node has failed for a better reason than an output that cannot be removed.
    (void)sys::remove_beneath(files_.folder(), std::string(output));
  }
}

std::optional<std::string> PosixWorkspace::restore(std::span<const OutputRecord> outputs) {
  std::vector<const OutputRecord*> wrong;
  for (const OutputRecord& output : outputs) {
    if (!is_in_place(output)) wrong.push_back(&output);
  }
  for (const OutputRecord* output : wrong) {
    if (auto why = why_not_at_hand(files_, blobs_, *output)) return why;
  }
  for (const OutputRecord* output : wrong) {
    // A folder may hold any of the files known so far, and links make names ambiguous.
    if (output->kind == FileKind::regular) {
      stats_.drop(output->path);
      examined_.clear();
    } else {
      forget_prefetched();
    }
    if (auto why = put_in_place(files_, blobs_, *output)) return why;
  }
  return std::nullopt;
}

}  // namespace dsched::executor
