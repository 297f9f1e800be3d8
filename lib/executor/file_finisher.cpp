// SPDX-License-Identifier: Apache-2.0
#include "executor/file_finisher.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "executor/capture.h"
#include "executor/depfile.h"
#include "sys/copy.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

void mark_failed(Ended& ended, FailureClass failure, std::string error) {
  ended.failure = failure;
  ended.error = std::move(error);
}

void mark_failed(Ended& ended, const sys::PathProblem& why, std::string_view what) {
  const bool missing = why.kind == sys::PathProblem::Kind::missing;
  if (missing) {
    const std::string name = why.error.substr(0, why.error.find(':'));
    return mark_failed(ended, FailureClass::output_missing,
                       std::string(what) + " " + name + " was not written");
  }
  mark_failed(ended, FailureClass::refused, std::string(what) + " " + why.error);
}

bool has_changed(FileExaminer& files, const InputFile& input, WallTime began) {
  const Location at = files.locate(input.path);
  const auto status = sys::status_beneath(at.folder, at.path, sys::Links::follow);
  const auto* is = std::get_if<struct stat>(&status);
  if (is == nullptr || stat_tuple(*is) != input.stat) return true;
  if (store::is_settled(input.stat, began)) return false;
  const auto examined = files.examine(input.path);
  const auto* file = std::get_if<InputFile>(&examined);
  return file == nullptr || file->hash != input.hash;
}

bool was_written_since(const store::StatTuple& stat, WallTime began) {
  return std::max(stat.mtime_ns, stat.ctime_ns) >= began.time_since_epoch().count();
}

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

// A compiler may name a header outside of the folder relative to it; its absolute name may be read.
std::string readable_name(const FileExaminer& files, const std::string& name) {
  if (name.front() == '/') return name;
  std::optional<std::string> clean = clean_relative_path(name);
  return clean ? std::move(*clean) : files.folder().name() + "/" + name;
}

// What the depfile names, sorted, without what was declared; empty with `ended` failed.
std::vector<std::string> read_depfile(const FileExaminer& files, const Attempt& attempt,
                                      Ended& ended) {
  auto opened = sys::open_beneath(files.folder(), attempt.depfile, O_RDONLY);
  if (auto* why = std::get_if<sys::PathProblem>(&opened)) {
    mark_failed(ended, *why, "depfile");
    return {};
  }
  const auto parsed =
      parse_depfile(sys::read_all(std::get<sys::Fd>(opened).get(), attempt.depfile));
  if (const auto* problem = std::get_if<DepfileProblem>(&parsed)) {
    mark_failed(
        ended, FailureClass::refused,
        "depfile " + attempt.depfile + ":" + std::to_string(problem->line) + ": " + problem->error);
    return {};
  }
  std::set<std::string> names;
  for (const std::string& name : std::get<std::vector<std::string>>(parsed)) {
    if (!name.empty()) names.insert(readable_name(files, name));
  }
  for (const InputFile& input : attempt.inputs) names.erase(input.path);
  return {names.begin(), names.end()};
}

void examine_depfile_inputs(FileExaminer& files, const Attempt& attempt, WallTime began,
                            Ended& ended) {
  for (std::string& name : read_depfile(files, attempt, ended)) {
    auto examined = files.examine(name);
    auto* file = std::get_if<InputFile>(&examined);
    const bool own = std::any_of(attempt.outputs.begin(), attempt.outputs.end(),
                                 [&](const std::string& output) { return is_below(name, output); });
    if (file != nullptr && !own && was_written_since(file->stat, began)) {
      ended.inputs_changed = true;
    }
    // One that is gone already, or is no file, is recorded as such: if it comes, that is a change.
    ended.depfile_inputs.push_back(file != nullptr ? std::move(*file)
                                                   : InputFile{std::move(name), {}, {}});
  }
}

}  // namespace

std::optional<sys::PathProblem> FileFinisher::prepare(const Attempt& attempt) {
  const auto make_parent = [this](const std::string& path) -> std::optional<sys::PathProblem> {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return std::nullopt;
    return sys::make_folders_beneath(files_.folder(), std::string_view(path).substr(0, slash));
  };
  for (const std::string& output : attempt.outputs) {
    if (auto problem = make_parent(output)) return problem;
  }
  if (attempt.depfile.empty()) return std::nullopt;
  // One that an earlier attempt left must not be taken for this one's.
  const bool is_output = std::find(attempt.outputs.begin(), attempt.outputs.end(),
                                   attempt.depfile) != attempt.outputs.end();
  if (!is_output) (void)sys::remove_beneath(files_.folder(), attempt.depfile);
  return make_parent(attempt.depfile);
}

void FileFinisher::finish(const Attempt& attempt, Ended& ended) {
  const WallTime began = files_.wall() - (files_.clock().now() - ended.started);
  for (const InputFile& input : attempt.inputs) {
    if (ended.inputs_changed) break;
    ended.inputs_changed = has_changed(files_, input, began);
  }
  if (!attempt.depfile.empty()) examine_depfile_inputs(files_, attempt, began, ended);
  for (const std::string& path : attempt.outputs) {
    if (ended.failure != FailureClass::none) break;
    auto captured = capture_output(files_, stage_, path);
    if (const auto* why = std::get_if<sys::PathProblem>(&captured)) {
      mark_failed(ended, *why, "output");
    } else {
      ended.outputs.push_back(std::move(std::get<CapturedOutput>(captured)));
    }
  }
}

void FileFinisher::clean_up(const Attempt& attempt) {
  for (const std::string& path : attempt.outputs) {
    // The node has failed already, for a better reason than an output that cannot be removed.
    (void)sys::remove_beneath(files_.folder(), path);
  }
}

sys::OrProblem<Captured> BeneathFileAccess::read(std::string_view path) {
  return read_whole(files_, stage_, path);
}

std::optional<sys::PathProblem> BeneathFileAccess::write(const WriteFileWork& work) {
  if (work.folders == WriteFileWork::Folders::refused) {
    const auto status = sys::status_beneath(files_.folder(), work.path, sys::Links::keep);
    const auto* is = std::get_if<struct stat>(&status);
    if (is != nullptr && S_ISDIR(is->st_mode)) {
      return sys::PathProblem{sys::PathProblem::Kind::refused, EISDIR, work.path + ": is a folder"};
    }
  }
  auto made = sys::NewFile::beside(files_.folder(), work.path);
  if (auto* why = std::get_if<sys::PathProblem>(&made)) return std::move(*why);
  sys::NewFile& file = std::get<sys::NewFile>(made);
  if (work.content_file.empty()) {
    sys::write_all(file.fd(), work.content, work.path);
  } else {
    const sys::Fd from(::open(work.content_file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!from) throw Error(ErrorKind::storage, describe_errno(work.content_file, errno));
    (void)sys::copy_file(from.get(), file.fd(), work.path);
  }
  return file.commit(sys::Executable::no);
}

}  // namespace dsched::executor
