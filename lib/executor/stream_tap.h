// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes a stream to a descriptor of the caller's as it comes: dsched-run --result.
//
// It has a thread, because whoever reads there may be slow. A reader that goes away ends it, and
// nothing else. When the attempt that was written fails and another one follows, the bytes that are
// out cannot be taken back: the new attempt's are compared with them and only what comes after is
// written; if they differ, nothing more is.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "executor/stream.h"
#include "sys/event_queue.h"

namespace dsched::executor {

class StreamTap {
 public:
  // `fd` stays the caller's.
  explicit StreamTap(int fd) : fd_(fd) {}
  // Leaves at once, whatever is still to be written.
  ~StreamTap();
  StreamTap(const StreamTap&) = delete;
  StreamTap& operator=(const StreamTap&) = delete;

  // What the next attempt writes; the one before has ended.
  void follow(std::shared_ptr<Stream> stream);
  [[nodiscard]] bool has_followed() const { return source_ != nullptr; }

  enum class State : std::uint8_t {
    open,     // more may come
    whole,    // all of a complete stream is out
    gone,     // nobody reads any more
    failed,   // it could not be written: error()
    spoiled,  // what is out is not the beginning of what the last attempt wrote
  };
  [[nodiscard]] State state() const { return state_.load(); }
  // Waits until it is not open; of a stream that has broken off that is never so.
  [[nodiscard]] State finish();
  [[nodiscard]] std::uint64_t written() const { return position_.load(); }
  // Why it is `failed`; to be asked after finish().
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void leave();
  void run(const std::shared_ptr<Stream>& before);
  [[nodiscard]] bool compare(const Stream& before);
  void settle(State state);

  int fd_;
  std::shared_ptr<Stream> source_;
  std::atomic<std::uint64_t> position_{0};
  std::atomic<State> state_{State::open};
  std::atomic<bool> leaves_{false};
  sys::Bell bell_;     // rung to leave
  std::string error_;  // written before `failed`
  std::mutex mutex_;
  std::condition_variable settled_;
  std::thread thread_;
};

}  // namespace dsched::executor
