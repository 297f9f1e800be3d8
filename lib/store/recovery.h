// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the first opener of a store does about the past: leftovers of killed processes, and file
// blobs that a crash of the machine may have hollowed out.
//
// Called only while nobody else has the store open for writing (run/writers.lock held exclusively).
// A crash can lose what was published after the last sync, or leave a name with other bytes behind
// it. So sync() notes how far it came, and in the next boot everything beyond is hashed; what does
// not match goes, with the results that named it, as if it had not been made.

#include <string>
#include <vector>

#include "store/blob_store.h"
#include "store/results.h"
#include "store/results_files.h"
#include "sys/files.h"
#include "sys/sqlite.h"

namespace dsched::store {

// Deletes unfinished blobs and everything in the staging folder.
void clear_leftovers(sys::Database& database, sys::Files& files, const std::string& staging);

// Notes this boot; when the store was last written in another one, checks what was not synced then.
struct RecoveryParts {
  sys::Database& database;
  sys::Files& files;
  BlobStore& blobs;
  Results& results;
  FileResults* file_results = nullptr;  // the same, where records are files
};
void recover_after_boot(const RecoveryParts& parts, const std::string& boot_id);

// Whoever syncs does so for everybody: the file blobs that nobody has synced yet, as far as
// `up_to`.
struct Unsynced {
  struct Blob {
    std::int64_t id = 0;
    Digest hash;
    Codec codec = Codec::none;
  };
  std::vector<Blob> blobs;  // by id
  std::int64_t up_to = 0;   // the newest blob there is
  std::int64_t noted = 0;   // the newest of which it is known that nothing before needs a sync
};
[[nodiscard]] Unsynced unsynced_blobs(sys::Database& database);
// Notes that they are synced by now.
void note_synced(sys::Database& database, const Unsynced& synced);

// The blobs of a record: its own, its outputs', and their members'.
[[nodiscard]] std::vector<Content> contents_of(const Record& record);

}  // namespace dsched::store
