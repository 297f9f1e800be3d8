// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small file that processes share: whole reads and writes at an offset, and locks on single bytes
// that die with their process (F_OFD_SETLK: they belong to the open file, so threads of one process
// that open it twice exclude each other too).

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "sys/fd.h"

namespace dsched::sys {

class SharedFile {
 public:
  // Opens or makes it with mode 0600; never through a link, and never somebody else's. This and
  // every other function throws Error environment.
  explicit SharedFile(const std::string& path);

  // Bytes behind the end are missing from the answer.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t size) const;
  void write(std::uint64_t offset, std::string_view bytes);
  void sync();  // its name too

  // False when somebody else holds it.
  [[nodiscard]] bool try_lock(std::uint64_t byte);
  // The same, trying again and again for so long.
  [[nodiscard]] bool lock(std::uint64_t byte, Nanoseconds patience);
  void unlock(std::uint64_t byte);
  // Whether another open file holds it.
  [[nodiscard]] bool is_locked(std::uint64_t byte) const;
  // The name still leads to this file (nobody removed or replaced it).
  [[nodiscard]] bool is_in_place() const;
  // Takes the name away, if it still leads to this file; the file lives on without it.
  void remove();

 private:
  Fd fd_;
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace dsched::sys
