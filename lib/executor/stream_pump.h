// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fills a pipe from a stream that may still grow, without waiting itself. (What it is given instead
// of a pipe of its own may be anything; a terminal or a file is then waited for.)
//
// The worker that waits for the reader's process polls what fill() names, for at most timeout(),
// and calls step(). A pipe takes whole pages of the file without their being copied (splice). That
// the file grew is told by inotify, at most about once a millisecond, so that a producer that
// writes little bits does not wake everybody for each; where no watch can be had, the file is
// looked at every so often.

#include <poll.h>

#include <cstdint>
#include <memory>
#include <span>

#include "executor/stream.h"

namespace dsched::executor {

class StreamPump {
 public:
  static constexpr std::size_t k_items = 3;

  // Throws Error (environment) when no pipe can be made.
  explicit StreamPump(std::shared_ptr<Stream> stream);
  // Into what is open as `target`, from `position` on.
  StreamPump(std::shared_ptr<Stream> stream, int target, std::uint64_t position);
  ~StreamPump();
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // The end for the reader's process; to be closed here when that has it.
  [[nodiscard]] sys::Fd take_reading() { return std::move(reading_); }
  // A reader that stands still holds nobody up.
  void set_counts(bool counts) { reader_->counts.store(counts); }

  void fill(std::span<pollfd, k_items> items) const;
  // Milliseconds after which step() has to be called anyhow; -1: no limit.
  [[nodiscard]] int timeout() const;
  void step();
  // There is nothing more to be done: all was given, or the reader takes no more.
  [[nodiscard]] bool is_done() const { return wait_ == Wait::nothing; }
  // It is done because all of a complete stream was given.
  [[nodiscard]] bool is_whole() const { return is_whole_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  enum class Wait : std::uint8_t {
    space,    // in the pipe
    moment,   // the file grew just now: it may be more in a millisecond
    growth,   // of the file
    nothing,  // done
  };
  [[nodiscard]] bool give();
  void arm();
  void finish();

  std::shared_ptr<Stream> stream_;
  StreamReader* reader_;
  sys::Fd reading_;
  sys::Fd writing_;
  sys::Fd watch_;
  bool may_watch_ = true;
  int look_ms_ = 1;
  bool is_whole_ = false;
  std::uint64_t position_ = 0;
  Wait wait_ = Wait::moment;
};

}  // namespace dsched::executor
