// SPDX-License-Identifier: Apache-2.0
#pragma once
// A log of bounded size: all of it, or its head and tail with a line between that says how many
// bytes were cut. What is beyond the limit is read and forgotten, so a writer never blocks.

#include <cstdint>
#include <string>
#include <string_view>

namespace dsched::executor {

class LogCapture {
 public:
  static constexpr std::size_t k_half = 5 * 1024 * 1024;  // head and tail: 10 MiB at most

  explicit LogCapture(std::size_t half = k_half) : half_(half) {}
  void append(std::string_view bytes);
  [[nodiscard]] bool empty() const { return total_ == 0; }
  // The log so far; the object is empty again. The cut is told as
  // "\n[dsched: N bytes of this log were left out]\n".
  [[nodiscard]] std::string take();

 private:
  std::size_t half_;
  std::uint64_t total_ = 0;
  std::string head_;      // the first half_ bytes
  std::string tail_;      // a ring of the last half_ bytes once it is full
  std::size_t next_ = 0;  // where the ring's next byte goes
};

}  // namespace dsched::executor
