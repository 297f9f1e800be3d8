// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an instance of a worker writes to its stderr, dealt out to its requests.
//
// Nobody can tell which of many requests in flight a line is about. So every byte goes to the log
// of one request, the first that ends after it was written; the log of one that failed begins with
// what the worker said last before that.

#include <string>
#include <string_view>

#include "executor/log_capture.h"

namespace dsched::executor {

class WorkerLog {
 public:
  static constexpr std::size_t k_recent = 16 * 1024;

  void append(std::string_view bytes) { new_.append(bytes); }
  // For a request that ended well.
  [[nodiscard]] std::string take();
  [[nodiscard]] std::string take_for_failed();

 private:
  LogCapture new_;
  std::string recent_;  // the end of what was dealt out
};

}  // namespace dsched::executor
