// SPDX-License-Identifier: Apache-2.0
#include "sys/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "sys/fd.h"

namespace dsched::sys {
namespace {

// Reads to the end; 0, or the error number. `expected` is only a hint.
int read_to_end(int fd, std::size_t expected, std::string& out) {
  constexpr std::size_t k_step = 64 * 1024;
  out.resize(std::max(expected + 1, k_step));
  std::size_t size = 0;
  while (true) {
    if (size == out.size()) out.resize(2 * out.size());
    const ssize_t got = read(fd, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > k_text_size_max) return EFBIG;
  }
  out.resize(size);
  return 0;
}

void check_size(int problem, const std::string& what) {
  if (problem == EFBIG) throw Error(ErrorKind::usage, what + ": is longer than 2 GiB");
}

}  // namespace

void secure_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is `fd`, because those below it are open by now.
    if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) return;
  }
  ::signal(SIGXFSZ, SIG_IGN);
}

std::string read_all(int fd, const std::string& what) {
  std::string out;
  if (const int problem = read_to_end(fd, 0, out)) {
    check_size(problem, what);
    throw Error(ErrorKind::environment, describe_errno(what, problem));
  }
  return out;
}

std::string read_line(int fd, const std::string& what) {
  constexpr std::size_t k_line_max = 4096;
  std::string line;
  while (line.size() < k_line_max && !line.ends_with('\n')) {
    char byte = 0;
    const ssize_t got = ::read(fd, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorKind::environment, describe_errno(what, errno));
    if (got == 0) break;
    line += byte;
  }
  return line;
}

std::string read_whole_file(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) throw Error(ErrorKind::usage, describe_errno(path, errno));
  struct stat status {};
  const bool known = fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode);
  std::string out;
  if (const int problem =
          read_to_end(fd.get(), known ? static_cast<std::size_t>(status.st_size) : 0, out)) {
    check_size(problem, path);
    throw Error(ErrorKind::usage, describe_errno(path, problem));
  }
  return out;
}

}  // namespace dsched::sys
