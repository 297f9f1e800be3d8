// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds the elements of a vector by a hash: a table of element numbers and nothing else.
//
// There is no memory per element and nothing to destroy one by one, which is what bulk tables of
// 200,000 entries cost most (std::unordered_map: a third of an unchanged run, measured). The caller
// keeps the elements, says how to compare one with what is sought, and passes the same hash for
// equal elements. Numbers below 2^32 - 1. Hashes are not stored anywhere, so they may differ
// between machines.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace dsched {

[[nodiscard]] std::uint32_t hash_of(std::string_view text);
[[nodiscard]] std::uint32_t hash_of(const Digest& digest);

class FlatIndex {
 public:
  static constexpr std::uint32_t k_none = UINT32_MAX;

  [[nodiscard]] std::size_t size() const { return size_; }
  // Makes room for so many elements.
  void reserve(std::size_t elements);
  void clear();
  // The number of the element with this hash for which is_same(number) holds, or k_none.
  template <class IsSame>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, const IsSame& is_same) const;
  // Adds an element that find() does not know.
  void insert(std::uint32_t hash, std::uint32_t number);
  // Forgets an element that was inserted with this hash.
  void erase(std::uint32_t hash, std::uint32_t number);
  // Fetches what find() will look at first, for callers that know what they will seek.
  void prefetch(std::uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t number = k_none;
  };
  void grow_to(std::size_t slots);

  std::vector<Slot> slots_;  // a power of two, at most three quarters full; probed linearly
  std::size_t size_ = 0;
};

// ------------------------------------------------------------------------------------------------

namespace flat_index_detail {

template <class Word>
[[nodiscard]] inline std::uint64_t load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

[[nodiscard]] inline std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15ULL;  // 2^64 divided by the golden ratio: spreads low bits upward
  return value ^ (value >> 29);
}

}  // namespace flat_index_detail

inline std::uint32_t hash_of(std::string_view text) {
  using flat_index_detail::load;
  using flat_index_detail::mix;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = text.size();
  while (left > 8) {
    hash = mix(hash ^ load<std::uint64_t>(at));
    at += 8;
    left -= 8;
  }
  if (left == 8) {
    hash ^= load<std::uint64_t>(at);
  } else if (left >= 4) {
    hash ^= load<std::uint32_t>(at) << 32 | load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    hash ^= load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + left / 2) << 8 |
            load<std::uint8_t>(at + left - 1);
  }
  return static_cast<std::uint32_t>(mix(mix(hash)) >> 32);
}

inline std::uint32_t hash_of(const Digest& digest) {
  std::uint32_t hash;  // the bytes are already uniformly distributed
  std::memcpy(&hash, digest.bytes.data(), sizeof hash);
  return hash;
}

inline void FlatIndex::reserve(std::size_t elements) {
  const std::size_t slots = std::bit_ceil(elements + elements / 3 + 16);
  if (slots > slots_.size()) grow_to(slots);
}

inline void FlatIndex::clear() {
  slots_.clear();
  size_ = 0;
}

inline void FlatIndex::grow_to(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.number == k_none) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].number != k_none) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

template <class IsSame>
std::uint32_t FlatIndex::find(std::uint32_t hash, const IsSame& is_same) const {
  if (slots_.empty()) return k_none;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number == k_none || (slot.hash == hash && is_same(slot.number))) return slot.number;
  }
}

inline void FlatIndex::insert(std::uint32_t hash, std::uint32_t number) {
  if ((size_ + 1) * 4 > slots_.size() * 3) grow_to(std::bit_ceil(2 * size_ + 16));
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].number != k_none) at = (at + 1) & mask;
  slots_[at] = {hash, number};
  ++size_;
}

inline void FlatIndex::erase(std::uint32_t hash, std::uint32_t number) {
  if (slots_.empty()) return;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = hash & mask;
  while (slots_[hole].number != number) {
    if (slots_[hole].number == k_none) return;
    hole = (hole + 1) & mask;
  }
  // Whoever stands behind the hole and may stand in it moves there, so that no probe ends early.
  for (std::size_t at = (hole + 1) & mask; slots_[at].number != k_none; at = (at + 1) & mask) {
    const std::size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  --size_;
}

}  // namespace dsched
