// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a batch has to say, in order, on its way to readers who may be slow: texts and files.
//
// Nothing is written by add(); flush() writes what goes without waiting. Who reads nothing must not
// make the batch keep more and more: held() says how much there is.

#include <deque>
#include <string>
#include <variant>

#include "store/staged_file.h"
#include "sys/flow.h"

namespace dsched::session {

class BatchOutput {
 public:
  void add(int fd, std::string_view text);
  // All `size` bytes of the file.
  void add(int fd, store::StagedFile&& file, std::uint64_t size);
  // Writes what can be written now. Nobody reads an output whose reader has gone: what is for it
  // is dropped.
  void flush();

  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }
  // Bytes of texts and files that are kept.
  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] std::uint64_t written() const { return written_; }
  // What flush() waits for; negative: nothing.
  [[nodiscard]] int fd() const { return pieces_.empty() ? -1 : pieces_.front().fd; }
  [[nodiscard]] bool is_reader_gone(int fd) const { return gone_ & (1U << fd); }

 private:
  struct File {
    store::StagedFile file;
    std::uint64_t size = 0;
  };
  struct Piece {
    int fd = -1;
    std::variant<std::string, File> what;
  };
  [[nodiscard]] bool flush_first();

  std::deque<Piece> pieces_;
  std::uint64_t at_ = 0;  // of the first piece: this much has been written
  std::uint64_t held_ = 0;
  std::uint64_t written_ = 0;
  unsigned gone_ = 0;  // bit n: descriptor n
};

}  // namespace dsched::session
