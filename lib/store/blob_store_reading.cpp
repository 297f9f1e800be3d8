// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "store/blob_readers.h"
#include "store/blob_store.h"
#include "store/compression.h"
#include "store/packed_stat.h"

// The part of BlobStore that opens blobs for reading, wherever their bytes are.

namespace dsched::store {

std::unique_ptr<BlobReader> BlobStore::open(const Digest& hash) {
  const std::optional<Row> row = find_row(hash);
  if (!row) {
    // Another machine's file, or one whose row was lost.
    std::unique_ptr<BlobReader> plain = open_plain_file(hash, nullptr);
    return plain ? std::move(plain) : open_compressed_file(hash, nullptr);
  }
  switch (row->place) {
    case Place::inside:
      return open_inside(hash, *row);
    case Place::chunks:
      return open_chunks(hash, *row);
    case Place::file: {
      std::unique_ptr<BlobReader> reader = row->codec == Codec::none
                                               ? open_plain_file(hash, &*row)
                                               : open_compressed_file(hash, &*row);
      if (!reader && is_still_there(hash, *row)) fail_damaged(hash, "its file is missing");
      return reader;
    }
    case Place::unfinished:
      break;
  }
  fail_damaged(hash, "its row makes no sense");
}

std::unique_ptr<BlobReader> BlobStore::open_inside(const Digest& hash, const Row& row) {
  std::optional<std::string> bytes = inside_bytes(hash, row);
  if (!bytes) fail_damaged(hash, "its bytes do not match its hash");
  return std::make_unique<MemoryReader>(std::move(*bytes));
}

std::unique_ptr<BlobReader> BlobStore::open_chunks(const Digest& hash, const Row& row) {
  auto reader =
      std::make_unique<ChunkReader>(database_, ChunkReader::Blob{row.id, row.size, row.codec});
  const auto was_removed = [&] { return !is_still_there(hash, row); };
  Content found;
  try {
    found = hash_all(*reader);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    if (was_removed()) return nullptr;
    fail_damaged(hash, error.what());
  }
  if (found != Content{hash, row.size} && was_removed()) return nullptr;
  if (found != Content{hash, row.size}) fail_damaged(hash, "its chunks do not match its hash");
  return reader;
}

std::unique_ptr<BlobReader> BlobStore::open_plain_file(const Digest& hash, const Row* row) {
  sys::Fd fd = files_.open(path_for(hash, Codec::none));
  if (!fd) return nullptr;
  const sys::FileInfo info = sys::info_of(fd.get());
  if (info.kind != sys::FileInfo::Kind::regular) fail_damaged(hash, "it is not a regular file");
  const bool is_known = row != nullptr && is_as_recorded(info, row->stat) && row->size == info.size;
  auto reader = std::make_unique<FileReader>(std::move(fd), info.size);
  if (is_known) return reader;
  const Content found = hash_all(*reader);
  if (found.hash != hash || (row != nullptr && row->size != found.size)) {
    fail_damaged(hash, "its file does not match its hash");
  }
  remember_file(hash, Codec::none, found, reader->fd());
  return reader;
}

std::unique_ptr<BlobReader> BlobStore::open_compressed_file(const Digest& hash, const Row* row) {
  const sys::Fd fd = files_.open(path_for(hash, Codec::zstd));
  if (!fd) return nullptr;
  // A stream of a few bytes can claim terabytes; without a row only the hash can judge, so the
  // limit is what zstd can reach at most on real data.
  const std::uint64_t size_max =
      row != nullptr ? row->size : sys::info_of(fd.get()).size * 1000 + k_chunked_min;
  sys::Staged plain = files_.stage(folders_.staging);
  const std::optional<Content> found = decompress_file(fd.get(), size_max, files_, plain);
  if (!found || found->hash != hash || (row != nullptr && row->size != found->size)) {
    fail_damaged(hash, "its compressed file does not match its hash");
  }
  if (row == nullptr) remember_file(hash, Codec::zstd, *found, fd.get());
  return std::make_unique<FileReader>(plain.release(), found->size);
}

// Notes the verified file's stat tuple, so that it need not be hashed again.
void BlobStore::remember_file(const Digest& hash, Codec codec, const Content& content, int fd) {
  if (policy_.access == BlobPolicy::Access::read_only) return;
  const sys::FileInfo info = sys::info_of(fd);
  Row row;
  row.place = Place::file;
  row.codec = codec;
  row.size = content.size;
  row.stored = info.size;
  row.stat = packed_stat(info);
  sys::Transaction transaction(database_);
  if (const std::optional<Row> old = find_row(hash)) delete_row(*old);
  insert_row(&hash, row);
  transaction.commit();
}

}  // namespace dsched::store
