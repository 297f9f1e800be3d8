// SPDX-License-Identifier: Apache-2.0
#include "sys/lock_probe.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "sys/fd.h"

namespace dsched::sys {

bool is_locked(const std::string& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) return false;
  int done = ::flock(fd.get(), LOCK_SH | LOCK_NB);
  while (done != 0 && errno == EINTR) done = ::flock(fd.get(), LOCK_SH | LOCK_NB);
  return done != 0 && errno == EWOULDBLOCK;
}

}  // namespace dsched::sys
