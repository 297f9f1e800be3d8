// SPDX-License-Identifier: Apache-2.0
#include "sys/job_fifo.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace dsched::sys {
namespace {

constexpr char k_token = '+';  // as make's own

// Commands get it under this number or a higher one: scripts use the low ones for themselves.
constexpr int k_number_min = 50;

Fd open_end(const std::string& path, int mode) {
  const Fd low(::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW));
  return low ? Fd(::fcntl(low.get(), F_DUPFD_CLOEXEC, k_number_min)) : Fd();
}

}  // namespace

JobFifo::JobFifo(std::string path) : path_(std::move(path)) {
  const bool is_made = ::mkfifo(path_.c_str(), S_IRUSR | S_IWUSR) == 0;
  if (is_made) {
    // This one first: opening one direction waits for somebody who has the other.
    both_ = Fd(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
    if (both_) reading_ = open_end(path_, O_RDONLY);
    if (reading_) writing_ = open_end(path_, O_WRONLY);
  }
  if (writing_) return;
  const std::string message = describe_errno("jobserver " + path_, errno);
  if (is_made) ::unlink(path_.c_str());
  throw Error(ErrorKind::environment, message);
}

JobFifo::~JobFifo() {
  ::unlink(path_.c_str());
}

void JobFifo::put(std::uint32_t count) {
  if (count == 0) return;
  const std::string tokens(count, k_token);
  // It has room for 65,536 bytes, many more than there are ever tokens.
  const ssize_t written = ::write(both_.get(), tokens.data(), tokens.size());
  DSCHED_ASSERT(written == static_cast<ssize_t>(count), "a fifo has room for all tokens");
}

std::uint32_t JobFifo::take(std::uint32_t count) {
  std::uint32_t taken = 0;
  char tokens[256];
  while (taken < count) {
    const std::size_t want = std::min<std::size_t>(count - taken, sizeof tokens);
    const ssize_t got = ::read(both_.get(), tokens, want);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    taken += static_cast<std::uint32_t>(got);
  }
  return taken;
}

std::uint32_t JobFifo::idle() const {
  int waiting = 0;
  if (::ioctl(both_.get(), FIONREAD, &waiting) != 0 || waiting < 0) return 0;
  return static_cast<std::uint32_t>(waiting);
}

}  // namespace dsched::sys
