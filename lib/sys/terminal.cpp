// SPDX-License-Identifier: Apache-2.0
#include "sys/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace dsched::sys {
namespace {

class FdScreen : public Screen {
 public:
  explicit FdScreen(int fd) : fd_(fd) {}

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        wait_until_writable();  // somebody made the terminal non-blocking for all its users
      } else if (errno != EINTR) {
        return;
      }
    }
  }

  TerminalSize size() override {
    struct winsize window = {};
    TerminalSize size;
    if (::ioctl(fd_, TIOCGWINSZ, &window) != 0) return size;
    // A serial line, or a pseudo terminal nobody sized, answers 0.
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
    return size;
  }

 private:
  void wait_until_writable() const {
    struct pollfd ready = {};
    ready.fd = fd_;
    ready.events = POLLOUT;
    static_cast<void>(::poll(&ready, 1, 100));
  }

  int fd_;
};

}  // namespace

std::unique_ptr<Screen> screen_on(int fd) {
  return std::make_unique<FdScreen>(fd);
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

}  // namespace dsched::sys
