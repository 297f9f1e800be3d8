// SPDX-License-Identifier: Apache-2.0
#include "engine/arbiter_books.h"

#include <algorithm>

#include "base/error.h"

// The part that knows lessees; engine/arbiter_slots.cpp has the slots.

namespace dsched::engine {
namespace {

// A moment near the others of the state.
Instant base_of(const ArbiterState& state) {
  Instant latest{};
  for (const Lessee& lessee : state.lessees) {
    latest = std::max({latest, lessee.reported_at, lessee.waits_from});
  }
  return latest;
}

}  // namespace

Books::Books(ArbiterState loaded) : state(std::move(loaded)) {
  rule = {state.settings.policy, state.settings.quantum, base_of(state)};
  accounts.resize(state.lessees.size());
  for (const Lessee& lessee : state.lessees) {
    if (lessee.present) present.insert(lessee.id);
  }
  for (std::uint32_t slot = 0; slot < state.slots.size(); ++slot) {
    if (state.slots[slot].reserved_for) owner = state.slots[slot].reserved_for;
    index(slot);
  }
  refresh_capacity(base_of(state));
  for (std::size_t who = 0; who < accounts.size(); ++who) requeue(who);
  contention = contention_now();
  decided_at = rule.base;
}

std::optional<std::size_t> Books::find(LesseeId id) const {
  const auto found =
      std::lower_bound(state.lessees.begin(), state.lessees.end(), id,
                       [](const Lessee& lessee, LesseeId wanted) { return lessee.id < wanted; });
  if (found == state.lessees.end() || found->id != id) return std::nullopt;
  return static_cast<std::size_t>(found - state.lessees.begin());
}

std::size_t Books::at(LesseeId id) const {
  const std::optional<std::size_t> found = find(id);
  DSCHED_ASSERT(found, "only lessees that arrived and did not leave are asked for");
  return *found;
}

Holding Books::holding(std::size_t who) const {
  const Account& account = accounts[who];
  Holding holding;
  holding.generation = state.lessees[who].generation;
  holding.held = {account.held.all};
  if (account.held.all == 0) return holding;
  holding.due = {account.held.all - account.held.kept};
  holding.lent = account.lent > 0;
  holding.contended = contention.waiters > 1 ||
                      (contention.waiters == 1 && contention.only != state.lessees[who].id);
  if (holding.due.count > 0) {
    holding.at_once = std::any_of(account.slots.begin(), account.slots.end(),
                                  [this](std::uint32_t slot) { return state.slots[slot].at_once; });
  }
  return holding;
}

void Books::touch(std::size_t who) {
  Account& account = accounts[who];
  if (account.is_touched) return;
  account.is_touched = true;
  account.before = holding(who);
  touched.push_back(state.lessees[who].id);
}

void Books::charge(std::size_t who, Nanoseconds slot_time) {
  Lessee& lessee = state.lessees[who];
  lessee.slot_time += slot_time;
  lessee.virtual_time += virtual_time(slot_time, lessee.priority);
}

void Books::charge_ahead(std::size_t who, Instant now) {
  Lessee& lessee = state.lessees[who];
  const Nanoseconds probably = accounts[who].held.all * (now - lessee.reported_at);
  charge(who, probably);
  lessee.demand.slot_time += probably;
  set_reported(who, now);
  requeue(who);
}

void Books::set_reported(std::size_t who, Instant now) {
  Lessee& lessee = state.lessees[who];
  if (accounts[who].held.all > 0) {
    holders.erase({lessee.reported_at, lessee.id});
    holders.insert({now, lessee.id});
  }
  lessee.reported_at = now;
}

void Books::note(std::size_t who, Instant now, const Demand& demand) {
  touch(who);
  Lessee& lessee = state.lessees[who];
  charge(who, demand.slot_time - lessee.demand.slot_time);
  lessee.demand = demand;
  lessee.demand.slot_time = Nanoseconds{0};
  set_reported(who, now);
}

Nanoseconds Books::virtual_now(std::size_t who, Instant now) const {
  const Lessee& lessee = state.lessees[who];
  return lessee.virtual_time +
         virtual_time(accounts[who].held.all * (now - lessee.reported_at), lessee.priority);
}

// Its next node's slots less those that lie idle for it: idle slots are nodes of the same width
// that were granted, and a rest. Nothing while that node does not fit beside what it runs.
std::uint32_t Books::need_of(std::size_t who) const {
  const Demand& demand = state.lessees[who].demand;
  const std::uint32_t held = accounts[who].held.all;
  if (demand.wanted.count <= held) return 0;
  const std::uint32_t used = std::min(demand.in_use.count, held);
  const std::uint32_t width = std::clamp(demand.next_need.count, 1u, capacity);
  if (demand.wanted.count - used < width) return 0;
  const std::uint32_t need = std::min(width - (held - used) % width, demand.wanted.count - held);
  return held + need > capacity ? 0 : need;
}

void Books::leave_queue(std::size_t who) {
  Account& account = accounts[who];
  if (account.need == 0) return;
  waiters.erase(account.key);
  unmet -= account.unmet;
  if (account.is_short) {
    const auto shorts = short_waiters.find(account.need);
    shorts->second.erase(account.key);
    if (shorts->second.size() == 0) short_waiters.erase(shorts);
  }
  if (rule.policy == Policy::priority) {
    arrivals[account.key.group].erase({account.key.place, account.key.lessee.value});
  }
  account.need = account.unmet = 0;
}

void Books::join_queue(std::size_t who) {
  Account& account = accounts[who];
  const Lessee& lessee = state.lessees[who];
  account.need = lessee.waits_since == 0 ? 0 : need_of(who);
  if (account.need == 0) return;
  account.key = rule.key(lessee, account.held);
  waiters.insert(account.key);
  const std::uint32_t wanted = std::min(lessee.demand.wanted.count, capacity);
  account.unmet = std::max(account.need, wanted - std::min(wanted, account.held.all));
  unmet += account.unmet;
  account.is_short = lessee.demand.next_is_short;
  if (account.is_short) short_waiters[account.need].insert(account.key);
  if (rule.policy == Policy::priority) {
    arrivals[account.key.group].insert({account.key.place, lessee.id.value});
  }
}

void Books::requeue(std::size_t who) {
  leave_queue(who);
  join_queue(who);
}

void Books::refresh(std::size_t who, Instant now) {
  leave_queue(who);
  Lessee& lessee = state.lessees[who];
  const bool wants_more = lessee.demand.wanted.count > accounts[who].held.all;
  const bool is_new = !lessee.present;
  lessee.present = lessee.demand.wanted.count > 0 || accounts[who].held.all > 0;
  if (is_new && lessee.present) present.insert(lessee.id);
  if (!lessee.present) present.erase(lessee.id);
  if (wants_more && lessee.waits_since == 0) {
    lessee.waits_since = ++state.sequence;
    lessee.waits_from = now;
    limit_credit(who, now, is_new);
  }
  if (!wants_more) lessee.waits_since = 0;
  join_queue(who);
}

// Whoever did not want its share has no claim to it later. So who begins to wait starts at no less
// than the least virtual time of those who wait already; if nobody does, everybody else has what he
// wants, and it starts behind who had most. Each slot that it holds counts for a quantum.
//
// Who is new starts a quantum later than that: the past of those who left is forgotten, and else
// one after the other could come, be served and leave before who waits. Who is alone starts at no
// less than those who are absent, who would else come back with old debts.
void Books::limit_credit(std::size_t who, Instant now, bool was_absent) {
  Lessee& lessee = state.lessees[who];
  std::optional<Nanoseconds> floor;
  for (const WaitQueue::Group& group : waiters.groups()) {
    const Nanoseconds theirs = virtual_now(at(group.keys.begin()->lessee), now);
    floor = floor ? std::min(*floor, theirs) : theirs;
  }
  const bool is_new = was_absent && lessee.slot_time + lessee.virtual_time == Nanoseconds{0};
  if (floor && is_new) *floor += virtual_time(rule.quantum, lessee.priority);
  if (!floor) {
    for (const auto& [reported, holder] : holders) {
      if (holder == lessee.id) continue;
      const Nanoseconds theirs = virtual_now(at(holder), now);
      floor = floor ? std::max(*floor, theirs) : theirs;
    }
  }
  if (!floor && was_absent) {
    for (const Lessee& other : state.lessees) {
      floor = std::max(floor.value_or(other.virtual_time), other.virtual_time);
    }
  }
  if (!floor) return;
  *floor -= virtual_time(accounts[who].held.all * rule.quantum, lessee.priority);
  const Nanoseconds own = virtual_now(who, now);
  if (own < *floor) lessee.virtual_time += *floor - own;
}

void Books::remove(std::size_t who, Instant now) {
  const LesseeId id = state.lessees[who].id;
  leave_queue(who);
  if (owner == id) set_aside_for(std::nullopt);
  take_back_from(who, accounts[who].held.all);
  present.erase(id);
  const auto index = static_cast<std::ptrdiff_t>(who);
  state.lessees.erase(state.lessees.begin() + index);
  accounts.erase(accounts.begin() + index);
  refresh_capacity(now);
}

// It arrives with its new priority: it may preempt at once, and stands behind its equals.
void Books::change_priority(std::size_t who, Instant now, Priority priority) {
  const std::vector<std::uint32_t> slots(accounts[who].slots.begin(), accounts[who].slots.end());
  leave_queue(who);
  for (const std::uint32_t slot : slots) unindex(slot);
  state.lessees[who].priority = priority;
  for (const std::uint32_t slot : slots) index(slot);
  to_the_back(who, now);
  join_queue(who);
}

void Books::to_the_back(std::size_t who, Instant now) {
  Lessee& lessee = state.lessees[who];
  if (lessee.waits_since == 0) return;
  lessee.waits_since = ++state.sequence;
  lessee.waits_from = now;
}

bool Books::others_wait(LesseeId who) const {
  if (waiters.size() != 1) return waiters.size() > 1;
  return waiters.groups().front().keys.begin()->lessee != who;
}

Books::Contention Books::contention_now() const {
  Contention now;
  now.waiters = std::min<std::size_t>(waiters.size(), 2);
  if (now.waiters == 1) now.only = waiters.groups().front().keys.begin()->lessee;
  return now;
}

void Books::rebuild(Instant now) {
  for (std::size_t who = 0; who < accounts.size(); ++who) leave_queue(who);
  for (std::uint32_t slot = 0; slot < state.slots.size(); ++slot) unindex(slot);
  rule.policy = state.settings.policy;
  rule.quantum = state.settings.quantum;
  for (std::uint32_t slot = 0; slot < state.slots.size(); ++slot) index(slot);
  for (std::size_t who = 0; who < accounts.size(); ++who) join_queue(who);
  refresh_capacity(now);
}

}  // namespace dsched::engine
