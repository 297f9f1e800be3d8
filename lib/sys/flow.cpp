// SPDX-License-Identifier: Apache-2.0
#include "sys/flow.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/error.h"

namespace dsched::sys {
namespace {

bool is_ready(int fd, short events) {
  pollfd item{fd, events, 0};
  return ::poll(&item, 1, 0) > 0;
}

Instant now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Instant{std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec}};
}

mode_t file_kind_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

}  // namespace

void wait_for_any(std::span<const Awaited> awaited, std::optional<Instant> until) {
  std::vector<pollfd> items;
  for (const Awaited& one : awaited) {
    if (one.fd < 0) continue;
    const bool reads = one.what == Awaited::For::reading;
    items.push_back({one.fd, static_cast<short>(reads ? POLLIN : POLLOUT), 0});
  }
  timespec rest{};
  if (until) {
    const Nanoseconds left = std::max(*until - now(), Nanoseconds{0});
    rest.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    rest.tv_nsec = (left % std::chrono::seconds{1}).count();
  }
  ::ppoll(items.data(), items.size(), until ? &rest : nullptr, nullptr);
}

Taken read_now(int fd, std::span<char> into, const std::string& what) {
  if (!is_ready(fd, POLLIN)) return {0, Taken::State::nothing_now};
  const ssize_t got = ::read(fd, into.data(), into.size());
  if (got > 0) return {static_cast<std::size_t>(got), Taken::State::some};
  if (got == 0) return {0, Taken::State::end};
  if (errno == EINTR || errno == EAGAIN) return {0, Taken::State::nothing_now};
  throw Error(ErrorKind::environment, describe_errno(what, errno));
}

Given write_now(int fd, std::string_view bytes, const std::string& what) {
  const mode_t kind = file_kind_of(fd);
  Given given;
  while (given.bytes < bytes.size() && is_ready(fd, POLLOUT)) {
    const std::string_view left = bytes.substr(given.bytes);
    // A pipe or terminal that is ready takes this much without making us wait: pipe(7).
    const std::size_t size =
        kind == S_IFREG ? left.size() : std::min<std::size_t>(left.size(), PIPE_BUF);
    const ssize_t put = kind == S_IFSOCK
                            ? ::send(fd, left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                            : ::write(fd, left.data(), size);
    if (put >= 0) {
      given.bytes += static_cast<std::size_t>(put);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      given.is_reader_gone = true;
      return given;
    } else if (errno == EAGAIN) {
      return given;
    } else if (errno != EINTR) {
      throw Error(ErrorKind::environment, describe_errno(what, errno));
    }
  }
  return given;
}

int open_named_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(ErrorKind::usage, describe_errno(path, errno));
  if (file_kind_of(fd) != S_IFDIR) return fd;
  ::close(fd);
  throw Error(ErrorKind::usage, describe_errno(path, EISDIR));
}

}  // namespace dsched::sys
