// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads large files on a thread of its own, so that their content hashes are known when they are
// asked for.
//
// What it finds out is remembered by FileDigests, and nowhere else: a file as young as the clock's
// grain is therefore waited for, and one that changes while it is read leaves nothing. A file that
// cannot be read leaves nothing either; whoever examines it then hears why. begin() and
// take_news() are called from one thread.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "executor/file_examiner.h"
#include "sys/event_queue.h"

namespace dsched::executor {

// From this many bytes on a file is worth a thread: hashing them takes about 2 ms (SHA
// instructions), 15 ms without.
inline constexpr std::uint64_t k_long_read = 4 * 1024 * 1024;

class BackgroundReader {
 public:
  // `files` must outlive the reader.
  explicit BackgroundReader(FileExaminer& files) : files_(files) {}
  // Gives up what it is reading.
  ~BackgroundReader();
  BackgroundReader(const BackgroundReader&) = delete;
  BackgroundReader& operator=(const BackgroundReader&) = delete;

  // Reads the file; false: it is about to already.
  bool begin(const std::string& path);
  // Readable when files have been read since take_news().
  [[nodiscard]] int fd() const { return bell_.fd(); }
  bool take_news() { return bell_.silence(); }

 private:
  void read_all(const std::stop_token& stop);
  void read(const std::string& path, const std::stop_token& stop);

  FileExaminer& files_;
  sys::Bell bell_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> queue_;  // guarded by mutex_
  std::set<std::string> known_;    // guarded by mutex_: queued, and the one that is read
  std::jthread thread_;            // started by the first begin(); last, so that it ends first
};

}  // namespace dsched::executor
