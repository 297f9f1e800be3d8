// SPDX-License-Identifier: Apache-2.0
#include "store/blob_readers.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "store/compression.h"
#include "sys/copy.h"
#include "sys/files.h"

namespace dsched::store {

std::size_t MemoryReader::read(std::uint64_t offset, std::span<char> into) {
  if (offset >= bytes_.size()) return 0;
  const std::size_t size = std::min<std::size_t>(into.size(), bytes_.size() - offset);
  std::memcpy(into.data(), bytes_.data() + offset, size);
  return size;
}

std::size_t FileReader::read(std::uint64_t offset, std::span<char> into) {
  if (offset >= size_) return 0;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
  return sys::read_at(fd_.get(), offset, into.first(size));
}

std::size_t ChunkReader::read(std::uint64_t offset, std::span<char> into) {
  std::size_t total = 0;
  while (total < into.size() && offset + total < blob_.size) {
    const std::uint64_t at = offset + total;
    const std::string& bytes = chunk(at / k_chunk_size);
    const std::uint64_t skip = at % k_chunk_size;
    const std::size_t size = std::min<std::size_t>(into.size() - total, bytes.size() - skip);
    std::memcpy(into.data() + total, bytes.data() + skip, size);
    total += size;
  }
  return total;
}

const std::string& ChunkReader::chunk(std::uint64_t number) {
  if (number == current_) return bytes_;
  const std::uint64_t expected = std::min(k_chunk_size, blob_.size - number * k_chunk_size);
  sys::Statement select = database_.prepare("SELECT data FROM chunk WHERE id=?");
  select.bind(row_id(blob_.id, number));
  std::optional<std::string> bytes;
  if (select.step()) {
    const std::string_view stored = select.bytes(0);
    if (blob_.codec == Codec::none)
      bytes = stored;
    else
      bytes = decompress(stored, expected);
  }
  if (!bytes || bytes->size() != expected) {
    throw Error(ErrorKind::damaged, database_.path() + ": chunk " + std::to_string(number) +
                                        " of blob " + std::to_string(blob_.id) +
                                        ": missing or of the wrong size");
  }
  bytes_ = std::move(*bytes);
  current_ = number;
  return bytes_;
}

Content hash_all(BlobReader& reader) {
  std::vector<char> buffer(1024 * 1024);
  Sha256 hash;
  std::uint64_t offset = 0;
  while (const std::size_t got = reader.read(offset, buffer)) {
    hash.update({buffer.data(), got});
    offset += got;
  }
  return {hash.finish(), offset};
}

std::optional<std::string> read_blob(Blobs& blobs, const Digest& hash) {
  const std::unique_ptr<BlobReader> reader = blobs.open(hash);
  if (!reader) return std::nullopt;
  std::string bytes(reader->size(), '\0');
  bytes.resize(reader->read(0, bytes));
  return bytes;
}

bool copy_blob(Blobs& blobs, const Digest& hash, int to_fd) {
  const std::unique_ptr<BlobReader> reader = blobs.open(hash);
  if (!reader) return false;
  std::vector<char> buffer(1024 * 1024);
  std::uint64_t offset = 0;
  while (const std::size_t got = reader->read(offset, buffer)) {
    sys::write_all(to_fd, {buffer.data(), got}, "blob " + to_hex(hash));
    offset += got;
  }
  return true;
}

}  // namespace dsched::store
