// SPDX-License-Identifier: Apache-2.0
#include "executor/prefetched_stats.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <unordered_map>

#include "executor/file_examiner.h"

namespace dsched::executor {
namespace {

// Below this a second thread costs more than it saves (start and end of a thread: about 50 µs).
constexpr std::size_t k_entries_for_threads = 1000;
// Folders kept open per thread, well below the usual limit of 1,024 descriptors.
constexpr std::size_t k_open_folders_max = 128;

// Opens the folders that files lie in, each once.
class OpenFolders {
 public:
  explicit OpenFolders(const sys::Folder& folder) : folder_(folder) {}

  // -1: there is none, or the way to it passes a link; then errno tells.
  int open(std::string_view path) {
    const auto known = folders_.find(path);
    if (known != folders_.end()) {
      errno = known->second.error_number;
      return known->second.fd.get();
    }
    if (folders_.size() >= k_open_folders_max) folders_.clear();
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const long fd =
        ::syscall(SYS_openat2, folder_.fd(), std::string(path).c_str(), &how, sizeof how);
    const int error_number = fd < 0 ? errno : 0;
    Opened& opened = folders_[path];
    opened.fd = sys::Fd(static_cast<int>(fd));
    opened.error_number = error_number;
    errno = error_number;
    return opened.fd.get();
  }

 private:
  struct Opened {
    sys::Fd fd;
    int error_number = 0;
  };
  const sys::Folder& folder_;
  std::unordered_map<std::string_view, Opened> folders_;
};

PrefetchedStat stat_one(OpenFolders& folders, std::string_view path) {
  PrefetchedStat result;
  if (path.empty() || path.front() == '/') return result;
  const std::size_t slash = path.rfind('/');
  const bool is_top = slash == std::string_view::npos;
  const std::string_view leaf = is_top ? path : path.substr(slash + 1);
  std::array<char, 256> name;  // NAME_MAX and a NUL
  if (leaf.empty() || leaf.size() >= name.size() || leaf == "." || leaf == "..") return result;
  const int folder = folders.open(is_top ? std::string_view(".") : path.substr(0, slash));
  if (folder < 0) {
    if (errno == ENOENT) result.what = PrefetchedStat::What::missing;
    return result;
  }
  *std::copy(leaf.begin(), leaf.end(), name.begin()) = '\0';
  struct stat status {};
  if (::fstatat(folder, name.data(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) result.what = PrefetchedStat::What::missing;
  } else if (S_ISREG(status.st_mode)) {
    result.what = PrefetchedStat::What::regular;
    result.executable = (status.st_mode & S_IXUSR) != 0;
    result.stat = stat_tuple(status);
  }
  return result;
}

}  // namespace

void PrefetchedStats::stat_all(const sys::Folder& folder, const store::FileDigests& digests,
                               std::span<Entry> entries) {
  OpenFolders folders(folder);
  const store::FileDigests::Finder finder = digests.finder();
  for (Entry& entry : entries) {
    finder.prefetch(entry.path);
    entry.stat = stat_one(folders, entry.path);
    if (entry.stat.what != PrefetchedStat::What::regular) continue;
    entry.stat.hash = finder.find(entry.path, entry.stat.stat);
  }
}

std::uint32_t PrefetchedStats::number_of(std::string_view path) const {
  return by_path_.find(hash_of(path),
                       [&](std::uint32_t number) { return entries_[number].path == path; });
}

void PrefetchedStats::load(const sys::Folder& folder, const store::FileDigests& digests,
                           std::span<const std::string_view> paths) {
  constexpr std::size_t k_ahead = 8;  // slots fetched ahead, so that cache misses overlap
  clear();
  by_path_.reserve(paths.size());
  entries_.reserve(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (i + k_ahead < paths.size()) by_path_.prefetch(hash_of(paths[i + k_ahead]));
    if (number_of(paths[i]) != FlatIndex::k_none) continue;
    by_path_.insert(hash_of(paths[i]), static_cast<std::uint32_t>(entries_.size()));
    entries_.push_back({paths[i], {}});
  }
  const std::span<Entry> all(entries_);
  if (all.size() < k_entries_for_threads) return stat_all(folder, digests, all);
  const std::size_t half = all.size() / 2;
  std::jthread other([&] { stat_all(folder, digests, all.subspan(half)); });
  stat_all(folder, digests, all.first(half));
}

const PrefetchedStat* PrefetchedStats::find(std::string_view path) {
  const std::uint32_t next = last_found_ + 1;  // of k_none: the first entry
  const std::uint32_t number =
      next < entries_.size() && entries_[next].path == path ? next : number_of(path);
  if (number == FlatIndex::k_none) return nullptr;
  last_found_ = number;
  const PrefetchedStat& stat = entries_[number].stat;
  return stat.what == PrefetchedStat::What::unknown ? nullptr : &stat;
}

void PrefetchedStats::drop(std::string_view path) {
  const std::uint32_t number = number_of(path);
  if (number != FlatIndex::k_none) entries_[number].stat.what = PrefetchedStat::What::unknown;
}

void PrefetchedStats::clear() {
  entries_.clear();
  by_path_.clear();
  last_found_ = FlatIndex::k_none;
}

}  // namespace dsched::executor
