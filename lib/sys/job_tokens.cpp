// SPDX-License-Identifier: Apache-2.0
#include "sys/job_tokens.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace dsched::sys {
namespace {

bool is_pipe_end(int fd, int mode, struct stat& status) {
  const int flags = ::fcntl(fd, F_GETFL);
  const bool fits = flags >= 0 && ((flags & O_ACCMODE) == mode || (flags & O_ACCMODE) == O_RDWR);
  return fits && ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

// Each token that was taken alone occupies a buffer of its own.
void make_pipe(Fd& out, Fd& in) {
  constexpr int k_room = 1 << 20;  // 256 buffers; the most that may be asked for without privilege
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Error(ErrorKind::environment, describe_errno("jobserver: pipe", errno));
  }
  out = Fd(ends[0]);
  in = Fd(ends[1]);
  // Where it is refused there is less room, and fewer tokens are taken.
  ::fcntl(in.get(), F_SETPIPE_SZ, k_room);
}

// Moves up to `count` bytes between two pipes without waiting; how many were moved.
std::uint32_t splice_tokens(int from, int to, std::uint32_t count) {
  std::uint32_t moved = 0;
  while (moved < count) {
    const ssize_t done =
        ::splice(from, nullptr, to, nullptr, count - moved, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) break;
    moved += static_cast<std::uint32_t>(done);
  }
  return moved;
}

}  // namespace

JobTokens::JobTokens(Fd reading, Fd writing)
    : reading_(std::move(reading)), writing_(std::move(writing)) {
  make_pipe(held_out_, held_in_);
  make_pipe(returned_out_, returned_in_);
}

std::unique_ptr<JobTokens> JobTokens::on_descriptors(int reading, int writing) {
  struct stat one {};
  struct stat other {};
  const bool are_ends = reading >= 0 && writing >= 0 && is_pipe_end(reading, O_RDONLY, one) &&
                        is_pipe_end(writing, O_WRONLY, other) && one.st_dev == other.st_dev &&
                        one.st_ino == other.st_ino;
  if (!are_ends) return nullptr;
  constexpr int k_above_standard = 3;
  Fd reading_copy(::fcntl(reading, F_DUPFD_CLOEXEC, k_above_standard));
  Fd writing_copy(::fcntl(writing, F_DUPFD_CLOEXEC, k_above_standard));
  if (!reading_copy || !writing_copy) return nullptr;
  return std::unique_ptr<JobTokens>(
      new JobTokens(std::move(reading_copy), std::move(writing_copy)));
}

std::unique_ptr<JobTokens> JobTokens::on_fifo(const std::string& path) {
  Fd reading(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat status {};
  if (!reading || !is_pipe_end(reading.get(), O_RDWR, status)) return nullptr;
  Fd writing(::fcntl(reading.get(), F_DUPFD_CLOEXEC, 0));
  if (!writing) return nullptr;
  return std::unique_ptr<JobTokens>(new JobTokens(std::move(reading), std::move(writing)));
}

JobTokens::~JobTokens() {
  // The keeper has done this already, unless it was killed or never was.
  move_tokens(returned_out_.get(), writing_.get());
  move_tokens(held_out_.get(), writing_.get());
}

std::uint32_t JobTokens::take(std::uint32_t count) {
  const std::uint32_t got = splice_tokens(reading_.get(), held_in_.get(), count);
  held_ += got;
  return got;
}

void JobTokens::give_back(std::uint32_t count) {
  DSCHED_ASSERT(count <= held_, "only what is held is given back");
  held_ -= count;
  count -= splice_tokens(held_out_.get(), returned_in_.get(), count);
  // The keeper is far behind: past it, with a moment in which a kill would lose a token.
  for (; count > 0; --count) {
    char token = 0;
    if (::read(held_out_.get(), &token, 1) != 1) return;
    [[maybe_unused]] const ssize_t written = ::write(writing_.get(), &token, 1);
  }
}

JobTokens::ForKeeper JobTokens::for_keeper() const {
  return {writing_.get(), held_out_.get(), returned_out_.get()};
}

void move_tokens(int from, int to) {
  std::array<char, 256> tokens;
  while (true) {
    const ssize_t got = ::read(from, tokens.data(), tokens.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t done = ::write(to, tokens.data() + sent, static_cast<std::size_t>(got - sent));
      if (done > 0) {
        sent += done;
      } else if (done < 0 && errno == EAGAIN) {
        pollfd item{to, POLLOUT, 0};
        ::poll(&item, 1, -1);
      } else if (done == 0 || errno != EINTR) {
        return;  // nobody is there any more who could read it
      }
    }
  }
}

}  // namespace dsched::sys
