// SPDX-License-Identifier: Apache-2.0
#pragma once
// Several descriptors that can be waited for as one.

#include "sys/fd.h"

namespace dsched::sys {

class ReadableSet {
 public:
  ReadableSet();  // throws Error (environment)
  // Negative ones are ignored. Each must be taken out, or outlive the set.
  void add(int fd);
  void remove(int fd);
  // Readable while one of them is.
  [[nodiscard]] int fd() const { return set_.get(); }

 private:
  Fd set_;
};

// Whether reading `fd` would not wait.
[[nodiscard]] bool is_readable(int fd);

}  // namespace dsched::sys
