// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file descriptor with one owner, closed when the owner goes.

#include <unistd.h>

#include <utility>

namespace dsched::sys {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes over `fd`; -1 means none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;  // negative: none
};

using Fd = UniqueFd;  // the same under its short name

}  // namespace dsched::sys
