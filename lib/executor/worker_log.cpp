// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_log.h"

#include <algorithm>

namespace dsched::executor {

std::string WorkerLog::take() {
  if (new_.empty()) return {};
  std::string text = new_.take();
  const std::size_t kept = std::min(text.size(), k_recent);
  recent_.append(text, text.size() - kept, kept);
  if (recent_.size() > k_recent) recent_.erase(0, recent_.size() - k_recent);
  return text;
}

std::string WorkerLog::take_for_failed() {
  std::string before = recent_;
  return before + take();
}

}  // namespace dsched::executor
