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

// Notes that every file blob there is now has been synced.
void note_synced(sys::Database& database);

// The blobs of a record: its own, its outputs', and their members'.
[[nodiscard]] std::vector<Content> contents_of(const Record& record);

}  // namespace dsched::store
