// SPDX-License-Identifier: Apache-2.0
#pragma once
// One value that is made on a thread of its own while the caller does something else.
//
// What `make` uses must outlive the Background and belong to its thread until take() returns. The
// destructor waits for the thread; a value that was never taken is dropped.

#include <functional>
#include <future>
#include <utility>

namespace dsched::sys {

template <class Value>
class Background {
 public:
  explicit Background(std::function<Value()> make)
      : value_(std::async(std::launch::async, std::move(make))) {}
  // Waits for the value; throws what making it threw. At most once.
  [[nodiscard]] Value take() { return value_.get(); }

 private:
  std::future<Value> value_;  // made by std::async, so its destructor waits
};

}  // namespace dsched::sys
