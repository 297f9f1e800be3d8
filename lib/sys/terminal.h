// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a display writes: a terminal or a plain stream, and how large it is.
//
// Screen is the port: tests put a virtual terminal behind it. The size is asked for at every redraw
// instead of being remembered on SIGWINCH, so no signal handler is needed and no resize is missed.

#include <cstdint>
#include <memory>
#include <string_view>

namespace dsched::sys {

struct TerminalSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
  bool operator==(const TerminalSize&) const = default;
};

class Screen {
 public:
  virtual ~Screen() = default;
  // Writes all of `bytes` in one call to the system where the system takes it in one; what cannot
  // be written (reader gone) is dropped, because a display must not fail an execution.
  virtual void write(std::string_view bytes) = 0;
  // 80 x 24 where it is unknown.
  [[nodiscard]] virtual TerminalSize size() = 0;
};

// `fd` stays the caller's.
[[nodiscard]] std::unique_ptr<Screen> screen_on(int fd);
[[nodiscard]] bool is_terminal(int fd);

}  // namespace dsched::sys
