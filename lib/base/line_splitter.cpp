// SPDX-License-Identifier: Apache-2.0
#include "base/line_splitter.h"

#include <utility>

namespace dsched {

void LineSplitter::feed(std::string_view bytes) {
  // What was handed out is no longer needed.
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_ += bytes;
}

std::optional<LineSplitter::Line> LineSplitter::next() {
  while (true) {
    const std::size_t end = buffer_.find(delimiter_, scanned_);
    if (end == std::string::npos) break;
    const std::string_view text = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = scanned_ = end + 1;
    if (std::exchange(is_skipping_, false)) continue;
    ++number_;
    if (text.size() > longest_) return Line{number_, {}, true};
    return Line{number_, text, false};
  }
  scanned_ = buffer_.size();
  if (is_finished_) return last();
  if (is_skipping_) {
    begin_ = scanned_;
    return std::nullopt;
  }
  if (scanned_ - begin_ <= longest_) return std::nullopt;
  is_skipping_ = true;
  begin_ = scanned_;
  return Line{++number_, {}, true};
}

std::optional<LineSplitter::Line> LineSplitter::last() {
  const std::string_view text = std::string_view(buffer_).substr(begin_);
  begin_ = scanned_;
  if (text.empty() || std::exchange(is_skipping_, false)) return std::nullopt;
  if (text.size() > longest_) return Line{++number_, {}, true};
  return Line{++number_, text, false};
}

}  // namespace dsched
