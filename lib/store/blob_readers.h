// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three ways to read a blob: from memory, from chunk rows, from a file. None of them checks
// hashes; BlobStore::open has done that, or does it with them.

#include <string>

#include "store/blobs.h"
#include "sys/fd.h"
#include "sys/sqlite.h"

namespace dsched::store {

class MemoryReader final : public BlobReader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, std::span<char> into) override;

 private:
  std::string bytes_;
};

class FileReader final : public BlobReader {
 public:
  FileReader(sys::Fd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<char> into) override;
  int fd() const override { return fd_.get(); }

 private:
  sys::Fd fd_;
  std::uint64_t size_;
};

// Throws Error of kind damaged when a chunk is missing or has the wrong size.
class ChunkReader final : public BlobReader {
 public:
  struct Blob {
    std::int64_t id = 0;
    std::uint64_t size = 0;
    Codec codec = Codec::none;
  };
  ChunkReader(sys::Database& database, const Blob& blob) : database_(database), blob_(blob) {}
  std::uint64_t size() const override { return blob_.size; }
  std::size_t read(std::uint64_t offset, std::span<char> into) override;

  [[nodiscard]] static std::int64_t row_id(std::int64_t blob, std::uint64_t number) {
    return blob * (std::int64_t{1} << 24) + static_cast<std::int64_t>(number);
  }

 private:
  const std::string& chunk(std::uint64_t number);
  sys::Database& database_;
  Blob blob_;
  std::uint64_t current_ = ~std::uint64_t{0};  // the number of the chunk in bytes_
  std::string bytes_;
};

// The hash of everything a reader gives.
[[nodiscard]] Content hash_all(BlobReader& reader);

}  // namespace dsched::store
