// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store's tables in store.db. The journal keeps tables of its own beside them.
//
// blob.place says where the bytes are: 0 in `data`, 1 in chunk rows, 2 in a file, 3 nowhere yet (a
// chunked blob under construction, whose hash is NULL). A chunk's id is blob id * 2^24 + number.
// `sum` columns are checksum() over the row's other columns as the code beside them says; blob rows
// need none, because bytes are checked against the hash. `used` columns only steer gc.
// stored: never renumber

namespace dsched::store {

inline constexpr int k_schema_version = 1;  // PRAGMA user_version
inline constexpr const char* k_schema = R"(
CREATE TABLE IF NOT EXISTS store_note(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob(
  id INTEGER PRIMARY KEY, hash BLOB UNIQUE, place INTEGER NOT NULL, codec INTEGER NOT NULL,
  size INTEGER NOT NULL, stored INTEGER NOT NULL, used INTEGER NOT NULL, stat BLOB, data BLOB);
CREATE TABLE IF NOT EXISTS chunk(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS result(
  id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, base BLOB, subject INTEGER NOT NULL,
  used INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS result_base ON result(base) WHERE base IS NOT NULL;
CREATE INDEX IF NOT EXISTS result_subject ON result(subject);
CREATE TABLE IF NOT EXISTS result_detail(
  id INTEGER PRIMARY KEY, key_text TEXT NOT NULL, metadata TEXT NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS file_digest(path BLOB PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID;
)";

}  // namespace dsched::store
