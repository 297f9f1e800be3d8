// SPDX-License-Identifier: Apache-2.0
#pragma once
// Checks everything a store holds, and drops what cannot be trusted where that is asked for.
//
// Read: every page of the database (integrity_check), every blob against its hash, every record
// against its sum, every record's blobs. A record whose blob is gone or damaged is damaged too,
// because it could not be reused. Blobs that no record names are not: the journal refers to some,
// and gc takes the rest.

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"

namespace dsched::store {

struct Damage {
  enum class Kind : std::uint8_t {
    database,       // SQLite's integrity_check complains
    blob,           // bytes missing or not matching their hash
    record,         // a stored record that fails its sum
    missing_blob,   // a good record that names an absent or damaged blob
    orphan_chunks,  // chunk rows of no blob
    audit,          // the journal's audit is not as it was written; found by its own reader
  };
  Kind kind = Kind::blob;
  std::string what;  // one line that names the thing
};
[[nodiscard]] std::string_view name_of(Damage::Kind kind);  // "missing_blob"

enum class Repair : std::uint8_t { none, drop };

struct Verification {
  std::uint64_t blobs = 0;      // checked
  std::uint64_t results = 0;    // checked
  std::uint64_t bytes = 0;      // read and hashed
  std::uint64_t leftovers = 0;  // files in blobs/ that no row knows; not damage, gc removes them
  std::vector<Damage> damage;
  std::uint64_t repaired = 0;  // of `damage`; all of it when the store is fit again
};

// With Repair::drop damaged blobs, records and chunks are removed. Damage of the database's own
// pages is mended by rebuilding its indexes; where that does not help it stays in the list and
// `repaired` is smaller.
[[nodiscard]] Verification verify(Store& store, Repair repair);

// For a database that cannot even be opened: removes store.db with its log, so that the next
// opening makes an empty one. Files in blobs/ stay and are found again by their hash. Nobody may
// have the store open. Returns the paths removed.
std::vector<std::string> discard_database(const Options& options, const World& world);

}  // namespace dsched::store
