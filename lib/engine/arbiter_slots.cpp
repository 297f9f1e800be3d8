// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "engine/arbiter_books.h"

// The part of Books that knows slots.

namespace dsched::engine {

// Every index, the holder's account included.
void Books::index(std::uint32_t number) {
  const SlotState& slot = state.slots[number];
  if (!slot.holder) {
    free.insert({slot.last_holder ? slot.last_holder->value : 0, number});
    return;
  }
  const std::size_t who = at(*slot.holder);
  Account& account = accounts[who];
  if (account.held.all++ == 0) holders.insert({state.lessees[who].reported_at, *slot.holder});
  account.slots.insert(number);
  if (slot.lent) lent.insert(number);
  if (slot.due) {
    dues.insert({slot.granted_seq, number});
    if (slot.at_once) ++dues_at_once;
    if (slot.lent) ++lent_dues;
    return;
  }
  ++account.held.kept;
  leases.insert({slot.granted_at, slot.granted_seq, number});
  if (rule.policy == Policy::priority) {
    leases_by_level[state.lessees[who].priority.level].insert({slot.granted_seq, number});
  }
  if (slot.lent) ++account.lent;
}

void Books::unindex(std::uint32_t number) {
  const SlotState& slot = state.slots[number];
  if (!slot.holder) {
    free.erase({slot.last_holder ? slot.last_holder->value : 0, number});
    return;
  }
  const std::size_t who = at(*slot.holder);
  Account& account = accounts[who];
  if (--account.held.all == 0) holders.erase({state.lessees[who].reported_at, *slot.holder});
  account.slots.erase(number);
  if (slot.lent) lent.erase(number);
  if (slot.due) {
    dues.erase({slot.granted_seq, number});
    if (slot.at_once) --dues_at_once;
    if (slot.lent) --lent_dues;
    return;
  }
  --account.held.kept;
  leases.erase({slot.granted_at, slot.granted_seq, number});
  if (rule.policy == Policy::priority) {
    leases_by_level[state.lessees[who].priority.level].erase({slot.granted_seq, number});
  }
  if (slot.lent) --account.lent;
}

std::uint32_t Books::free_slot_for(LesseeId who) const {
  DSCHED_ASSERT(!free.empty(), "only free slots are granted");
  const auto own = free.lower_bound({who.value, 0});
  return own != free.end() && own->first == who.value ? own->second : free.begin()->second;
}

void Books::grant(std::size_t who, std::uint32_t number, Instant now) {
  const LesseeId id = state.lessees[who].id;
  touch(who);
  // Its time to report begins anew; one moment before, so that it is seen to have reported before.
  if (accounts[who].held.all == 0 && state.lessees[who].reported_at < now) {
    charge_ahead(who, now - Nanoseconds{1});
  }
  unindex(number);
  SlotState& slot = state.slots[number];
  DSCHED_ASSERT(!slot.holder, "a slot has one holder");
  if (slot.last_holder && *slot.last_holder != id) ++state.counters.context_switches;
  ++state.counters.total_scheduled;
  ++changes;
  slot.holder = slot.last_holder = id;
  slot.reserved_for.reset();
  slot.granted_at = now;
  slot.granted_seq = ++state.sequence;
  index(number);
}

void Books::recall(std::uint32_t number, bool at_once) {
  touch(at(*state.slots[number].holder));
  unindex(number);
  SlotState& slot = state.slots[number];
  slot.due = true;
  slot.at_once = at_once;
  index(number);
  requeue(at(*slot.holder));
  ++state.counters.preemptions;
  ++changes;
}

void Books::keep(std::uint32_t number, Instant now) {
  if (state.slots[number].due) touch(at(*state.slots[number].holder));
  unindex(number);
  SlotState& slot = state.slots[number];
  slot.due = slot.at_once = false;
  slot.granted_at = now;
  slot.granted_seq = ++state.sequence;
  index(number);
  requeue(at(*slot.holder));
  ++state.counters.total_scheduled;
  ++changes;
}

void Books::set_start(std::uint32_t number, Instant at) {
  unindex(number);
  state.slots[number].granted_at = at;
  index(number);
}

void Books::restart_youngest(std::size_t who, std::uint32_t count, Instant at) {
  if (count == 0) return;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> own;
  for (const std::uint32_t number : accounts[who].slots) {
    if (!state.slots[number].due) own.emplace_back(state.slots[number].granted_seq, number);
  }
  std::sort(own.rbegin(), own.rend());
  own.resize(std::min<std::size_t>(own.size(), count));
  for (const auto& [sequence, number] : own) set_start(number, at);
}

void Books::lend(std::uint32_t number) {
  unindex(number);
  state.slots[number].lent = true;
  state.slots[number].reserved_for = owner;
  index(number);
}

void Books::take_back(std::uint32_t number) {
  touch(at(*state.slots[number].holder));
  unindex(number);
  SlotState& slot = state.slots[number];
  const std::optional<LesseeId> holder = slot.holder;
  slot = SlotState{};
  slot.last_holder = holder;
  slot.reserved_for = owner;
  index(number);
  if (state.slots.size() > capacity) drop(number);
}

void Books::take_back_from(std::size_t who, std::uint32_t count) {
  const auto order = [this](std::uint32_t number) {
    const SlotState& slot = state.slots[number];
    return std::tuple(slot.due, slot.lent, slot.granted_seq);
  };
  for (; count > 0; --count) {
    const std::set<std::uint32_t>& own = accounts[who].slots;
    take_back(*std::max_element(own.begin(), own.end(), [&](std::uint32_t a, std::uint32_t b) {
      return order(a) < order(b);
    }));
  }
}

// Removes a free slot; the last one takes its number.
void Books::drop(std::uint32_t number) {
  DSCHED_ASSERT(!state.slots[number].holder, "a slot in use is not taken away");
  const auto last = static_cast<std::uint32_t>(state.slots.size() - 1);
  unindex(number);
  if (number != last) {
    unindex(last);
    state.slots[number] = state.slots[last];
    index(number);
  }
  state.slots.pop_back();
}

void Books::set_aside_for(std::optional<LesseeId> lessee) {
  if (owner == lessee) return;
  owner = lessee;
  ++changes;
  for (const auto& [last, number] : free) state.slots[number].reserved_for = owner;
  const std::vector<std::uint32_t> numbers(lent.begin(), lent.end());
  for (const std::uint32_t number : numbers) {
    touch(at(*state.slots[number].holder));
    unindex(number);
    SlotState& slot = state.slots[number];
    slot.lent = owner && owner != slot.holder;
    slot.reserved_for = slot.lent ? owner : std::nullopt;
    index(number);
  }
}

void Books::refresh_capacity(Instant now) {
  std::uint32_t fitting = std::clamp(state.settings.slots.count, 1u, k_slots_max);
  if (present.size() == 1 && !state.settings.slots_are_chosen) {
    const std::uint32_t wanted = state.lessees[at(*present.begin())].demand.wanted.count;
    fitting = std::max(fitting, std::min(wanted, k_slots_max));
  }
  if (fitting == capacity) return;
  capacity = fitting;
  while (state.slots.size() < capacity) {
    state.slots.emplace_back().reserved_for = owner;
    index(static_cast<std::uint32_t>(state.slots.size() - 1));
  }
  while (state.slots.size() > capacity && !free.empty()) drop(free.rbegin()->second);
  // What a node needs, and whether it can run, depends on the capacity.
  const std::vector<LesseeId> all(present.begin(), present.end());
  for (const LesseeId id : all) {
    if (state.lessees[at(id)].waits_since != 0) refresh(at(id), now);
  }
}

std::uint32_t Books::surplus() const {
  return static_cast<std::uint32_t>(state.slots.size()) - capacity;
}

std::uint32_t Books::coming() const {
  const auto due = static_cast<std::uint32_t>(dues.size());
  return static_cast<std::uint32_t>(free.size() + lent.size()) - lent_dues + due -
         std::min(surplus(), due);
}

}  // namespace dsched::engine
