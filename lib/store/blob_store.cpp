// SPDX-License-Identifier: Apache-2.0
#include "store/blob_store.h"

#include <algorithm>

#include "base/error.h"
#include "store/blob_readers.h"
#include "store/compression.h"
#include "store/packed_stat.h"

namespace dsched::store {
namespace {

constexpr std::uint32_t k_blob_mode = 0444;  // a blob never changes
constexpr std::size_t k_sample = 64 * 1024;
// One transaction writes at most this much, so that the write lock is held for a few milliseconds
// only, whatever the size of the blob.
constexpr std::uint64_t k_transaction_bytes = 1024 * 1024;
// A blob that is put again is noted as used, but not more often than this; gc spares the young for
// longer (store/gc.h).
constexpr Nanoseconds k_refresh_interval = std::chrono::minutes{5};

// Reads a staged file's bytes piece by piece, from the descriptor or from memory.
std::string piece_of(int fd, std::string_view bytes, std::uint64_t offset) {
  if (fd < 0) return std::string(bytes.substr(offset, k_chunk_size));
  std::string piece(k_chunk_size, '\0');
  piece.resize(sys::read_at(fd, offset, piece));
  return piece;
}

}  // namespace

std::string BlobStore::path_for(const Digest& hash, Codec codec) const {
  const std::string name = to_hex(hash);
  std::string path = folders_.blobs + "/" + name.substr(0, 2) + "/" + name;
  if (codec == Codec::zstd) path += ".zst";
  return path;
}

void BlobStore::fail_damaged(const Digest& hash, const std::string& how) {
  suspects_.insert(hash);
  throw Error(ErrorKind::damaged, "blob " + to_hex(hash) + ": " + how);
}

std::optional<BlobStore::Row> BlobStore::find_row(const Digest& hash) {
  sys::Statement select = database_.prepare(
      "SELECT id, place, codec, size, stored, used, stat, data FROM blob WHERE hash=?");
  select.bind(hash);
  if (!select.step()) return std::nullopt;
  Row row;
  row.id = select.integer(0);
  row.place = static_cast<Place>(select.integer(1));
  row.codec = static_cast<Codec>(select.integer(2));
  row.size = static_cast<std::uint64_t>(select.integer(3));
  row.stored = static_cast<std::uint64_t>(select.integer(4));
  row.used = select.integer(5);
  row.stat = select.bytes(6);
  row.data = select.bytes(7);
  return row;
}

void BlobStore::insert_row(const Digest* hash, const Row& row) {
  sys::Statement insert = database_.prepare(
      "INSERT INTO blob(hash, place, codec, size, stored, used, stat, data) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
  if (hash != nullptr)
    insert.bind(*hash);
  else
    insert.bind_null();
  insert.bind(static_cast<std::int64_t>(row.place)).bind(static_cast<std::int64_t>(row.codec));
  insert.bind(static_cast<std::int64_t>(row.size)).bind(static_cast<std::int64_t>(row.stored));
  insert.bind(clock_.wall().time_since_epoch().count());
  if (row.place == Place::file)
    insert.bind_blob(row.stat);
  else
    insert.bind_null();
  if (row.place == Place::inside)
    insert.bind_blob(row.data);
  else
    insert.bind_null();
  insert.run();
}

void BlobStore::delete_row(const Row& row) {
  database_.prepare("DELETE FROM blob WHERE id=?").bind(row.id).run();
  if (row.place == Place::file) {
    // The next blob may get the same id; it must not count as synced because this one was.
    database_
        .prepare(
            "UPDATE store_note SET value=? WHERE name='synced_blob' AND "
            "CAST(value AS INTEGER)>=? AND NOT EXISTS(SELECT 1 FROM blob WHERE id>?)")
        .bind(row.id - 1)
        .bind(row.id)
        .bind(row.id)
        .run();
  }
  if (row.place == Place::inside || row.place == Place::file) return;
  database_.prepare("DELETE FROM chunk WHERE id>=? AND id<?")
      .bind(ChunkReader::row_id(row.id, 0))
      .bind(ChunkReader::row_id(row.id + 1, 0))
      .run();
}

void BlobStore::refresh(const Row& row) {
  const std::int64_t now = clock_.wall().time_since_epoch().count();
  if (now - row.used < k_refresh_interval.count()) return;
  database_.prepare("UPDATE blob SET used=? WHERE id=?").bind(now).bind(row.id).run();
}

std::optional<std::string> BlobStore::inside_bytes(const Digest& hash, const Row& row) const {
  std::optional<std::string> bytes;
  if (row.codec == Codec::none)
    bytes = row.data;
  else
    bytes = decompress(row.data, row.size);
  if (!bytes || bytes->size() != row.size || sha256(*bytes) != hash) return std::nullopt;
  return bytes;
}

bool BlobStore::is_intact(const Digest& hash, const Row& row) {
  switch (row.place) {
    case Place::inside:
      return inside_bytes(hash, row).has_value();
    // Reading it all would make every repeated put as dear as the first; verify does that, and
    // open() makes a damaged one a suspect.
    case Place::chunks:
      return !suspects_.contains(hash);
    case Place::file: {
      const std::optional<sys::FileInfo> info = files_.info(path_for(hash, row.codec));
      return info && is_as_recorded(*info, row.stat) && !suspects_.contains(hash);
    }
    case Place::unfinished:
      break;
  }
  return false;
}

bool BlobStore::adopt_existing(const Digest& hash) {
  const std::optional<Row> row = find_row(hash);
  if (!row) return false;
  if (is_intact(hash, *row)) {
    refresh(*row);
    return true;
  }
  delete_row(*row);
  suspects_.erase(hash);
  return false;
}

bool BlobStore::wants_compression(std::string_view sample) const {
  switch (policy_.compress) {
    case BlobPolicy::Compress::never:
      return false;
    case BlobPolicy::Compress::when_it_helps:
      return is_compressible(sample);
    case BlobPolicy::Compress::always:
      break;
  }
  return !sample.empty();
}

Content BlobStore::put(std::string_view bytes) {
  const Content content{sha256(bytes), bytes.size()};
  // What takes long is done before the write lock is taken, where it is not in vain.
  std::optional<sys::Staged> plain;
  std::optional<sys::Staged> packed;
  const auto stage = [&] {
    plain = files_.stage(folders_.staging);
    files_.write(*plain, 0, bytes);
    packed = compressed(*plain);
  };
  if (content.size >= policy_.file_min && !is_known(content.hash)) stage();
  sys::Transaction transaction(database_);
  if (!adopt_existing(content.hash)) {
    if (content.size >= policy_.file_min) {
      if (!plain) stage();
      put_file(content, *plain, packed);
    } else if (content.size >= k_chunked_min) {
      put_chunks(content, -1, bytes);
    } else {
      put_inside(content, bytes);
    }
  }
  transaction.commit();
  return content;
}

void BlobStore::keep(StagedFile&& file, const Content& content) {
  StagedFile staged = std::move(file);
  if (sys::info_of(staged.fd()).size != content.size) {
    throw Error(ErrorKind::damaged, "staged file: changed after it was hashed");
  }
  if (content.size >= policy_.file_min) {
    std::optional<sys::Staged> packed;
    if (!is_known(content.hash)) packed = compressed(staged.staged());
    sys::Transaction transaction(database_);
    if (!adopt_existing(content.hash)) put_file(content, staged.staged(), packed);
    transaction.commit();
  } else if (content.size >= k_chunked_min) {
    sys::Transaction transaction(database_);
    const bool is_known = adopt_existing(content.hash);
    transaction.commit();
    if (!is_known) put_chunks(content, staged.fd(), {});
  } else {
    std::string bytes(content.size, '\0');
    bytes.resize(sys::read_at(staged.fd(), 0, bytes));
    if (put(bytes) != content) {
      throw Error(ErrorKind::damaged, "staged file: changed after it was hashed");
    }
  }
}

void BlobStore::put_inside(const Content& content, std::string_view bytes) {
  Row row;
  row.size = content.size;
  if (wants_compression(bytes.substr(0, k_sample))) {
    row.codec = Codec::zstd;
    row.data = compress(bytes);
  } else {
    row.data = bytes;
  }
  row.stored = row.data.size();
  insert_row(&content.hash, row);
}

// The row is made first, without a hash, so nobody sees the blob until it is whole; the last
// transaction gives it its hash.
void BlobStore::put_chunks(const Content& content, int fd, std::string_view bytes) {
  Row row;
  row.place = Place::unfinished;
  row.size = content.size;
  const bool compressed = wants_compression(piece_of(fd, bytes, 0));
  row.codec = compressed ? Codec::zstd : Codec::none;
  Sha256 hash;
  std::int64_t id = 0;
  std::uint64_t offset = 0;
  while (offset < content.size) {
    sys::Transaction transaction(database_);
    if (id == 0) {
      insert_row(nullptr, row);
      id = database_.last_insert_id();
    }
    const std::uint64_t stop = std::min(content.size, offset + k_transaction_bytes);
    for (; offset < stop; offset += k_chunk_size) {
      std::string piece = piece_of(fd, bytes, offset);
      hash.update(piece);
      if (compressed) piece = compress(piece);
      row.stored += piece.size();
      database_.prepare("INSERT INTO chunk(id, data) VALUES(?, ?)")
          .bind(ChunkReader::row_id(id, offset / k_chunk_size))
          .bind_blob(piece)
          .run();
    }
    transaction.commit();
  }
  sys::Transaction transaction(database_);
  if (hash.finish() != content.hash) {
    throw Error(ErrorKind::damaged, "staged file: changed after it was hashed");
  }
  if (const std::optional<Row> other = find_row(content.hash)) delete_row(*other);
  database_.prepare("UPDATE blob SET hash=?, place=?, stored=? WHERE id=?")
      .bind(content.hash)
      .bind(static_cast<std::int64_t>(Place::chunks))
      .bind(static_cast<std::int64_t>(row.stored))
      .bind(id)
      .run();
  transaction.commit();
}

bool BlobStore::is_known(const Digest& hash) {
  const std::optional<Row> row = find_row(hash);
  return row && is_intact(hash, *row);
}

bool BlobStore::note_use(const Digest& hash) {
  if (!is_known(hash)) return false;
  sys::Transaction transaction(database_);
  const bool is_there = adopt_existing(hash);
  transaction.commit();
  return is_there;
}

// Empty: it stays as it is.
std::optional<sys::Staged> BlobStore::compressed(const sys::Staged& staged) {
  if (policy_.compress == BlobPolicy::Compress::never) return std::nullopt;
  std::string sample(k_sample, '\0');
  sample.resize(sys::read_at(staged.fd(), 0, sample));
  if (!wants_compression(sample)) return std::nullopt;
  sys::Staged packed = files_.stage(folders_.staging);
  compress_file(staged.fd(), files_, packed);
  return packed;
}

void BlobStore::put_file(const Content& content, sys::Staged& plain,
                         std::optional<sys::Staged>& packed) {
  Row row;
  row.place = Place::file;
  row.size = content.size;
  row.codec = packed ? Codec::zstd : Codec::none;
  sys::Staged* const chosen = packed ? &*packed : &plain;
  const std::string path = path_for(content.hash, row.codec);
  // What has the name already was not vouched for by a row, so it is replaced.
  files_.publish(*chosen, path, k_blob_mode, sys::Existing::replaced);
  const sys::FileInfo info = sys::info_of(chosen->fd());
  row.stored = info.size;
  row.stat = packed_stat(info);
  insert_row(&content.hash, row);
  unsynced_.push_back(path);
}

bool BlobStore::contains(const Digest& hash) {
  sys::Statement select = database_.prepare("SELECT 1 FROM blob WHERE hash=?");
  select.bind(hash);
  return select.step() || files_.info(path_for(hash, Codec::none)).has_value() ||
         files_.info(path_for(hash, Codec::zstd)).has_value();
}

std::optional<BlobInfo> BlobStore::info(const Digest& hash) {
  const std::optional<Row> row = find_row(hash);
  if (row) {
    return BlobInfo{{hash, row->size},
                    row->codec,
                    row->place == Place::file,
                    row->stored,
                    WallTime{Nanoseconds{row->used}}};
  }
  const std::optional<sys::FileInfo> plain = files_.info(path_for(hash, Codec::none));
  if (!plain) return std::nullopt;
  const WallTime modified{Nanoseconds{plain->mtime_ns}};
  return BlobInfo{{hash, plain->size}, Codec::none, true, plain->size, modified};
}

// Another process may remove a blob after its row was read here; then it is absent.
bool BlobStore::is_still_there(const Digest& hash, const Row& row) {
  const std::optional<Row> now = find_row(hash);
  return now && now->id == row.id;
}

std::optional<std::string> BlobStore::file_path(const Digest& hash) {
  const std::optional<Row> row = find_row(hash);
  if (row && (row->place != Place::file || row->codec != Codec::none)) return std::nullopt;
  if (!open_plain_file(hash, row ? &*row : nullptr)) {
    if (row && is_still_there(hash, *row)) fail_damaged(hash, "its file is missing");
    return std::nullopt;
  }
  return path_for(hash, Codec::none);
}

bool BlobStore::remove(const Digest& hash) {
  sys::Transaction transaction(database_);
  const std::optional<Row> row = find_row(hash);
  if (row) delete_row(*row);
  const bool has_file = files_.info(path_for(hash, Codec::none)).has_value() ||
                        files_.info(path_for(hash, Codec::zstd)).has_value();
  if (has_file) removals_.push_back(hash);
  transaction.commit();
  if (!database_.in_transaction()) finish_removals();
  return row || has_file;
}

void BlobStore::finish_removals() {
  if (removals_.empty()) return;
  sys::Transaction transaction(database_);
  for (const Digest& hash : removals_) {
    if (find_row(hash)) continue;  // put again meanwhile
    files_.remove(path_for(hash, Codec::none));
    files_.remove(path_for(hash, Codec::zstd));
  }
  transaction.commit();
  removals_.clear();
}

void BlobStore::each(const std::function<void(const BlobInfo&)>& visit) {
  sys::Statement scan = database_.prepare(
      "SELECT hash, size, codec, place, stored, used FROM blob WHERE hash IS NOT NULL "
      "ORDER BY hash");
  while (scan.step()) {
    const std::optional<Digest> hash = scan.digest(0);
    if (!hash) continue;
    visit({{*hash, static_cast<std::uint64_t>(scan.integer(1))},
           static_cast<Codec>(scan.integer(2)),
           static_cast<Place>(scan.integer(3)) == Place::file,
           static_cast<std::uint64_t>(scan.integer(4)),
           WallTime{Nanoseconds{scan.integer(5)}}});
  }
}

std::vector<Digest> BlobStore::unknown_files() {
  std::vector<Digest> hashes;
  for (const std::string& shelf : files_.list(folders_.blobs)) {
    // What a file manager or another program left there is not ours and does no harm.
    const auto info = files_.info(folders_.blobs + "/" + shelf);
    if (!info || info->kind != sys::FileInfo::Kind::folder) continue;
    for (const std::string& name : files_.list(folders_.blobs + "/" + shelf)) {
      const auto hash = digest_from_hex(std::string_view(name).substr(0, 64));
      if (hash && !find_row(*hash)) hashes.push_back(*hash);
    }
  }
  return hashes;
}

std::vector<std::string> BlobStore::take_unsynced() {
  return std::exchange(unsynced_, {});
}

}  // namespace dsched::store
