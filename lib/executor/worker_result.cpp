// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_result.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

constexpr std::size_t k_read_piece = 256 * 1024;
constexpr std::uint64_t k_some = 1024 * 1024;  // hashed in about half a millisecond

std::uint64_t size_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    throw Error(ErrorKind::storage, describe_errno("result: stat", errno));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

// Adds the bytes from `at` to `to` to the hash, in pieces of the buffer's size.
void hash_range(int fd, std::uint64_t at, std::uint64_t to, std::string& buffer, Sha256& hash) {
  while (at < to) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(to - at, buffer.size()));
    const std::size_t got = sys::read_at(fd, at, {buffer.data(), most});
    if (got == 0) throw Error(ErrorKind::storage, "result: read: shorter than it was");
    hash.update({buffer.data(), got});
    at += got;
  }
}

}  // namespace

int ResultFile::fd() {
  if (!file_) file_.emplace(stage_());
  return file_->fd();
}

void ResultFile::only_grow() {
  const int flags = ::fcntl(fd(), F_GETFL);
  if (flags < 0 || ::fcntl(fd(), F_SETFL, flags | O_APPEND) != 0) {
    throw Error(ErrorKind::storage, describe_errno("result: append", errno));
  }
  hashed_.emplace();
}

bool ResultFile::hash_some() {
  if (!hashed_) return false;
  const std::uint64_t size = size_of(fd());
  if (size <= std::max(hashed_->size, k_inline)) return false;
  hashed_->buffer.resize(k_read_piece);
  const std::uint64_t to = std::min(size, hashed_->size + k_some);
  hash_range(file_->fd(), hashed_->size, to, hashed_->buffer, hashed_->hash);
  // It is synced in the end: the disk may begin with it. Where that is not known, it begins then.
  ::sync_file_range(file_->fd(), static_cast<off_t>(hashed_->size),
                    static_cast<off_t>(to - hashed_->size), SYNC_FILE_RANGE_WRITE);
  hashed_->size = to;
  return to < size;
}

Digest ResultFile::hash_of(std::uint64_t size) {
  // Shorter than it was: somebody has cut it, so it may have grown again as well.
  if (!hashed_ || hashed_->size > size) hashed_.emplace();
  hashed_->buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size, k_read_piece)));
  hash_range(file_->fd(), hashed_->size, size, hashed_->buffer, hashed_->hash);
  const Digest digest = hashed_->hash.finish();
  hashed_.reset();
  return digest;
}

Captured ResultFile::take(Then then) {
  Captured captured;
  const std::uint64_t size = size_of(fd());
  captured.content.size = size;
  if (size > k_inline) {
    captured.content.hash = hash_of(size);
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
