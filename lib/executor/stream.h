// SPDX-License-Identifier: Apache-2.0
#pragma once
// The standard output of one attempt as others read it while it grows.
//
// It is the file that becomes the blob; readers have a position each and no share in one another's,
// so any number may come, late or slow, and read from the start. Whoever reads holds it by a shared
// pointer, because a reader may be left when the attempt and the session have forgotten it.
//
// States: growing -> complete: the attempt ended well, its size is final, readers get an end of
// file
//                 -> broken: it failed or was given up; readers get no end of file, because what
//                    they have read may be half of a line. The session ends them.
//
// open, complete and break_off are for the attempt's worker, the rest is for any thread.

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>

#include "sys/event_queue.h"
#include "sys/fd.h"

namespace dsched::executor {

// One that reads; its own thread writes this, the producer's worker looks at it.
struct StreamReader {
  std::atomic<std::uint64_t> position{0};
  std::atomic<bool> counts{true};  // false while it stands still: nobody waits for it
};

class Stream {
 public:
  enum class State : std::uint8_t { growing, complete, broken };

  explicit Stream(std::optional<std::uint64_t> max_lag_bytes = std::nullopt)
      : max_lag_(max_lag_bytes) {}

  // The file, which the caller may close. Throws Error (environment).
  void open(int file);
  void complete() { end(State::complete); }
  void break_off() { end(State::broken); }

  [[nodiscard]] bool is_open() const { return is_open_.load(); }
  [[nodiscard]] State state() const { return state_.load(); }
  // For reading at positions; -1 until it is open.
  [[nodiscard]] int fd() const { return file_.get(); }
  // Final when state() was not `growing` before.
  [[nodiscard]] std::uint64_t size() const;
  // Readable from the end on.
  [[nodiscard]] int end_fd() const { return ended_.fd(); }

  // The address stays until it is given back.
  [[nodiscard]] StreamReader& attach();
  void detach(const StreamReader& reader);

  [[nodiscard]] bool has_limit() const { return max_lag_.has_value(); }
  [[nodiscard]] bool has_readers() const;
  // The slowest reader that counts is more than the limit behind; one that was found so counts as
  // behind until it has halved the distance, so that nobody is stopped for every page.
  [[nodiscard]] bool is_behind();

 private:
  void end(State how);

  std::optional<std::uint64_t> max_lag_;
  sys::Fd file_;
  std::atomic<bool> is_open_{false};
  std::atomic<State> state_{State::growing};
  sys::Bell ended_;
  mutable std::mutex mutex_;
  std::list<StreamReader> readers_;  // guarded by mutex_
  bool was_behind_ = false;          // the producer's worker only
};

}  // namespace dsched::executor
