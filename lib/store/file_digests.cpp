// SPDX-License-Identifier: Apache-2.0
#include "store/file_digests.h"

#include <algorithm>
#include <mutex>

#include "base/bytes.h"
#include "base/flat_index.h"
#include "base/text_arena.h"
#include "store/record.h"

namespace dsched::store {
namespace {

struct Entry {
  StatTuple stat;
  Digest hash;
};

// packed = size:u64 mtime_ns:i64 ctime_ns:i64 inode:u64 hash:32 sum:u64, sum over path and the rest
std::string pack_entry(std::string_view path, const Entry& entry) {
  std::string packed;
  ByteWriter writer(packed);
  writer.u64(entry.stat.size);
  writer.i64(entry.stat.mtime_ns);
  writer.i64(entry.stat.ctime_ns);
  writer.u64(entry.stat.inode);
  writer.digest(entry.hash);
  writer.u64(checksum(packed, checksum(path)));
  return packed;
}

std::optional<Entry> unpack_entry(std::string_view path, std::string_view packed) {
  ByteReader reader(packed);
  Entry entry;
  entry.stat.size = reader.u64();
  entry.stat.mtime_ns = reader.i64();
  entry.stat.ctime_ns = reader.i64();
  entry.stat.inode = reader.u64();
  entry.hash = reader.digest();
  const std::uint64_t sum = reader.u64();
  if (!reader.at_end()) return std::nullopt;
  if (checksum(packed.substr(0, packed.size() - 8), checksum(path)) != sum) return std::nullopt;
  return entry;
}

}  // namespace

// Entries lie in one vector and paths in a few large blocks, because 200,000 allocations cost more
// than the rest.
class FileDigests::Entries {
 public:
  // Nullptr: the path is not known.
  [[nodiscard]] Entry* find(std::string_view path) {
    const std::uint32_t number = number_of(path);
    return number == FlatIndex::k_none ? nullptr : &all_[number].entry;
  }
  [[nodiscard]] std::optional<Digest> find(std::string_view path, const StatTuple& stat) const {
    const std::uint32_t number = number_of(path);
    if (number == FlatIndex::k_none || all_[number].entry.stat != stat) return std::nullopt;
    return all_[number].entry.hash;
  }
  // Adds a path that is not known. Returns it as long as the entries live.
  std::string_view add(std::string_view path, const Entry& entry) {
    const std::string_view kept = paths_.keep(path);
    by_path_.insert(hash_of(kept), static_cast<std::uint32_t>(all_.size()));
    all_.push_back({kept, entry});
    return kept;
  }
  void prefetch(std::string_view path) const { by_path_.prefetch(hash_of(path)); }
  // A known path as the entries hold it.
  [[nodiscard]] std::string_view kept(std::string_view path) const {
    return all_[number_of(path)].path;
  }
  [[nodiscard]] std::size_t size() const { return all_.size(); }

 private:
  struct Named {
    std::string_view path;
    Entry entry;
  };
  [[nodiscard]] std::uint32_t number_of(std::string_view path) const {
    return by_path_.find(hash_of(path),
                         [&](std::uint32_t number) { return all_[number].path == path; });
  }
  std::vector<Named> all_;
  TextArena paths_;
  FlatIndex by_path_;
};

void FileDigests::DropEntries::operator()(Entries* entries) const {
  delete entries;
}

FileDigests::FileDigests(sys::Database& database) : database_(database), entries_(new Entries) {}

FileDigests::~FileDigests() = default;

FileDigests::Loaded FileDigests::read(sys::Database& database) {
  Loaded entries(new Entries);
  sys::Statement scan = database.prepare("SELECT path, packed FROM file_digest");
  while (scan.step()) {
    const std::string_view path = scan.bytes(0);
    const std::optional<Entry> entry = unpack_entry(path, scan.bytes(1));
    // A path stands there twice only when the file is damaged.
    if (entry && entries->find(path) == nullptr) entries->add(path, *entry);
  }
  return entries;
}

void FileDigests::load() {
  {
    const std::shared_lock lock(mutex_);
    if (is_loaded_) return;
  }
  adopt(read(database_));
}

void FileDigests::adopt(Loaded entries) {
  const std::unique_lock lock(mutex_);
  for (std::string_view& path : queued_) {  // what was found out since is newer
    const Entry& newer = *entries_->find(path);
    if (Entry* const known = entries->find(path)) {
      *known = newer;
      path = entries->kept(path);
    } else {
      path = entries->add(path, newer);
    }
  }
  entries_ = std::move(entries);
  is_loaded_ = true;
}

FileDigests::Finder::Finder(const FileDigests& digests)
    : lock_(digests.mutex_), entries_(*digests.entries_) {}

std::optional<Digest> FileDigests::Finder::find(std::string_view path,
                                                const StatTuple& stat) const {
  return entries_.find(path, stat);
}

void FileDigests::Finder::prefetch(std::string_view path) const {
  entries_.prefetch(path);
}

std::optional<Digest> FileDigests::find(std::string_view path, const StatTuple& stat) const {
  return finder().find(path, stat);
}

void FileDigests::remember(std::string_view path, const StatTuple& stat, const Digest& hash,
                           WallTime examined_at) {
  if (!is_settled(stat, examined_at)) return;
  const std::unique_lock lock(mutex_);
  Entry* const known = entries_->find(path);
  if (known == nullptr) {
    queued_.push_back(entries_->add(path, {stat, hash}));
    return;
  }
  if (known->stat == stat && known->hash == hash) return;
  *known = {stat, hash};
  queued_.push_back(entries_->kept(path));
}

bool FileDigests::has_queued() const {
  const std::shared_lock lock(mutex_);
  return !queued_.empty();
}

void FileDigests::write() {
  const std::unique_lock lock(mutex_);
  if (queued_.empty()) return;
  std::sort(queued_.begin(), queued_.end());  // rows in the tree's order: fewer pages
  sys::Transaction transaction(database_);
  sys::Statement insert =
      database_.prepare("INSERT OR REPLACE INTO file_digest(path, packed) VALUES(?, ?)");
  for (const std::string_view path : queued_) {
    const std::string packed = pack_entry(path, *entries_->find(path));
    insert.bind_blob(path).bind_blob(packed).run();
  }
  transaction.commit();
  queued_.clear();
}

std::size_t FileDigests::size() const {
  const std::shared_lock lock(mutex_);
  return entries_->size();
}

bool is_settled(const StatTuple& stat, WallTime examined_at) {
  return settles_in(stat, examined_at) == Nanoseconds{0};
}

Nanoseconds settles_in(const StatTuple& stat, WallTime now) {
  const std::int64_t newest = std::max(stat.mtime_ns, stat.ctime_ns);
  const std::int64_t settled = (now - k_grain).time_since_epoch().count();
  return Nanoseconds{newest <= settled ? 0 : newest - settled};
}

}  // namespace dsched::store
