// SPDX-License-Identifier: Apache-2.0
#pragma once
// Datagram sockets with a name in a folder, for messages that say nothing but that they came.
//
// Names are resolved through the folder's descriptor (/proc/self/fd/N/NAME), because a socket's
// path may have 107 bytes only (unix(7)). All descriptors are close-on-exec; nothing blocks.

#include <string>

#include "sys/fd.h"

namespace dsched::sys {

inline constexpr std::size_t k_socket_name_max = 80;  // with what stands before it, below 107

// A handle on the folder to name sockets by. Throws Error environment.
[[nodiscard]] Fd folder_handle(const std::string& folder);

// A socket of mode 0600 with that name; what had the name is replaced. Throws Error environment.
[[nodiscard]] Fd bind_datagram(const Fd& folder, const std::string& name);
// Sends an empty datagram. False when nobody is there, or the receiver's queue is full.
bool send_datagram(const Fd& folder, const std::string& name);
// Receives what has come and drops it; false when nothing had come.
bool drain_datagrams(const Fd& socket);

[[nodiscard]] bool has_name(const Fd& folder, const std::string& name);
// Nothing happens when nothing has the name.
void remove_name(const Fd& folder, const std::string& name);
// What `number` stands for from now on is what `fd` was: whoever waits on the number need not be
// told.
void put_in_place_of(const Fd& number, Fd fd);

}  // namespace dsched::sys
