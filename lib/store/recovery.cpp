// SPDX-License-Identifier: Apache-2.0
#include "store/recovery.h"

#include <algorithm>

#include "base/error.h"
#include "store/blob_readers.h"

namespace dsched::store {
namespace {

std::optional<std::string> note(sys::Database& database, std::string_view name) {
  sys::Statement select = database.prepare("SELECT value FROM store_note WHERE name=?");
  select.bind_text(name);
  if (!select.step()) return std::nullopt;
  return std::string(select.bytes(0));
}

void set_note(sys::Database& database, std::string_view name, std::string_view value) {
  database.prepare("INSERT OR REPLACE INTO store_note(name, value) VALUES(?, ?)")
      .bind_text(name)
      .bind_text(value)
      .run();
}

// A number that was noted; 0 when it is missing or damaged, which only means more checking.
std::int64_t noted_number(sys::Database& database, std::string_view name) {
  const std::string text = note(database, name).value_or("");
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > INT64_MAX / 10 - 10) return 0;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Whether the file that a name leads to holds the bytes the name promises.
bool is_good_file(const RecoveryParts& parts, const Digest& hash) {
  try {
    const std::unique_ptr<BlobReader> reader = parts.blobs.open(hash);
    return reader && hash_all(*reader).hash == hash;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return false;
  }
}

std::vector<Digest> unsynced_file_blobs(sys::Database& database) {
  std::vector<Digest> hashes;
  sys::Statement select = database.prepare(
      "SELECT hash FROM blob WHERE id>? AND stat IS NOT NULL AND hash IS NOT NULL");
  select.bind(noted_number(database, "synced_blob"));
  while (select.step()) {
    if (const auto hash = select.digest(0)) hashes.push_back(*hash);
  }
  return hashes;
}

void drop_results_without_blobs(const RecoveryParts& parts) {
  std::vector<Digest> doomed;
  parts.results.each([&](const Record& record) {
    for (const Content& content : contents_of(record)) {
      if (parts.blobs.contains(content.hash)) continue;
      doomed.push_back(record.key);
      return;
    }
  });
  for (const Digest& key : doomed) parts.results.remove(key);
}

}  // namespace

std::vector<Content> contents_of(const Record& record) {
  std::vector<Content> contents = {record.content};
  for (const OutputEntry& output : record.outputs) {
    contents.push_back(output.content);
    contents.insert(contents.end(), output.members.begin(), output.members.end());
  }
  return contents;
}

void clear_leftovers(sys::Database& database, sys::Files& files, const std::string& staging) {
  for (const std::string& name : files.list(staging)) files.remove(staging + "/" + name);
  sys::Statement any = database.prepare("SELECT 1 FROM blob WHERE hash IS NULL LIMIT 1");
  if (!any.step()) return;
  sys::Transaction transaction(database);
  database.execute(
      "DELETE FROM chunk WHERE id >> 24 IN (SELECT id FROM blob WHERE hash IS NULL);"
      "DELETE FROM blob WHERE hash IS NULL;");
  transaction.commit();
}

void recover_after_boot(const RecoveryParts& parts, const std::string& boot_id) {
  const std::string last = note(parts.database, "boot").value_or("");
  if (last == boot_id) return;
  // No note at all is no proof of a new store: the crash may have taken the note.
  bool is_any_gone = false;
  std::vector<Digest> doubtful = unsynced_file_blobs(parts.database);
  for (const Digest& hash : parts.blobs.unknown_files()) doubtful.push_back(hash);
  for (const Digest& hash : doubtful) {
    if (is_good_file(parts, hash)) continue;
    parts.blobs.remove(hash);
    is_any_gone = true;
  }
  if (parts.file_results != nullptr) (void)parts.results.damaged_records(Sweep::drop);
  if (is_any_gone || parts.file_results != nullptr) drop_results_without_blobs(parts);
  sys::Transaction transaction(parts.database);
  set_note(parts.database, "boot", boot_id);
  transaction.commit();
}

Unsynced unsynced_blobs(sys::Database& database) {
  Unsynced out;
  out.noted = noted_number(database, "synced_blob");
  {
    sys::Statement newest = database.prepare("SELECT max(id) FROM blob");
    out.up_to = newest.step() ? newest.integer(0) : 0;
  }
  sys::Statement select = database.prepare(
      "SELECT id, hash, codec FROM blob "
      "WHERE id>? AND id<=? AND stat IS NOT NULL AND hash IS NOT NULL ORDER BY id");
  select.bind(out.noted).bind(out.up_to);
  while (select.step()) {
    const auto hash = select.digest(1);
    if (!hash) continue;
    out.blobs.push_back({select.integer(0), *hash, static_cast<Codec>(select.integer(2))});
  }
  return out;
}

// A number may have been given to another blob since: then the note ends before it.
void note_synced(sys::Database& database, const Unsynced& synced) {
  sys::Transaction transaction(database);
  const Unsynced now = unsynced_blobs(database);
  std::int64_t limit = std::min(synced.up_to, now.up_to);
  for (const Unsynced::Blob& blob : now.blobs) {
    if (blob.id > limit) break;
    const auto known =
        std::lower_bound(synced.blobs.begin(), synced.blobs.end(), blob.id,
                         [](const Unsynced::Blob& one, std::int64_t id) { return one.id < id; });
    const bool is_known =
        known != synced.blobs.end() && known->id == blob.id && known->hash == blob.hash;
    if (!is_known) limit = blob.id - 1;
  }
  if (limit > now.noted) set_note(database, "synced_blob", std::to_string(limit));
  transaction.commit();
}

}  // namespace dsched::store
