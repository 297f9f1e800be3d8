// SPDX-License-Identifier: Apache-2.0
#include "executor/stream_pump.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

constexpr int k_pipe_bytes = 1024 * 1024;
constexpr int k_look_ms_max = 20;  // between looks where there is no watch

}  // namespace

StreamPump::StreamPump(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorKind::environment, describe_errno("pipe for a stream", errno));
  }
  reading_ = sys::Fd(ends[0]);
  writing_ = sys::Fd(ends[1]);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  // Who has many pipes may have to do with small ones: slower, and as good.
  (void)::fcntl(ends[1], F_SETPIPE_SZ, k_pipe_bytes);
  reader_ = &stream_->attach();
}

StreamPump::StreamPump(std::shared_ptr<Stream> stream, int target, std::uint64_t position)
    : stream_(std::move(stream)),
      writing_(::fcntl(target, F_DUPFD_CLOEXEC, 3)),
      position_(position) {
  if (!writing_) throw Error(ErrorKind::environment, describe_errno("output", errno));
  reader_ = &stream_->attach();
  reader_->position.store(position);
}

StreamPump::~StreamPump() {
  stream_->detach(*reader_);
}

void StreamPump::fill(std::span<pollfd, k_items> items) const {
  const bool for_growth = wait_ == Wait::growth;
  // Without events a pipe still says that nobody reads it any more.
  items[0] = {writing_ ? writing_.get() : -1,
              static_cast<short>(wait_ == Wait::space ? POLLOUT : 0), 0};
  items[1] = {for_growth && watch_ ? watch_.get() : -1, POLLIN, 0};
  // What has broken off will not grow, and its readers will be ended.
  const bool is_growing = stream_->state() == Stream::State::growing;
  items[2] = {for_growth && is_growing ? stream_->end_fd() : -1, POLLIN, 0};
}

int StreamPump::timeout() const {
  switch (wait_) {
    case Wait::moment:
      return 1;
    case Wait::growth:
      return watch_ || stream_->state() != Stream::State::growing ? -1 : look_ms_;
    case Wait::space:
    case Wait::nothing:
      break;
  }
  return -1;
}

void StreamPump::finish() {
  writing_.reset();
  reader_->counts.store(false);
  wait_ = Wait::nothing;
}

// Gives what is there; false when nothing was.
bool StreamPump::give() {
  bool any = false;
  for (;;) {
    const Stream::State state = stream_->state();
    const std::uint64_t size = stream_->is_open() ? stream_->size() : 0;
    if (position_ >= size) {
      is_whole_ = state == Stream::State::complete;
      if (is_whole_) finish();
      return any;
    }
    auto at = static_cast<loff_t>(position_);
    const std::size_t most = std::min<std::uint64_t>(size - position_, k_pipe_bytes);
    ssize_t put = ::splice(stream_->fd(), &at, writing_.get(), nullptr, most,
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EINVAL) {  // a file system without it
      std::array<char, 64 * 1024> buffer;
      const std::size_t got =
          sys::read_at(stream_->fd(), position_, {buffer.data(), std::min(most, buffer.size())});
      put = ::write(writing_.get(), buffer.data(), got);
    }
    if (put < 0 && errno == EAGAIN) {
      wait_ = Wait::space;
      return true;
    }
    if (put < 0) {
      const int problem = errno;
      finish();
      if (problem == EPIPE) return true;
      throw Error(ErrorKind::environment, describe_errno("write a stream", problem));
    }
    any = any || put > 0;
    position_ += static_cast<std::uint64_t>(put);
    reader_->position.store(position_);
  }
}

// From here on growth is told; what came before is not.
void StreamPump::arm() {
  if (!watch_ && may_watch_ && stream_->is_open()) {
    may_watch_ = false;  // one try
    sys::Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string path = sys::path_of(stream_->fd());
    if (watch && ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) >= 0) {
      watch_ = std::move(watch);
    }
    return;
  }
  std::array<char, 4096> events;
  while (watch_ && ::read(watch_.get(), events.data(), events.size()) > 0) continue;
}

void StreamPump::step() {
  if (is_done()) return;
  pollfd gone{writing_.get(), 0, 0};
  if (::poll(&gone, 1, 0) > 0 && (gone.revents & POLLERR) != 0) return finish();
  wait_ = Wait::moment;
  if (give()) {
    look_ms_ = 1;
    return;
  }
  if (wait_ != Wait::moment) return;
  arm();
  if (give() || wait_ != Wait::moment) return;
  wait_ = Wait::growth;
  if (!watch_) look_ms_ = std::min(2 * look_ms_, k_look_ms_max);
}

}  // namespace dsched::executor
