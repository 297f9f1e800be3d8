// SPDX-License-Identifier: Apache-2.0
#include "store/verify.h"

#include <unordered_set>

#include "base/error.h"
#include "store/blob_readers.h"
#include "store/recovery.h"
#include "store/trust.h"

namespace dsched::store {
namespace {

// Runs a part of the check; what SQLite finds damaged while it runs is a finding, not an end.
template <class Part>
void guarded(Verification& result, const Part& part) {
  try {
    part();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    result.damage.push_back({Damage::Kind::database, error.what()});
  }
}

std::vector<std::string> integrity_complaints(sys::Database& database) {
  std::vector<std::string> complaints;
  sys::Statement check = database.prepare("PRAGMA integrity_check(20)");
  while (check.step()) {
    if (check.bytes(0) != "ok") complaints.emplace_back(check.bytes(0));
  }
  return complaints;
}

void check_database(Store& store, Repair repair, Verification& result) {
  sys::Database& database = store.database();
  std::vector<std::string> complaints;
  guarded(result, [&] { complaints = integrity_complaints(database); });
  for (const std::string& complaint : complaints) {
    result.damage.push_back({Damage::Kind::database, database.path() + ": " + complaint});
  }
  if (complaints.empty() || repair == Repair::none) return;
  guarded(result, [&] {
    database.execute("REINDEX");
    if (integrity_complaints(database).empty()) result.repaired += complaints.size();
  });
}

// The hashes that blob rows carry, collected before any of them is opened: no statement stays open
// while others change rows.
std::vector<BlobInfo> all_blobs(Store& store) {
  std::vector<BlobInfo> all;
  store.blobs().each([&](const BlobInfo& info) { all.push_back(info); });
  return all;
}

void check_blobs(Store& store, Repair repair, Verification& result,
                 std::unordered_set<Digest>& good) {
  for (const BlobInfo& info : all_blobs(store)) {
    const Digest& hash = info.content.hash;
    std::string complaint;
    try {
      const std::unique_ptr<BlobReader> reader = store.blobs().open(hash);
      if (!reader) {
        complaint = "blob " + to_hex(hash) + ": its row is not found by its hash";
      } else if (reader->fd() >= 0 && hash_all(*reader) != info.content) {
        complaint = "blob " + to_hex(hash) + ": its file does not match its hash";
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      complaint = error.what();
    }
    ++result.blobs;
    result.bytes += info.content.size;
    if (complaint.empty()) {
      good.insert(hash);
      continue;
    }
    result.damage.push_back({Damage::Kind::blob, complaint});
    if (repair == Repair::drop && store.blobs().remove(hash)) ++result.repaired;
  }
}

bool is_file_good(Store& store, const Digest& hash) {
  try {
    return store.blobs().open(hash) != nullptr;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return false;
  }
}

void check_records(Store& store, Repair repair, Verification& result,
                   std::unordered_set<Digest>& good) {
  const std::uint64_t damaged_before = store.results().damaged();
  std::vector<Record> incomplete;
  store.results().each([&](const Record& record) {
    ++result.results;
    for (const Content& content : contents_of(record)) {
      if (good.contains(content.hash)) continue;
      incomplete.push_back(record);
      return;
    }
  });
  for (const Record& record : incomplete) {
    bool is_whole = true;  // a blob may be a file without a row, which opening it vouches for
    for (const Content& content : contents_of(record)) {
      if (good.contains(content.hash) || is_file_good(store, content.hash)) continue;
      is_whole = false;
    }
    if (is_whole) continue;
    result.damage.push_back(
        {Damage::Kind::missing_blob,
         "result " + to_hex(record.key) + " (" + record.node_id + "): its bytes are missing"});
    if (repair == Repair::drop && store.results().remove(record.key)) ++result.repaired;
  }
  if (store.results().damaged() == damaged_before) return;
  const std::vector<std::string> dropped =
      store.results().damaged_records(repair == Repair::drop ? Sweep::drop : Sweep::look);
  for (const std::string& name : dropped) {
    result.damage.push_back({Damage::Kind::record, "result " + name + ": fails its checksum"});
    if (repair == Repair::drop) ++result.repaired;
  }
}

void check_chunks(Store& store, Repair repair, Verification& result) {
  constexpr const char* k_orphans =
      "SELECT count(*) FROM chunk WHERE (id >> 24) NOT IN (SELECT id FROM blob WHERE place IN "
      "(1, 3))";
  sys::Statement count = store.database().prepare(k_orphans);
  if (!count.step() || count.integer(0) == 0) return;
  result.damage.push_back({Damage::Kind::orphan_chunks,
                           std::to_string(count.integer(0)) + " chunks belong to no blob"});
  if (repair == Repair::none) return;
  sys::Transaction transaction(store.database());
  store.database().execute(
      "DELETE FROM chunk WHERE (id >> 24) NOT IN (SELECT id FROM blob WHERE place IN (1, 3))");
  transaction.commit();
  ++result.repaired;
}

}  // namespace

std::string_view name_of(Damage::Kind kind) {
  switch (kind) {
    case Damage::Kind::database:
      return "database";
    case Damage::Kind::blob:
      return "blob";
    case Damage::Kind::record:
      return "record";
    case Damage::Kind::missing_blob:
      return "missing_blob";
    case Damage::Kind::audit:
      return "audit";
    case Damage::Kind::orphan_chunks:
      break;
  }
  return "orphan_chunks";
}

Verification verify(Store& store, Repair repair) {
  Verification result;
  std::unordered_set<Digest> good;
  check_database(store, repair, result);
  guarded(result, [&] { check_blobs(store, repair, result, good); });
  guarded(result, [&] { check_records(store, repair, result, good); });
  guarded(result, [&] { check_chunks(store, repair, result); });
  result.leftovers = store.blobs().unknown_files().size();
  return result;
}

std::vector<std::string> discard_database(const Options& options, const World& world) {
  const std::string folder = world.host.absolute(options.folder);
  check_ownership(folder, world);
  const std::optional<sys::Fd> alone =
      world.host.try_lock(folder + "/run/writers.lock", sys::LockMode::exclusive);
  if (!alone) throw Error(ErrorKind::busy, "store " + folder + ": is in use");
  const std::optional<StoredIdentity> identity = read_identity(folder, world);
  const std::optional<std::string> key = user_key(options, world);
  if (!identity || !key ||
      (options.trust == Trust::own && !is_marked(folder, *identity, *key, world))) {
    throw Error(ErrorKind::untrusted_store, "store " + folder + ": is not this user's",
                "--trust-store adopts it");
  }
  std::vector<std::string> removed;
  for (const char* name : {"/store.db", "/store.db-wal", "/store.db-shm"}) {
    if (world.files.remove(folder + name)) removed.push_back(folder + name);
  }
  write_identity(folder, *identity, *key, world);
  return removed;
}

}  // namespace dsched::store
