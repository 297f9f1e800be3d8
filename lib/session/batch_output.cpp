// SPDX-License-Identifier: Apache-2.0
#include "session/batch_output.h"

#include <algorithm>
#include <utility>

namespace dsched::session {
namespace {

// Texts are joined until they are this long: many short answers go with one system call.
constexpr std::size_t k_joined = 64 * 1024;

}  // namespace

void BatchOutput::add(int fd, std::string_view text) {
  if (text.empty() || is_reader_gone(fd)) return;
  held_ += text.size();
  if (!pieces_.empty() && pieces_.back().fd == fd) {
    auto* last = std::get_if<std::string>(&pieces_.back().what);
    if (last != nullptr && last->size() < k_joined) {
      *last += text;
      return;
    }
  }
  pieces_.push_back({fd, std::string(text)});
}

void BatchOutput::add(int fd, store::StagedFile&& file, std::uint64_t size) {
  if (is_reader_gone(fd)) return;
  held_ += size;
  pieces_.push_back({fd, File{std::move(file), size}});
}

void BatchOutput::flush() {
  while (!pieces_.empty() && flush_first()) {
  }
}

// False when no more goes now.
bool BatchOutput::flush_first() {
  Piece& piece = pieces_.front();
  const std::string name = piece.fd == 2 ? "standard error" : "standard output";
  std::string room;
  std::string_view bytes;
  std::uint64_t size = 0;
  if (const auto* text = std::get_if<std::string>(&piece.what)) {
    size = text->size();
    bytes = std::string_view(*text).substr(at_);
  } else {
    const auto& file = std::get<File>(piece.what);
    size = file.size;
    room.resize(std::min<std::uint64_t>(size - at_, k_joined));
    room.resize(sys::read_at(file.file.fd(), at_, room));
    bytes = room;
    if (room.empty()) at_ = size;
  }
  const sys::Given given = sys::write_now(piece.fd, bytes, name);
  at_ += given.bytes;
  held_ -= given.bytes;
  written_ += given.bytes;
  if (given.is_reader_gone) {
    gone_ |= 1U << piece.fd;
    held_ -= size - at_;
    at_ = size;
  }
  const bool goes_on = given.bytes == bytes.size() || given.is_reader_gone;
  if (at_ < size) return goes_on;
  pieces_.pop_front();
  at_ = 0;
  return goes_on;
}

}  // namespace dsched::session
