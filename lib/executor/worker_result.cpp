// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_result.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

constexpr std::size_t k_read_piece = 256 * 1024;

std::uint64_t size_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    throw Error(ErrorKind::storage, describe_errno("result: stat", errno));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Digest hash_of(int fd, std::uint64_t size) {
  Sha256 sha;
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, k_read_piece)), '\0');
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t got = sys::read_at(fd, at, buffer);
    if (got == 0) throw Error(ErrorKind::storage, "result: read: shorter than it was");
    sha.update(std::string_view(buffer).substr(0, got));
    at += got;
  }
  return sha.finish();
}

}  // namespace

int ResultFile::fd() {
  if (!file_) file_.emplace(stage_());
  return file_->fd();
}

Captured ResultFile::take(Then then) {
  Captured captured;
  const std::uint64_t size = size_of(fd());
  captured.content.size = size;
  if (size > k_inline) {
    captured.content.hash = hash_of(file_->fd(), size);
    captured.file = std::exchange(file_, std::nullopt);
    return captured;
  }
  captured.bytes.resize(static_cast<std::size_t>(size));
  if (size > 0) {
    captured.bytes.resize(sys::read_at(file_->fd(), 0, captured.bytes));
    captured.content.size = captured.bytes.size();
  }
  captured.content.hash = sha256(captured.bytes);
  if (then == Then::leave) return captured;
  // A child may have moved the position without writing. Truncating costs a journal transaction of
  // the file system, so an empty file is only wound back.
  if (size > 0) {
    file_->reset();
  } else {
    ::lseek(file_->fd(), 0, SEEK_SET);
  }
  return captured;
}

std::string ResultFile::tail() {
  constexpr std::uint64_t k_tail = 16 * 1024;
  if (!file_) return {};
  const std::uint64_t size = sys::info_of(file_->fd()).size;
  std::string bytes(std::min(size, k_tail), '\0');
  bytes.resize(sys::read_at(file_->fd(), size - bytes.size(), bytes));
  return bytes;
}

void ResultFile::discard() {
  if (file_) file_->reset();
}

}  // namespace dsched::executor
