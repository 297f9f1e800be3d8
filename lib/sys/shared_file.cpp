// SPDX-License-Identifier: Apache-2.0
#include "sys/shared_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace dsched::sys {
namespace {

constexpr Nanoseconds k_first_pause = std::chrono::microseconds{20};
constexpr Nanoseconds k_longest_pause = std::chrono::milliseconds{1};

[[noreturn]] void shared_file_failed(const std::string& what, int error_number) {
  throw Error(ErrorKind::environment, describe_errno(what, error_number));
}

struct flock on_byte(std::uint64_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

Nanoseconds monotonic() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
}

void pause_for(Nanoseconds time) {
  const timespec left{0, static_cast<long>(time.count())};
  ::nanosleep(&left, nullptr);
}

}  // namespace

SharedFile::SharedFile(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600)),
      path_(path) {
  if (!fd_) shared_file_failed(path + ": open", errno);
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) shared_file_failed(path + ": stat", errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::environment, path + ": not a regular file");
  }
  if (status.st_uid != ::geteuid()) {
    throw Error(ErrorKind::environment, path + ": belongs to another user");
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

std::string SharedFile::read(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(fd_.get(), bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) shared_file_failed(path_ + ": read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void SharedFile::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) shared_file_failed(path_ + ": write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

void SharedFile::sync() {
  if (::fsync(fd_.get()) != 0) shared_file_failed(path_ + ": sync", errno);
  const std::string folder = path_.substr(0, path_.rfind('/') + 1);
  const Fd names{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!names || ::fsync(names.get()) != 0) shared_file_failed(path_ + ": sync the folder", errno);
}

bool SharedFile::try_lock(std::uint64_t byte) {
  struct flock lock = on_byte(byte, F_WRLCK);
  if (::fcntl(fd_.get(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  shared_file_failed(path_ + ": lock", errno);
}

bool SharedFile::lock(std::uint64_t byte, Nanoseconds patience) {
  if (try_lock(byte)) return true;
  const Nanoseconds end = monotonic() + patience;
  Nanoseconds pause = k_first_pause;
  while (monotonic() < end) {
    pause_for(pause);
    if (try_lock(byte)) return true;
    pause = std::min(2 * pause, k_longest_pause);
  }
  return false;
}

void SharedFile::unlock(std::uint64_t byte) {
  struct flock lock = on_byte(byte, F_UNLCK);
  if (::fcntl(fd_.get(), F_OFD_SETLK, &lock) != 0) shared_file_failed(path_ + ": unlock", errno);
}

bool SharedFile::is_locked(std::uint64_t byte) const {
  struct flock lock = on_byte(byte, F_WRLCK);
  if (::fcntl(fd_.get(), F_OFD_GETLK, &lock) != 0) shared_file_failed(path_ + ": lock", errno);
  return lock.l_type != F_UNLCK;
}

bool SharedFile::is_in_place() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    shared_file_failed(path_ + ": stat", errno);
  }
  return status.st_dev == device_ && status.st_ino == inode_;
}

void SharedFile::remove() {
  if (is_in_place() && ::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    shared_file_failed(path_ + ": unlink", errno);
  }
}

}  // namespace dsched::sys
