// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes by their hash: put once, read verified.
//
// Blobs below a threshold lie in store.db (whole, or in chunks of 64 KiB from 1 MiB on), larger
// ones are files blobs/ab/HEX, mode 0444. The threshold is what tells the backends apart: none is a
// file (sqlite), all are (filesystem), those of k_file_min and more are (hybrid). All three can
// read what the others wrote. A blob is visible when its row is committed (filesystem: when it has
// its name). Bytes are checked against the hash before the caller gets them; a file is hashed again
// only when its stat tuple is not the one recorded. A blob that fails the check is Error damaged.
//
// All functions but those of BlobReader belong to the thread of the store's Database. put, keep and
// remove join the caller's transaction if one is open.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "store/content.h"
#include "store/staged_file.h"

namespace dsched::store {

// stored: never renumber
enum class Codec : std::uint8_t { none = 0, zstd = 1 };
[[nodiscard]] std::string_view name_of(Codec codec);

// From this size on the hybrid backend makes a file: one chunk, so that a blob in the database is
// at most a few pages to copy, and a command can read what is larger by its path.
inline constexpr std::uint64_t k_file_min = 64 * 1024;
// From this size on a blob in the database is cut into chunks.
inline constexpr std::uint64_t k_chunked_min = 1024 * 1024;
inline constexpr std::uint64_t k_chunk_size = 64 * 1024;

// One blob, opened. Independent of the database when the blob is a file.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills `into` from `offset`; fewer bytes only at the end.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<char> into) = 0;
  // A descriptor of a file with exactly these bytes, owned by the reader; -1 when there is none.
  [[nodiscard]] virtual int fd() const { return -1; }
};

struct BlobInfo {
  Content content;
  Codec codec = Codec::none;
  bool is_file = false;
  std::uint64_t stored_size = 0;  // bytes it occupies
  WallTime used_at;               // last put, for gc
};

class Blobs {
 public:
  virtual ~Blobs() = default;
  virtual Content put(std::string_view bytes) = 0;
  // Takes the file's bytes, which the caller has hashed; nobody may write to it any more. A file
  // that must become database rows is copied in several short transactions of its own, so call it
  // outside of one when `content` is k_chunked_min or more and the backend is sqlite.
  virtual void keep(StagedFile&& file, const Content& content) = 0;
  [[nodiscard]] virtual bool contains(const Digest& hash) = 0;
  // As putting the same bytes again, without them: gc leaves it for a while. False when it is not
  // there, or not intact and has to be put.
  [[nodiscard]] virtual bool note_use(const Digest& hash) = 0;
  [[nodiscard]] virtual std::optional<BlobInfo> info(const Digest& hash) = 0;
  // Empty when absent. The whole blob has been verified against its hash when this returns.
  [[nodiscard]] virtual std::unique_ptr<BlobReader> open(const Digest& hash) = 0;
  // A file with exactly these bytes, for commands that read by path: the blob's own file when it
  // is one (uncompressed), verified as open() does. Empty when it is absent or not a plain file:
  // then the caller writes the bytes where it likes.
  [[nodiscard]] virtual std::optional<std::string> file_path(const Digest& hash) = 0;
  virtual bool remove(const Digest& hash) = 0;
  // Every blob, ordered by hash.
  virtual void each(const std::function<void(const BlobInfo&)>& visit) = 0;
  // Files below blobs/ that no row knows: of other machines, or of removals cut short.
  [[nodiscard]] virtual std::vector<Digest> unknown_files() = 0;
};

// ---- convenience over any Blobs ----

// All bytes of a blob; empty when absent. For blobs that fit in memory.
[[nodiscard]] std::optional<std::string> read_blob(Blobs& blobs, const Digest& hash);
// Writes the blob to a descriptor; false when it is absent.
[[nodiscard]] bool copy_blob(Blobs& blobs, const Digest& hash, int to_fd);

}  // namespace dsched::store
