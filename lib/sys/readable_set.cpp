// SPDX-License-Identifier: Apache-2.0
#include "sys/readable_set.h"

#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>

#include "base/error.h"

namespace dsched::sys {

ReadableSet::ReadableSet() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!set_) throw Error(ErrorKind::environment, describe_errno("epoll", errno));
}

void ReadableSet::add(int fd) {
  if (fd < 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST) {
    throw Error(ErrorKind::environment, describe_errno("epoll", errno));
  }
}

void ReadableSet::remove(int fd) {
  if (fd >= 0) ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

bool is_readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, 0) > 0 && (item.revents & POLLIN) != 0;
}

}  // namespace dsched::sys
