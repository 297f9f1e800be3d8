// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cuts a stream of bytes into lines as they come, in pieces of any size.
//
// A line ends with the delimiter, which is not part of it, or with the stream. Of a line longer
// than the limit nothing is kept: it is told once, as too long, and read over. So the memory is
// bounded by the limit and by what is fed at once.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsched {

class LineSplitter {
 public:
  struct Line {
    std::uint64_t number = 0;  // from 1; empty ones count
    std::string_view text;     // valid until the next call of feed() or next()
    bool is_too_long = false;
  };

  LineSplitter(char delimiter, std::size_t longest) : delimiter_(delimiter), longest_(longest) {}

  void feed(std::string_view bytes);
  // No more bytes will come: what is left is the last line.
  void finish() { is_finished_ = true; }
  // The next line; empty: there is no whole one yet, or no more.
  [[nodiscard]] std::optional<Line> next();
  // Bytes that are kept.
  [[nodiscard]] std::size_t held() const { return buffer_.size() - begin_; }

 private:
  [[nodiscard]] std::optional<Line> last();

  char delimiter_;
  std::size_t longest_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the line that is next
  std::size_t scanned_ = 0;  // no delimiter between begin_ and here
  std::uint64_t number_ = 0;
  bool is_skipping_ = false;  // the rest of a line that is too long
  bool is_finished_ = false;
};

}  // namespace dsched
