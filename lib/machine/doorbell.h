// SPDX-License-Identifier: Apache-2.0
#pragma once
// A doorbell: a datagram socket in the machine folder by which other processes tell a runner to
// look again.
//
// A ring carries no facts, may be lost and may come twice. The socket is EXECUTION_ID.sock, mode
// 0600; it is addressed through the folder's descriptor, because a socket's path may have 107 bytes
// only. A socket left by a dead runner is replaced. Rings without an answerer are ignored.

#include <span>
#include <string>
#include <string_view>

#include "sys/fd.h"

namespace dsched::machine {

// Whether a doorbell can have the name: 1 to 64 bytes, none of them '/' or NUL, no dot in front.
[[nodiscard]] bool is_doorbell_name(std::string_view name);

class Doorbell {
 public:
  // The folder must exist. Throws Error environment.
  Doorbell(std::string folder, std::string name);
  ~Doorbell();  // removes the socket
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // Readable when somebody has rung since the last silence(). The number never changes.
  [[nodiscard]] int fd() const { return socket_.get(); }
  bool silence();  // false: nobody had
  // Whether its name is still in the folder that it was made in.
  [[nodiscard]] bool is_in_place() const;
  // Makes the socket again, in what has the folder's name now. When that fails it stays out of
  // place.
  void renew();

 private:
  std::string path_;
  std::string name_;
  sys::Fd folder_;
  sys::Fd socket_;
};

// Rings; nobody there is no error.
void ring(const std::string& folder, std::span<const std::string> names);
// Removes what a runner left that is gone.
void remove_doorbell(const std::string& folder, const std::string& name);

}  // namespace dsched::machine
