// SPDX-License-Identifier: Apache-2.0
#include "executor/capture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "executor/folder_scan.h"
#include "executor/outputs.h"
#include "sys/copy.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

using Stage = std::function<store::StagedFile()>;

struct CapturedFile {
  Captured captured;
  store::StatTuple stat;
  bool executable = false;
};

struct stat status_of(int fd, std::string_view path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw Error(ErrorKind::environment, describe_errno(path, errno));
  return status;
}

// Copies (unless the staged file is a clone already) and hashes in one pass.
store::Content hash_into(int from, store::StagedFile& staged) {
  const bool is_cloned = sys::clone_file(from, staged.fd());
  const int source = is_cloned ? staged.fd() : from;
  Sha256 hash;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t size = 0;
  for (;;) {
    const std::size_t got = sys::read_at(source, size, buffer);
    const std::string_view bytes(buffer.data(), got);
    hash.update(bytes);
    if (!is_cloned) sys::write_all(staged.fd(), bytes, "staged output");
    size += got;
    if (got < buffer.size()) return {hash.finish(), size};
  }
}

sys::OrProblem<CapturedFile> capture_file(FileExaminer& files, const Stage& stage,
                                          std::string_view path, sys::Links links) {
  const WallTime examined_at = files.wall();
  const Location at = files.locate(path);
  const int no_follow = links == sys::Links::keep ? O_NOFOLLOW : 0;
  auto opened = sys::open_beneath(at.folder, at.path, O_RDONLY | no_follow);
  if (auto* why = std::get_if<sys::PathProblem>(&opened)) return std::move(*why);
  const int fd = std::get<sys::Fd>(opened).get();
  const struct stat before = status_of(fd, path);
  if (!S_ISREG(before.st_mode)) {
    return sys::PathProblem{sys::PathProblem::Kind::refused, 0,
                            std::string(path) + ": is not a regular file"};
  }
  CapturedFile file;
  file.stat = stat_tuple(before);
  file.executable = (before.st_mode & S_IXUSR) != 0;
  if (file.stat.size <= k_inline_max) {
    // One byte more than there should be shows a file that has grown.
    std::string& bytes = file.captured.bytes;
    bytes.resize(file.stat.size + 1);
    bytes.resize(sys::read_at(fd, 0, bytes));
    file.captured.content = {sha256(bytes), bytes.size()};
  } else {
    file.captured.file = stage();
    file.captured.content = hash_into(fd, *file.captured.file);
  }
  const bool is_stable = stat_tuple(status_of(fd, path)) == file.stat;
  if (!is_stable || file.captured.content.size != file.stat.size) {
    return sys::PathProblem{sys::PathProblem::Kind::refused, 0,
                            std::string(path) + ": was written to while it was read"};
  }
  files.remember({std::string(path), file.stat, file.captured.content.hash}, examined_at);
  return file;
}

sys::OrProblem<CapturedOutput> capture_folder(FileExaminer& files, const Stage& stage,
                                              CapturedOutput output) {
  output.kind = FileKind::folder;
  auto scanned = scan_folder(files.folder(), output.path);
  if (auto* why = std::get_if<sys::PathProblem>(&scanned)) return std::move(*why);
  auto& found = std::get<std::vector<ScannedEntry>>(scanned);
  for (ScannedEntry& one : found) {
    if (one.entry.kind == FolderEntry::Kind::link || one.entry.kind == FolderEntry::Kind::folder) {
      continue;
    }
    auto captured =
        capture_file(files, stage, output.path + "/" + one.entry.path, sys::Links::keep);
    if (auto* why = std::get_if<sys::PathProblem>(&captured)) return std::move(*why);
    CapturedFile& file = std::get<CapturedFile>(captured);
    one.entry.content = file.captured.content;
    output.members.push_back(std::move(file.captured));
  }
  output.captured.bytes = to_manifest(entries_of(std::move(found)));
  output.captured.content = {sha256(output.captured.bytes), output.captured.bytes.size()};
  return output;
}

}  // namespace

sys::OrProblem<CapturedOutput> capture_output(FileExaminer& files, const Stage& stage,
                                              const std::string& path) {
  auto status = sys::status_beneath(files.folder(), path, sys::Links::keep);
  if (auto* why = std::get_if<sys::PathProblem>(&status)) return std::move(*why);
  const struct stat& is = std::get<struct stat>(status);
  CapturedOutput output;
  output.path = path;
  output.stat = stat_tuple(is);
  if (S_ISDIR(is.st_mode)) return capture_folder(files, stage, std::move(output));
  if (S_ISLNK(is.st_mode)) {
    output.kind = FileKind::link;
    auto text = sys::read_link_beneath(files.folder(), path);
    if (auto* why = std::get_if<sys::PathProblem>(&text)) return std::move(*why);
    output.captured.bytes = std::move(std::get<std::string>(text));
    output.captured.content = {sha256(output.captured.bytes), output.captured.bytes.size()};
    return output;
  }
  if (!S_ISREG(is.st_mode)) {
    return sys::PathProblem{sys::PathProblem::Kind::refused, 0,
                            path + ": is neither a file, a link nor a folder"};
  }
  auto captured = capture_file(files, stage, path, sys::Links::keep);
  if (auto* why = std::get_if<sys::PathProblem>(&captured)) return std::move(*why);
  CapturedFile& file = std::get<CapturedFile>(captured);
  output.captured = std::move(file.captured);
  output.stat = file.stat;
  output.executable = file.executable;
  return output;
}

sys::OrProblem<Captured> read_whole(FileExaminer& files, const Stage& stage,
                                    std::string_view path) {
  auto captured = capture_file(files, stage, path, sys::Links::follow);
  if (auto* why = std::get_if<sys::PathProblem>(&captured)) return std::move(*why);
  return std::move(std::get<CapturedFile>(captured).captured);
}

}  // namespace dsched::executor
