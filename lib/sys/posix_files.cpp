// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::sys {
namespace {

[[noreturn]] void fail(const std::string& what, int error_number) {
  throw Error(ErrorKind::storage, describe_errno(what, error_number));
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileInfo::Kind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileInfo::Kind::regular;
    case S_IFDIR:
      return FileInfo::Kind::folder;
    case S_IFLNK:
      return FileInfo::Kind::link;
    default:
      return FileInfo::Kind::other;
  }
}

FileInfo to_info(const struct stat& status) {
  FileInfo info;
  info.kind = kind_of(status.st_mode);
  info.mode = status.st_mode & 07777U;
  info.owner = status.st_uid;
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.mtime_ns = nanoseconds(status.st_mtim);
  info.ctime_ns = nanoseconds(status.st_ctim);
  info.inode = status.st_ino;
  return info;
}

std::int64_t nanoseconds(const statx_timestamp& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileInfo to_info(const struct statx& status) {
  FileInfo info;
  info.kind = kind_of(status.stx_mode);
  info.mode = status.stx_mode & 07777U;
  info.owner = status.stx_uid;
  info.size = status.stx_size;
  info.mtime_ns = nanoseconds(status.stx_mtime);
  info.ctime_ns = nanoseconds(status.stx_ctime);
  info.inode = status.stx_ino;
  const bool is_birth_known = (status.stx_mask & STATX_BTIME) != 0;
  info.birth_ns = is_birth_known ? nanoseconds(status.stx_btime) : 0;
  return info;
}

// A name that no other staged file of this machine has: process, count.
std::string unused_name(const std::string& prefix) {
  static std::atomic<std::uint64_t> count{0};
  return prefix + "-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

void make_parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return;
  const std::string parent = path.substr(0, slash);
  if (::mkdir(parent.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) fail(parent + ": mkdir", errno);
  make_parent(parent);
  if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) fail(parent + ": mkdir", errno);
}

int link_to(const Staged& file, const std::string& path) {
  const std::string from = file.name().empty() ? path_of(file.fd()) : file.name();
  const int done = ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
  return done == 0 ? 0 : errno;
}

}  // namespace

Staged& Staged::operator=(Staged&& other) noexcept {
  if (this != &other) {
    abandon();
    fd_ = std::move(other.fd_);
    name_ = std::exchange(other.name_, {});
  }
  return *this;
}

void Staged::abandon() {
  if (!name_.empty()) ::unlink(name_.c_str());
  name_.clear();
  fd_.reset();
}

Fd Staged::release() {
  Fd fd = std::move(fd_);
  abandon();
  return fd;
}

Staged PosixFiles::stage(const std::string& folder) {
  const int nameless = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (nameless >= 0) return {Fd{nameless}, {}};
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    fail(folder + ": stage a file", errno);
  }
  std::string name = unused_name(folder + "/staged");
  const int named = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (named < 0) fail(name + ": create", errno);
  return {Fd{named}, std::move(name)};
}

void PosixFiles::write(const Staged& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("staged file: write", done < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void PosixFiles::publish(Staged& file, const std::string& path, std::uint32_t mode,
                         Existing existing) {
  if (::fchmod(file.fd(), mode) != 0) fail(path + ": chmod", errno);
  int error = link_to(file, path);
  if (error == ENOENT) {
    make_parent(path);
    error = link_to(file, path);
  }
  if (error == EEXIST && existing == Existing::replaced) {
    const std::string beside = unused_name(path + ".new");
    error = link_to(file, beside);
    if (error == 0 && ::rename(beside.c_str(), path.c_str()) != 0) {
      error = errno;
      ::unlink(beside.c_str());
    }
  } else if (error == EEXIST) {
    error = 0;
  }
  if (error != 0) fail(path + ": link", error);
  if (!file.name().empty()) {
    ::unlink(file.name().c_str());
    file.forget_name();
  }
}

Fd PosixFiles::open(const std::string& path) {
  // O_NONBLOCK so that a FIFO put in the way cannot hang us; it changes nothing for files.
  Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd && errno == ELOOP) throw Error(ErrorKind::damaged, path + ": is a link");
  if (!fd && errno != ENOENT) fail(path + ": open", errno);
  return fd;
}

bool PosixFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  fail(path + ": remove", errno);
}

std::vector<std::string> PosixFiles::list(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(folder.c_str()), ::closedir};
  if (!stream) {
    if (errno == ENOENT) return names;
    fail(folder + ": list", errno);
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) fail(folder + ": list", errno);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<FileInfo> PosixFiles::info(const std::string& path) {
  struct statx status {};
  constexpr unsigned k_wanted = STATX_BASIC_STATS | STATX_BTIME;
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, k_wanted, &status) == 0) {
    return to_info(status);
  }
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  fail(path + ": stat", errno);
}

void PosixFiles::sync(const std::string& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) fail(path + ": open", errno);
  if (::fsync(fd.get()) != 0) fail(path + ": sync", errno);
}

std::size_t read_at(int fd, std::uint64_t offset, std::span<char> into) {
  std::size_t total = 0;
  while (total < into.size()) {
    const ssize_t got =
        ::pread(fd, into.data() + total, into.size() - total, static_cast<off_t>(offset + total));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", errno);
    if (got == 0) break;
    total += static_cast<std::size_t>(got);
  }
  return total;
}

std::size_t read_some(int fd, std::span<char> into) {
  while (true) {
    const ssize_t got = ::read(fd, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail("read", errno);
  }
}

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail(std::string(what) + ": write", done < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

FileInfo info_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail("stat", errno);
  return to_info(status);
}

void truncate_to_nothing(int fd) {
  if (::ftruncate(fd, 0) != 0) fail("staged file: truncate", errno);
  if (::lseek(fd, 0, SEEK_SET) != 0) fail("staged file: seek", errno);
}

std::string path_of(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace dsched::sys
