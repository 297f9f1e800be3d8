// SPDX-License-Identifier: Apache-2.0
#include "executor/stream_tap.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

#include "base/error.h"
#include "executor/stream_pump.h"
#include "sys/files.h"

namespace dsched::executor {

StreamTap::~StreamTap() {
  leave();
}

void StreamTap::leave() {
  if (!thread_.joinable()) return;
  leaves_.store(true);
  bell_.ring();
  thread_.join();
  bell_.silence();
  leaves_.store(false);
}

void StreamTap::follow(std::shared_ptr<Stream> stream) {
  leave();
  const std::shared_ptr<Stream> before = std::exchange(source_, std::move(stream));
  if (state_.load() != State::open) return;
  // Signals are for the session's thread, and a reader that goes away is no reason to die.
  sigset_t all;
  sigset_t mine;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mine);
  thread_ = std::thread([this, before] { run(before); });
  ::pthread_sigmask(SIG_SETMASK, &mine, nullptr);
}

void StreamTap::settle(State state) {
  const std::scoped_lock lock(mutex_);
  state_.store(state);
  settled_.notify_all();
}

StreamTap::State StreamTap::finish() {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [this] { return state_.load() != State::open; });
  return state_.load();
}

// Waits for as many bytes as are out, and says whether they are the same; false also to leave.
bool StreamTap::compare(const Stream& before) {
  std::array<char, 64 * 1024> old_bytes;
  std::array<char, 64 * 1024> new_bytes;
  constexpr int k_look_ms = 5;
  for (std::uint64_t at = 0; at < position_.load();) {
    const Stream::State state = source_->state();
    const std::uint64_t size = source_->is_open() ? source_->size() : 0;
    const std::uint64_t end = std::min(size, position_.load());
    if (at >= end) {
      if (state == Stream::State::complete) return settle(State::spoiled), false;
      pollfd item{bell_.fd(), POLLIN, 0};
      ::poll(&item, 1, k_look_ms);
      if (leaves_.load()) return false;
      continue;
    }
    const std::size_t count = std::min<std::uint64_t>(end - at, old_bytes.size());
    const std::size_t got = sys::read_at(source_->fd(), at, {new_bytes.data(), count});
    const std::size_t had = sys::read_at(before.fd(), at, {old_bytes.data(), got});
    if (had != got ||
        std::string_view(new_bytes.data(), got) != std::string_view(old_bytes.data(), had)) {
      return settle(State::spoiled), false;
    }
    at += got;
  }
  return true;
}

void StreamTap::run(const std::shared_ptr<Stream>& before) {
  try {
    if (position_.load() > 0 && !compare(*before)) return;
    StreamPump pump(source_, fd_, position_.load());
    while (!leaves_.load()) {
      std::array<pollfd, StreamPump::k_items + 1> items;
      pump.fill(std::span(items).first<StreamPump::k_items>());
      items.back() = {bell_.fd(), POLLIN, 0};
      ::poll(items.data(), items.size(), pump.timeout());
      pump.step();
      position_.store(pump.position());
      if (pump.is_done()) return settle(pump.is_whole() ? State::whole : State::gone);
    }
  } catch (const Error& error) {
    error_ = error.what();
    settle(State::failed);
  }
}

}  // namespace dsched::executor
