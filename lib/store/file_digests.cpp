// SPDX-License-Identifier: Apache-2.0
#include "store/file_digests.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "store/bytes.h"
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

// Paths live in a few large blocks, because 200,000 strings of their own cost more than the rest.
struct FileDigests::Table {
  mutable std::shared_mutex mutex;  // guards everything below
  std::deque<std::string> blocks;
  std::unordered_map<std::string_view, Entry> entries;
  std::vector<std::string_view> queued;

  std::string_view keep(std::string_view path) {
    constexpr std::size_t k_block = 256 * 1024;
    if (blocks.empty() || blocks.back().capacity() - blocks.back().size() < path.size()) {
      blocks.emplace_back();
      blocks.back().reserve(std::max(k_block, path.size()));
    }
    std::string& block = blocks.back();
    const std::size_t at = block.size();
    block.append(path);
    return std::string_view(block).substr(at, path.size());
  }
};

FileDigests::FileDigests(sys::Database& database)
    : database_(database), table_(std::make_unique<Table>()) {}

FileDigests::~FileDigests() = default;

void FileDigests::load() {
  const std::unique_lock lock(table_->mutex);
  sys::Statement count = database_.prepare("SELECT count(*) FROM file_digest");
  if (count.step()) {
    const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(0, count.integer(0)));
    table_->entries.reserve(std::min<std::size_t>(rows, 10'000'000));
  }
  sys::Statement scan = database_.prepare("SELECT path, packed FROM file_digest");
  while (scan.step()) {
    const std::string_view path = scan.bytes(0);
    const std::optional<Entry> entry = unpack_entry(path, scan.bytes(1));
    if (!entry || table_->entries.contains(path)) continue;  // a newer one may be queued
    table_->entries.emplace(table_->keep(path), *entry);
  }
}

std::optional<Digest> FileDigests::find(std::string_view path, const StatTuple& stat) const {
  const std::shared_lock lock(table_->mutex);
  const auto found = table_->entries.find(path);
  if (found == table_->entries.end() || found->second.stat != stat) return std::nullopt;
  return found->second.hash;
}

void FileDigests::remember(std::string_view path, const StatTuple& stat, const Digest& hash,
                           WallTime examined_at) {
  if (!is_settled(stat, examined_at)) return;
  const std::unique_lock lock(table_->mutex);
  auto found = table_->entries.find(path);
  if (found == table_->entries.end()) {
    found = table_->entries.emplace(table_->keep(path), Entry{}).first;
  } else if (found->second.stat == stat && found->second.hash == hash) {
    return;
  }
  found->second = {stat, hash};
  table_->queued.push_back(found->first);
}

bool FileDigests::has_queued() const {
  const std::shared_lock lock(table_->mutex);
  return !table_->queued.empty();
}

void FileDigests::write() {
  const std::unique_lock lock(table_->mutex);
  if (table_->queued.empty()) return;
  std::sort(table_->queued.begin(), table_->queued.end());  // rows in the tree's order: fewer pages
  sys::Transaction transaction(database_);
  sys::Statement insert =
      database_.prepare("INSERT OR REPLACE INTO file_digest(path, packed) VALUES(?, ?)");
  for (const std::string_view path : table_->queued) {
    const std::string packed = pack_entry(path, table_->entries.at(path));
    insert.bind_blob(path).bind_blob(packed).run();
  }
  transaction.commit();
  table_->queued.clear();
}

std::size_t FileDigests::size() const {
  const std::shared_lock lock(table_->mutex);
  return table_->entries.size();
}

bool is_settled(const StatTuple& stat, WallTime examined_at) {
  const std::int64_t newest = std::max(stat.mtime_ns, stat.ctime_ns);
  return newest <= (examined_at - k_grain).time_since_epoch().count();
}

}  // namespace dsched::store
