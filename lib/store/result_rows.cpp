// SPDX-License-Identifier: Apache-2.0
#include "store/result_rows.h"

#include <algorithm>

#include "base/error.h"

namespace dsched::store {

ResultRows ResultRows::read(sys::Database& database) {
  ResultRows all;
  sys::Statement count = database.prepare("SELECT count(*) FROM result");
  if (count.step()) {
    // A damaged index must not make us ask for all memory there is.
    constexpr std::int64_t k_reserved_max = 10'000'000;
    const auto rows =
        static_cast<std::size_t>(std::clamp<std::int64_t>(count.integer(0), 0, k_reserved_max));
    all.rows_.reserve(rows);
    all.by_key_.reserve(rows);
  }
  sys::Statement scan = database.prepare("SELECT key, base, used, packed FROM result ORDER BY id");
  while (scan.step()) {
    const std::optional<Digest> key = scan.digest(0);
    const std::optional<Digest> base = scan.is_null(1) ? key : scan.digest(1);
    if (!key || !base) {
      ++all.damaged_;
      continue;
    }
    Row row;
    row.key = *key;
    row.base_key = *base;
    row.used = scan.integer(2);
    all.put(row, scan.bytes(3));
  }
  return all;
}

std::uint32_t ResultRows::number_of(const Digest& key) const {
  return by_key_.find(hash_of(key), [&](std::uint32_t number) { return rows_[number].key == key; });
}

std::uint32_t ResultRows::first_of_base(const Digest& base_key) const {
  return by_base_.find(hash_of(base_key),
                       [&](std::uint32_t number) { return rows_[number].base_key == base_key; });
}

void ResultRows::put(const Row& row, std::string_view packed) {
  remove(row.key);
  const auto number = static_cast<std::uint32_t>(rows_.size());
  DSCHED_ASSERT(packed.size() < UINT32_MAX, "SQLite's values are shorter");
  Row& added = rows_.emplace_back(row);
  added.packed_begin = arena_.size();
  added.packed_size = static_cast<std::uint32_t>(packed.size());
  arena_.append(packed);
  by_key_.insert(hash_of(row.key), number);
  if (row.is_plain()) return;
  added.next_of_base = first_of_base(row.base_key);
  if (added.next_of_base != FlatIndex::k_none) {
    by_base_.erase(hash_of(row.base_key), added.next_of_base);
  }
  by_base_.insert(hash_of(row.base_key), number);
}

void ResultRows::remove(const Digest& key) {
  const std::uint32_t number = number_of(key);
  if (number == FlatIndex::k_none) return;
  by_key_.erase(hash_of(key), number);
  Row& gone = rows_[number];
  if (!gone.is_plain()) {
    const std::uint32_t first = first_of_base(gone.base_key);
    if (first == number) {
      by_base_.erase(hash_of(gone.base_key), number);
      if (gone.next_of_base != FlatIndex::k_none) {
        by_base_.insert(hash_of(gone.base_key), gone.next_of_base);
      }
    } else {
      std::uint32_t before = first;
      while (rows_[before].next_of_base != number) before = rows_[before].next_of_base;
      rows_[before].next_of_base = gone.next_of_base;
    }
  }
  gone = {};  // no digest is zero, so the row behind the last one found is never taken for this
}

const ResultRows::Row* ResultRows::find(const Digest& key) {
  const std::uint32_t next = last_found_ + 1;  // of k_none: the first row
  const std::uint32_t number =
      next < rows_.size() && rows_[next].key == key ? next : number_of(key);
  if (number == FlatIndex::k_none) return nullptr;
  last_found_ = number;
  return &rows_[number];
}

std::vector<const ResultRows::Row*> ResultRows::find_of_base(const Digest& base_key) {
  std::vector<const Row*> found;
  for (std::uint32_t number = first_of_base(base_key); number != FlatIndex::k_none;
       number = rows_[number].next_of_base) {
    found.push_back(&rows_[number]);
  }
  const Row* const plain = find(base_key);
  if (plain != nullptr) found.push_back(plain);
  return found;
}

void ResultRows::set_used(const Digest& key, std::int64_t used) {
  const std::uint32_t number = number_of(key);
  if (number != FlatIndex::k_none) rows_[number].used = used;
}

}  // namespace dsched::store
