// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results by key: which bytes and outputs a node produced, and what its key was made of.
//
// A record is visible whole or not at all; with the database backends it becomes visible when the
// transaction it was put in commits, so a completion in the journal and its result are one. A
// record whose stored form is damaged is treated as absent and counted by damaged(). The narrow
// part of a record can be read in bulk: preload() holds all of them packed, and find() then answers
// from memory (100,000 point queries cost 80 ms, one scan about 20). Only the thread of the store's
// Database calls these.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/record.h"

namespace dsched::store {

enum class Sweep : std::uint8_t { look, drop };

// touch() writes at most so often for one result.
inline constexpr Nanoseconds k_touch_interval = std::chrono::hours{24};

class Results {
 public:
  virtual ~Results() = default;
  // Replaces what has the same key. The blobs it names must have been put.
  virtual void put(const Record& record) = 0;
  virtual bool remove(const Digest& key) = 0;
  [[nodiscard]] virtual std::optional<Record> find(const Digest& key) = 0;
  // Those whose base_key is this, newest first: the caller checks which depfile inputs still hold.
  [[nodiscard]] virtual std::vector<Record> find_candidates(const Digest& base_key) = 0;
  // With key_text and metadata.
  [[nodiscard]] virtual std::optional<Record> details(const Digest& key) = 0;
  // The newest result of the node in any run of the DAG, with key_text: what --explain compares.
  [[nodiscard]] virtual std::optional<Record> latest(std::string_view dag_id,
                                                     std::string_view node_id) = 0;
  // Every record, ordered by key. The callback must not change the store.
  virtual void each(const std::function<void(const Record&)>& visit) = 0;
  // Keys that start with these hexadecimal digits; at most `limit`.
  [[nodiscard]] virtual std::vector<Digest> with_prefix(std::string_view hex_digits,
                                                        std::size_t limit) = 0;
  virtual bool update_metadata(const Digest& key, std::string_view json) = 0;
  // Notes that the result was used; writes only when the last note is old enough.
  virtual void touch(const Record& record, WallTime now) = 0;
  // Reads every record at once; find() and find_candidates() then need no query.
  virtual void preload() = 0;
  // Names of stored records that cannot be trusted; with Sweep::drop they are removed.
  virtual std::vector<std::string> damaged_records(Sweep sweep) = 0;
  // How many stored records were met that could not be trusted.
  [[nodiscard]] virtual std::uint64_t damaged() const = 0;
};

}  // namespace dsched::store
