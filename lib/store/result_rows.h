// SPDX-License-Identifier: Apache-2.0
#pragma once
// All rows of the table `result` in memory, as flat tables: what preload() holds.
//
// Rows keep the order in which the results were put, which is about the order of the program they
// came from. A search therefore first looks at the row behind the last one found (a re-run asks for
// 100,000 keys in that order; each one found by its hash costs four cache misses). It knows no SQL
// but its one scan, and checks nothing: unpack() does that.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_index.h"
#include "store/record.h"
#include "sys/sqlite.h"

namespace dsched::store {

class ResultRows {
 public:
  struct Row {
    Digest key;
    Digest base_key;
    std::int64_t used = 0;
    std::size_t packed_begin = 0;
    std::uint32_t packed_size = 0;
    std::uint32_t next_of_base = FlatIndex::k_none;  // another row with this base_key
    [[nodiscard]] bool is_plain() const { return key == base_key; }
  };

  // Everything that is stored now.
  [[nodiscard]] static ResultRows read(sys::Database& database);

  // Replaces what has the same key.
  void put(const Row& row, std::string_view packed);
  void remove(const Digest& key);
  // Nullptr: there is none. Holds until the next put().
  [[nodiscard]] const Row* find(const Digest& key);
  // The rows whose base key this is: those of nodes with a depfile, then the plain one.
  [[nodiscard]] std::vector<const Row*> find_of_base(const Digest& base_key);
  void set_used(const Digest& key, std::int64_t used);
  [[nodiscard]] std::string_view packed(const Row& row) const {
    return std::string_view(arena_).substr(row.packed_begin, row.packed_size);
  }
  // Rows whose key was no digest.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

 private:
  [[nodiscard]] std::uint32_t number_of(const Digest& key) const;
  [[nodiscard]] std::uint32_t first_of_base(const Digest& base_key) const;

  std::vector<Row> rows_;  // removed ones included
  std::string arena_;
  FlatIndex by_key_;
  FlatIndex by_base_;  // the first row of each chain; plain rows are in none
  std::uint32_t last_found_ = FlatIndex::k_none;
  std::uint64_t damaged_ = 0;
};

}  // namespace dsched::store
