// SPDX-License-Identifier: Apache-2.0
#include "machine/doorbell.h"

#include <utility>

#include "base/error.h"
#include "sys/datagram.h"

namespace dsched::machine {
namespace {

constexpr std::size_t k_name_max = 64;
constexpr std::string_view k_ending = ".sock";
static_assert(k_name_max + k_ending.size() <= sys::k_socket_name_max);

std::string file_of(const std::string& name) {
  if (!is_doorbell_name(name)) {
    throw Error(ErrorKind::environment, "doorbell: '" + name + "' is no name for it");
  }
  return name + std::string(k_ending);
}

}  // namespace

bool is_doorbell_name(std::string_view name) {
  return !name.empty() && name.size() <= k_name_max && name.front() != '.' &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Doorbell::Doorbell(std::string folder, std::string name)
    : path_(std::move(folder)),
      name_(file_of(name)),
      folder_(sys::folder_handle(path_)),
      socket_(sys::bind_datagram(folder_, name_)) {}

Doorbell::~Doorbell() {
  try {
    sys::remove_name(folder_, name_);
  } catch (const Error&) {
    // The next runner of this name, or whoever finds this one gone, removes it.
  }
}

bool Doorbell::silence() {
  return sys::drain_datagrams(socket_);
}

bool Doorbell::is_in_place() const {
  return sys::has_name(folder_, name_);
}

void Doorbell::renew() {
  try {
    folder_ = sys::folder_handle(path_);
    sys::put_in_place_of(socket_, sys::bind_datagram(folder_, name_));
  } catch (const Error&) {
    // The folder has just gone again. Rings are lost, as they may be, until it is there.
  }
}

void ring(const std::string& folder, std::span<const std::string> names) {
  if (names.empty()) return;
  try {
    const sys::Fd handle = sys::folder_handle(folder);
    for (const std::string& name : names) sys::send_datagram(handle, file_of(name));
  } catch (const Error&) {
    // The folder is gone, and everybody's bell with it: they find out when they look.
  }
}

void remove_doorbell(const std::string& folder, const std::string& name) {
  try {
    sys::remove_name(sys::folder_handle(folder), file_of(name));
  } catch (const Error&) {
    // It stays: it costs a name in a folder, and the next runner of this name replaces it.
  }
}

}  // namespace dsched::machine
