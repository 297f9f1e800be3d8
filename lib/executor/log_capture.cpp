// SPDX-License-Identifier: Apache-2.0
#include "executor/log_capture.h"

#include <algorithm>
#include <utility>

namespace dsched::executor {

void LogCapture::append(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), half_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  // Only the last half_ bytes can matter.
  if (bytes.size() > half_) bytes.remove_prefix(bytes.size() - half_);
  const std::size_t to_grow = std::min(bytes.size(), half_ - tail_.size());
  tail_.append(bytes.substr(0, to_grow));
  bytes.remove_prefix(to_grow);
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), half_ - next_);
    std::copy_n(bytes.begin(), count, tail_.begin() + static_cast<std::ptrdiff_t>(next_));
    bytes.remove_prefix(count);
    next_ = (next_ + count) % half_;
  }
}

std::string LogCapture::take() {
  std::string log = std::exchange(head_, {});
  const std::uint64_t kept = log.size() + tail_.size();
  if (total_ > kept) {
    log += "\n[dsched: " + std::to_string(total_ - kept) + " bytes of this log were left out]\n";
  }
  log.append(tail_, next_, std::string::npos);
  log.append(tail_, 0, next_);
  tail_.clear();
  next_ = 0;
  total_ = 0;
  return log;
}

}  // namespace dsched::executor
