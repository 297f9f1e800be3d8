// SPDX-License-Identifier: Apache-2.0
#include "sys/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "base/error.h"

namespace dsched::sys {
namespace {

// Large enough that system calls do not count, small enough for the second-level cache.
constexpr std::size_t k_buffer_size = 256 * 1024;
constexpr std::size_t k_range_size = std::size_t{1} << 30;

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorKind::storage, describe_errno(what, errno));
}

// Whether copy_file_range said "not between these two files" rather than "cannot".
bool is_unsupported(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == ENOSYS ||
         error_number == EOPNOTSUPP || error_number == EBADF || error_number == EPERM ||
         error_number == ETXTBSY;
}

void write_at(int to, std::string_view bytes, std::uint64_t offset, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(to, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(what);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

std::uint64_t copy_through_buffer(int from, int to, std::uint64_t offset, std::string_view what) {
  std::vector<char> buffer(k_buffer_size);
  for (;;) {
    const ssize_t size = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail(what);
    if (size == 0) return offset;
    write_at(to, {buffer.data(), static_cast<std::size_t>(size)}, offset, what);
    offset += static_cast<std::uint64_t>(size);
  }
}

}  // namespace

bool clone_file(int from, int to) {
  return ::ioctl(to, FICLONE, from) == 0;
}

std::uint64_t copy_file(int from, int to, std::string_view what) {
  if (clone_file(from, to)) {
    struct stat status {};
    if (::fstat(to, &status) != 0) fail(what);
    return static_cast<std::uint64_t>(status.st_size);
  }
  std::uint64_t done = 0;
  for (;;) {
    loff_t in = static_cast<loff_t>(done);
    loff_t out = static_cast<loff_t>(done);
    const ssize_t size = ::copy_file_range(from, &in, to, &out, k_range_size, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && !is_unsupported(errno)) fail(what);
    // Zero means the end, or a file (in /proc, say) that claims to be empty: reading it decides.
    if (size <= 0) return copy_through_buffer(from, to, done, what);
    done += static_cast<std::uint64_t>(size);
  }
}

std::string read_all(int from, std::string_view what) {
  struct stat status {};
  if (::fstat(from, &status) != 0) fail(what);
  // One byte more than the file should have, so that its end is seen without a further buffer.
  std::string bytes(static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)) + 1, '\0');
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    const ssize_t size = ::read(from, bytes.data() + used, bytes.size() - used);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail(what);
    if (size == 0) break;
    used += static_cast<std::size_t>(size);
  }
  bytes.resize(used);
  return bytes;
}

}  // namespace dsched::sys
