// SPDX-License-Identifier: Apache-2.0
#include "dag/name_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"
#include "base/flat_index.h"

namespace dsched::dag {
void NameTable::reserve(std::size_t names) {
  names_.reserve(names);
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(64, names + names / 3 + 1));
  if (slots > slots_.size()) grow_to(slots);
}

void NameTable::grow_to(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.symbol == k_empty) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].symbol != k_empty) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

// The slot that holds `name`, or the empty one where it belongs.
std::uint32_t NameTable::slot_of(std::string_view name, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].symbol != k_empty &&
         (slots_[at].hash != hash || names_[slots_[at].symbol] != name)) {
    at = (at + 1) & mask;
  }
  return static_cast<std::uint32_t>(at);
}

Symbol NameTable::intern_hashed(std::string_view name, std::uint32_t hash) {
  Slot& slot = slots_[slot_of(name, hash)];
  if (slot.symbol == k_empty) {
    slot = {hash, static_cast<std::uint32_t>(names_.size())};
    names_.push_back(name);
  }
  return {slot.symbol};
}

void NameTable::intern(std::span<const std::string_view> names, std::span<Symbol> symbols) {
  DSCHED_ASSERT(names.size() == symbols.size(), "each name gets one symbol");
  std::array<std::uint32_t, k_batch> hashes;
  while (!names.empty()) {
    const std::size_t count = std::min(names.size(), k_batch);
    if ((names_.size() + count) * 4 > slots_.size() * 3) {
      grow_to(std::bit_ceil(std::max<std::size_t>(64, 2 * (names_.size() + count))));
    }
    const std::size_t mask = slots_.size() - 1;
    // Three rounds that only fetch: the slot, the name it seems to hold, that name's text.
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = hash_of(names[i]);
      __builtin_prefetch(&slots_[hashes[i] & mask]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Slot slot = slots_[hashes[i] & mask];
      if (slot.symbol != k_empty) __builtin_prefetch(&names_[slot.symbol]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Slot slot = slots_[hashes[i] & mask];
      if (slot.symbol != k_empty && slot.hash == hashes[i])
        __builtin_prefetch(names_[slot.symbol].data());
    }
    for (std::size_t i = 0; i < count; ++i) symbols[i] = intern_hashed(names[i], hashes[i]);
    names = names.subspan(count);
    symbols = symbols.subspan(count);
  }
}

Symbol NameTable::intern(std::string_view name) {
  Symbol symbol;
  intern(std::span(&name, 1), std::span(&symbol, 1));
  return symbol;
}

std::optional<Symbol> NameTable::find(std::string_view name) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(name, hash_of(name))];
  if (slot.symbol == k_empty) return std::nullopt;
  return Symbol{slot.symbol};
}

}  // namespace dsched::dag
