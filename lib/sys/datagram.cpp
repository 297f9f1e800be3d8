// SPDX-License-Identifier: Apache-2.0
#include "sys/datagram.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace dsched::sys {
namespace {

// A queue that is filled as fast as it is emptied must not hold us up for ever.
constexpr int k_drained_at_once = 4096;

[[noreturn]] void socket_failed(const std::string& what, int error_number) {
  throw Error(ErrorKind::environment, describe_errno(what, error_number));
}

Fd datagram_socket() {
  return Fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

sockaddr_un address_of(const Fd& folder, const std::string& name) {
  DSCHED_ASSERT(!name.empty() && name.size() <= k_socket_name_max, "callers keep names short");
  const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

Fd folder_handle(const std::string& folder) {
  Fd fd{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd) socket_failed("folder " + folder + ": open", errno);
  return fd;
}

Fd bind_datagram(const Fd& folder, const std::string& name) {
  Fd socket = datagram_socket();
  if (!socket) socket_failed("socket " + name, errno);
  // Before it is bound, a socket's mode is that with which its name is made (Linux).
  if (::fchmod(socket.get(), 0600) != 0) socket_failed("socket " + name + ": chmod", errno);
  const sockaddr_un address = address_of(folder, name);
  const auto* const plain = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), plain, sizeof address) == 0) return socket;
  if (errno == EADDRINUSE) {
    remove_name(folder, name);
    if (::bind(socket.get(), plain, sizeof address) == 0) return socket;
  }
  socket_failed("socket " + name + ": bind", errno);
}

bool send_datagram(const Fd& folder, const std::string& name) {
  const Fd socket = datagram_socket();
  if (!socket) return false;
  const sockaddr_un address = address_of(folder, name);
  return ::sendto(socket.get(), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool drain_datagrams(const Fd& socket) {
  char byte = 0;
  for (int i = 0; i < k_drained_at_once; ++i) {
    const ssize_t got = ::recv(socket.get(), &byte, 1, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && errno != EINTR) return i > 0;
  }
  return true;
}

bool has_name(const Fd& folder, const std::string& name) {
  return ::faccessat(folder.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void remove_name(const Fd& folder, const std::string& name) {
  if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    socket_failed("socket " + name + ": unlink", errno);
  }
}

void put_in_place_of(const Fd& number, Fd fd) {
  if (::dup3(fd.get(), number.get(), O_CLOEXEC) < 0) socket_failed("socket: dup", errno);
}

}  // namespace dsched::sys
