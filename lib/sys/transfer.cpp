// SPDX-License-Identifier: Apache-2.0
#include "sys/transfer.h"

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::sys {
namespace {

// Small enough that the hasher finds what was just written in the CPU's cache.
constexpr std::size_t k_piece = 512 * 1024;

[[noreturn]] void fail_transfer(std::string_view what, int error_number) {
  throw Error(ErrorKind::storage, describe_errno(what, error_number));
}

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// How far the writer came, for the hasher that follows it.
class Progress {
 public:
  void advance(std::uint64_t written) {
    const std::lock_guard lock(mutex_);
    written_ = written;
    changed_.notify_one();
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_one();
  }
  // Waits until there is more than `hashed`; gives how far the writer came, or `hashed` at the end.
  std::uint64_t wait_beyond(std::uint64_t hashed) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return written_ > hashed || is_done_; });
    return written_;
  }

 private:
  std::mutex mutex_;  // guards the two below
  std::condition_variable changed_;
  std::uint64_t written_ = 0;
  bool is_done_ = false;
};

// Hashes the file behind the writer until it is finished. Fewer bytes than announced (somebody cut
// the file) show in the size that comes back.
void follow(int fd, Progress& progress, HashedBytes& result) {
  std::vector<char> buffer(k_piece);
  Sha256 hash;
  std::uint64_t hashed = 0;
  while (true) {
    const std::uint64_t written = progress.wait_beyond(hashed);
    if (written == hashed) break;
    while (hashed < written) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), written - hashed));
      const ssize_t got = ::pread(fd, buffer.data(), size, static_cast<off_t>(hashed));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      hash.update({buffer.data(), static_cast<std::size_t>(got)});
      hashed += static_cast<std::uint64_t>(got);
    }
  }
  result = {hash.finish(), hashed};
}

// One piece; 0 at the end. Sets `in_kernel` to false when the kernel will not do it.
std::size_t copy_piece(int from, int to, std::vector<char>& buffer, bool& in_kernel,
                       std::string_view what) {
  while (in_kernel) {
    const ssize_t got = ::copy_file_range(from, nullptr, to, nullptr, k_piece, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == ENOSPC || errno == EIO || errno == EFBIG)) fail_transfer(what, errno);
    // Also at 0: files of /proc claim to be empty, and only reading tells.
    in_kernel = false;
  }
  buffer.resize(k_piece);
  const std::size_t got = read_some(from, buffer);
  write_all(to, {buffer.data(), got}, what);
  return got;
}

template <class Body>
std::jthread start_thread(Body body) {
  try {
    return std::jthread(std::move(body));
  } catch (const std::system_error& problem) {
    fail_transfer("start a thread", problem.code().value());
  }
}

}  // namespace

HashedBytes copy_and_hash(int from, int to, std::string_view what) {
  Progress progress;
  HashedBytes result;
  std::uint64_t written = 0;
  {
    std::jthread hasher = start_thread([&] { follow(to, progress, result); });
    try {
      std::vector<char> buffer;
      bool in_kernel = is_regular(from);
      while (const std::size_t size = copy_piece(from, to, buffer, in_kernel, what)) {
        written += size;
        progress.advance(written);
      }
    } catch (...) {
      progress.finish();  // or the hasher would wait for ever
      throw;
    }
    progress.finish();
  }
  if (result.size != written) fail_transfer(std::string(what) + ": read back", EIO);
  return result;
}

std::uint64_t transfer(int from, std::uint64_t offset, std::uint64_t size, int to,
                       std::string_view what) {
  enum class Way { between_files, to_any, by_buffer };
  Way way = is_regular(to) ? Way::between_files : Way::to_any;
  auto position = static_cast<off_t>(offset);
  std::uint64_t done = 0;
  std::vector<char> buffer;
  while (done < size) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size - done, 8 * k_piece));
    ssize_t got = 0;
    if (way == Way::between_files) {
      got = ::copy_file_range(from, &position, to, nullptr, want, 0);
    } else if (way == Way::to_any) {
      got = ::sendfile(to, from, &position, want);
    } else {
      buffer.resize(want);
      got = static_cast<ssize_t>(read_at(from, static_cast<std::uint64_t>(position), buffer));
      write_all(to, {buffer.data(), static_cast<std::size_t>(got)}, what);
      position += got;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      if (errno == ENOSPC || errno == EIO || errno == EFBIG || errno == EPIPE)
        fail_transfer(what, errno);
      if (way == Way::by_buffer) fail_transfer(what, errno);
      way = way == Way::between_files ? Way::to_any : Way::by_buffer;
      continue;
    }
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  return done;
}

}  // namespace dsched::sys
