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
#include <functional>
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

void PrefetchedStats::stat_all(const sys::Folder& folder, std::span<Entry> entries) {
  OpenFolders folders(folder);
  for (Entry& entry : entries) entry.stat = stat_one(folders, entry.path);
}

std::size_t PrefetchedStats::slot_of(std::string_view path) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(path)&mask;
  while (slots_[slot] != 0 && entries_[slots_[slot] - 1].path != path) slot = (slot + 1) & mask;
  return slot;
}

void PrefetchedStats::load(const sys::Folder& folder, std::span<const std::string_view> paths) {
  clear();
  if (paths.empty()) return;
  std::size_t size = 16;
  while (size < paths.size() * 2) size *= 2;
  slots_.resize(size);
  entries_.reserve(paths.size());
  for (const std::string_view path : paths) {
    const std::size_t slot = slot_of(path);
    if (slots_[slot] != 0) continue;
    entries_.push_back({path, {}});
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  }
  const std::span<Entry> all(entries_);
  if (all.size() < k_entries_for_threads) return stat_all(folder, all);
  const std::size_t half = all.size() / 2;
  std::jthread other([&] { stat_all(folder, all.subspan(half)); });
  stat_all(folder, all.first(half));
}

const PrefetchedStat* PrefetchedStats::find(std::string_view path) const {
  if (entries_.empty()) return nullptr;
  const std::uint32_t index = slots_[slot_of(path)];
  if (index == 0) return nullptr;
  const PrefetchedStat& stat = entries_[index - 1].stat;
  return stat.what == PrefetchedStat::What::unknown ? nullptr : &stat;
}

void PrefetchedStats::drop(std::string_view path) {
  if (entries_.empty()) return;
  const std::uint32_t index = slots_[slot_of(path)];
  if (index != 0) entries_[index - 1].stat.what = PrefetchedStat::What::unknown;
}

void PrefetchedStats::clear() {
  entries_.clear();
  slots_.clear();
}

}  // namespace dsched::executor
