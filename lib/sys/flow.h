// SPDX-License-Identifier: Apache-2.0
#pragma once
// Streams that somebody else feeds or drains, without ever waiting for him: what is there is read,
// what fits is written, and the mode of the descriptor, which others may share, is left alone.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace dsched::sys {

struct Awaited {
  int fd = -1;  // negative: ignored
  enum class For : std::uint8_t { reading, writing } what = For::reading;
};
// Returns when one of them is ready or hung up, `until` has passed, or a signal handler ran.
void wait_for_any(std::span<const Awaited> awaited, std::optional<Instant> until);

struct Taken {
  std::size_t bytes = 0;
  enum class State : std::uint8_t { some, nothing_now, end } state = State::some;
};
// Throws Error (environment), naming `what`, when it cannot be read.
[[nodiscard]] Taken read_now(int fd, std::span<char> into, const std::string& what);

struct Given {
  std::size_t bytes = 0;        // fewer than there are: no more fits now
  bool is_reader_gone = false;  // nobody will ever read more
};
// SIGPIPE must be ignored. Throws Error (environment), naming `what`.
[[nodiscard]] Given write_now(int fd, std::string_view bytes, const std::string& what);

// The file that a person named. Throws Error (usage): missing, a folder, or not readable.
[[nodiscard]] int open_named_file(const std::string& path);

}  // namespace dsched::sys
