// SPDX-License-Identifier: Apache-2.0
#include "executor/file_examiner.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/error.h"

namespace dsched::executor {
namespace {

// A file that is written to faster than it can be read has no content to speak of.
constexpr int k_hash_tries = 3;

sys::PathProblem no_file(std::string_view path) {
  return {sys::PathProblem::Kind::refused, 0, std::string(path) + ": is not a regular file"};
}

Digest hash_all(int fd, const std::stop_token& stop) {
  Sha256 hash;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t offset = 0;
  for (;;) {
    const std::size_t size = sys::read_at(fd, offset, buffer);
    hash.update({buffer.data(), size});
    offset += size;
    if (size < buffer.size() || stop.stop_requested()) return hash.finish();
  }
}

}  // namespace

store::StatTuple stat_tuple(const struct stat& status) {
  constexpr std::int64_t k_second_ns = 1'000'000'000;
  return {static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * k_second_ns + status.st_mtim.tv_nsec,
          status.st_ctim.tv_sec * k_second_ns + status.st_ctim.tv_nsec, status.st_ino};
}

FileExaminer::FileExaminer(std::string folder, store::FileDigests& digests, const sys::Clock& clock)
    : folder_(std::move(folder)), digests_(digests), clock_(clock) {}

Location FileExaminer::locate(std::string_view path) const {
  if (path.empty() || path.front() != '/') return {folder_, path};
  const std::size_t start = path.find_first_not_of('/');
  return {root_, start == std::string_view::npos ? std::string_view(".") : path.substr(start)};
}

std::optional<store::StatTuple> FileExaminer::stat_of(std::string_view path) const {
  const Location at = locate(path);
  const auto status = sys::status_beneath(at.folder, at.path, sys::Links::follow);
  const auto* found = std::get_if<struct stat>(&status);
  if (found == nullptr || !S_ISREG(found->st_mode)) return std::nullopt;
  return stat_tuple(*found);
}

sys::OrProblem<InputFile> FileExaminer::examine(std::string_view path,
                                                const std::stop_token& stop) {
  const Location at = locate(path);
  sys::OrProblem<struct stat> status = sys::status_beneath(at.folder, at.path, sys::Links::follow);
  if (auto* why = std::get_if<sys::PathProblem>(&status)) return std::move(*why);
  if (!S_ISREG(std::get<struct stat>(status).st_mode)) return no_file(path);
  return examine_seen(path, stat_tuple(std::get<struct stat>(status)), stop);
}

sys::OrProblem<InputFile> FileExaminer::examine_seen(std::string_view path,
                                                     const store::StatTuple& stat,
                                                     const std::stop_token& stop) {
  if (const std::optional<Digest> known = digests_.find(path, stat)) {
    return InputFile{std::string(path), stat, *known};
  }
  return read_and_hash(path, stop);
}

sys::OrProblem<InputFile> FileExaminer::read_and_hash(std::string_view path,
                                                      const std::stop_token& stop) {
  const Location at = locate(path);
  for (int tries = 1;; ++tries) {
    const WallTime examined_at = clock_.wall();
    sys::OrProblem<sys::Fd> opened = sys::open_beneath(at.folder, at.path, O_RDONLY);
    if (auto* why = std::get_if<sys::PathProblem>(&opened)) return std::move(*why);
    const int fd = std::get<sys::Fd>(opened).get();
    struct stat before {};
    struct stat after {};
    if (::fstat(fd, &before) != 0) {
      throw Error(ErrorKind::environment, describe_errno(path, errno));
    }
    if (!S_ISREG(before.st_mode)) return no_file(path);
    const Digest hash = hash_all(fd, stop);
    if (::fstat(fd, &after) != 0) {
      throw Error(ErrorKind::environment, describe_errno(path, errno));
    }
    const bool is_stable = stat_tuple(before) == stat_tuple(after);
    if (!is_stable && tries < k_hash_tries) continue;
    InputFile file{std::string(path), stat_tuple(before), hash};
    if (is_stable && !stop.stop_requested()) remember(file, examined_at);
    return file;
  }
}

void FileExaminer::remember(const InputFile& file, WallTime examined_at) {
  if (store::is_settled(file.stat, examined_at)) {
    digests_.remember(file.path, file.stat, file.hash, examined_at);
  } else {
    note_young(file.path);
  }
}

void FileExaminer::note_young(std::string_view path) {
  const std::lock_guard lock(mutex_);
  young_.emplace_back(path);
}

void FileExaminer::settle() {
  std::vector<std::string> young;
  {
    const std::lock_guard lock(mutex_);
    young.swap(young_);
  }
  std::sort(young.begin(), young.end());
  young.erase(std::unique(young.begin(), young.end()), young.end());
  // What is gone or cannot be read any more has nothing to be remembered.
  for (const std::string& path : young) (void)examine(path);
}

}  // namespace dsched::executor
