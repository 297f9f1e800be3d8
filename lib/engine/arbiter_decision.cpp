// SPDX-License-Identifier: Apache-2.0
#include "engine/arbiter_decision.h"

#include <algorithm>

#include "engine/arbiter_contest.h"

namespace dsched::engine {
namespace {

constexpr Nanoseconds k_overdue_min = std::chrono::seconds{1};
constexpr int k_overdue_quanta = 3;

}  // namespace

Nanoseconds overdue_after(Nanoseconds quantum) {
  return std::max(k_overdue_min, k_overdue_quanta * quantum);
}

// What is granted, recalled or kept changes the order of those who wait, so it goes on until
// nothing changes. It ends: slots are granted while some are free, asked back only as long as fewer
// are due than are needed, and kept only when more are.
void Decision::make() {
  end_overdue();
  std::uint64_t before = 0;
  do {
    before = books_.changes;
    hand_out();
    recall_surplus();
    keep_needless_dues();
    preempt_for_arrivals();
    Contest(books_, now_).hold();
  } while (books_.changes != before);
}

void Decision::end_overdue() {
  const Nanoseconds limit = overdue_after(books_.rule.quantum);
  std::vector<LesseeId> late;
  for (const auto& [reported, holder] : books_.holders) {
    if (reported + limit > now_) break;
    late.push_back(holder);
  }
  for (const LesseeId holder : late) {
    const std::size_t who = books_.at(holder);
    // Who did not know yet that others wait had no reason to report sooner.
    if (books_.others_wait(holder) && books_.holding(who).contended) end_leases(who);
  }
  if (late.empty()) return;
  books_.refresh_capacity(now_);
}

// It wants nothing until it reports again.
void Decision::end_leases(std::size_t who) {
  books_.touch(who);
  books_.charge_ahead(who, now_);
  Lessee& lessee = books_.state.lessees[who];
  lessee.demand.wanted = Slots{0};
  ++lessee.generation;
  books_.take_back_from(who, books_.accounts[who].held.all);
  books_.refresh(who, now_);
}

// One node of it. Slots that it has idle for the node begin their quantum with the others, for
// they are of no use to it one by one.
void Decision::give(LesseeId lessee, Lending lending) {
  const std::size_t who = books_.at(lessee);
  const std::uint32_t need = books_.accounts[who].need;
  const Demand& demand = books_.state.lessees[who].demand;
  const std::uint32_t held = books_.accounts[who].held.all;
  const std::uint32_t width = std::clamp(demand.next_need.count, 1u, books_.capacity);
  books_.restart_youngest(who, (held - std::min(held, demand.in_use.count)) % width, now_);
  for (std::uint32_t i = need; i > 0; --i) {
    const std::uint32_t slot = books_.free_slot_for(lessee);
    books_.grant(who, slot, now_);
    if (lending == Lending::yes) books_.lend(slot);
  }
  books_.to_the_back(who, now_);
  books_.refresh(who, now_);
}

void Decision::hand_out() {
  std::optional<QueueRank> best;
  while ((best = books_.waiters.best(books_.rule, now_)) && !books_.free.empty()) {
    if (books_.accounts[books_.at(best->lessee)].need > books_.free.size()) break;
    give(best->lessee, Lending::no);
  }
  if (!best || books_.free.size() + books_.lent.size() == 0) {
    books_.set_aside_for(std::nullopt);
    return;
  }
  books_.set_aside_for(best->lessee);
  lend_out(books_.accounts[books_.at(best->lessee)].need);
}

// Once enough is set aside, lent slots included, nothing more is lent: the owner waits for those
// alone.
void Decision::lend_out(std::uint32_t need) {
  while (!books_.free.empty() && books_.free.size() + books_.lent.size() < need) {
    std::optional<QueueRank> best;
    for (const auto& [width, waiters] : books_.short_waiters) {
      if (width > books_.free.size()) break;
      const std::optional<QueueRank> first = waiters.best(books_.rule, now_);
      if (!best || *first < *best) best = first;
    }
    if (!best) return;
    give(best->lessee, Lending::yes);
  }
}

// Somebody came, and the slots that one alone had beyond the machine's must go.
void Decision::recall_surplus() {
  while (books_.dues.size() < books_.surplus()) {
    books_.recall(books_.leases.rbegin()->slot, true);
  }
}

// Lent ones go back in any case.
std::uint64_t Decision::dues_needed() const {
  const std::uint64_t there = books_.free.size() + books_.lent.size();
  return books_.surplus() + books_.unmet - std::min<std::uint64_t>(books_.unmet, there);
}

void Decision::keep_needless_dues() {
  if (books_.dues.empty()) return;
  if (books_.waiters.size() == 1) {
    // Nobody else wants what it was asked for.
    const std::size_t who = books_.at(books_.contention_now().only);
    const std::set<std::uint32_t> slots = books_.accounts[who].slots;
    for (const std::uint32_t slot : slots) {
      if (books_.dues.size() <= books_.surplus()) break;
      if (books_.state.slots[slot].due) books_.keep(slot, now_);
    }
  }
  const std::uint64_t needed = dues_needed();
  std::vector<std::uint32_t> kept;  // the youngest; their order is to stay
  for (auto due = books_.dues.rbegin(); due != books_.dues.rend(); ++due) {
    if (books_.dues.size() - books_.lent_dues - kept.size() <= needed) break;
    if (!books_.state.slots[due->second].lent) kept.push_back(due->second);
  }
  for (auto slot = kept.rbegin(); slot != kept.rend(); ++slot) books_.keep(*slot, now_);
}

// Only own priorities count, and only for who began to wait after the lease was granted. The latest
// to come are looked at first: if one of them cannot preempt any more, nobody before it can.
void Decision::preempt_for_arrivals() {
  if (books_.rule.policy != Policy::priority) return;
  const std::uint64_t needed = dues_needed();
  const std::uint64_t due = books_.dues.size() - books_.lent_dues;
  missing_ = needed - std::min(needed, due);
  on_their_way_ = books_.dues_at_once - std::min(books_.dues_at_once, books_.surplus());
  for (std::uint8_t level = k_priority_max; level > 0; --level) {
    const BySequence& arrivals = books_.arrivals[level];
    for (auto at = arrivals.rbegin(); at != arrivals.rend(); ++at) {
      if (missing_ == 0) return;
      if (!lowest_lease({level}, at->first)) break;
      preempt_for({at->second}, at->first);
    }
  }
}

void Decision::preempt_for(LesseeId lessee, std::uint64_t since) {
  const std::size_t who = books_.at(lessee);
  std::uint32_t rest = books_.accounts[who].unmet;
  if (books_.owner == lessee) {
    const auto there = static_cast<std::uint32_t>(books_.free.size() + books_.lent.size());
    rest -= std::min(rest, there);
  }
  const std::uint32_t comes = std::min(rest, on_their_way_);
  on_their_way_ -= comes;
  for (rest -= comes; rest > 0 && missing_ > 0; --rest, --missing_) {
    const std::optional<std::uint32_t> slot =
        lowest_lease(books_.state.lessees[who].priority, since);
    if (!slot) return;
    books_.recall(*slot, true);
  }
}

std::optional<std::uint32_t> Decision::lowest_lease(Priority below,
                                                    std::uint64_t granted_before) const {
  for (std::uint8_t level = 0; level < below.level; ++level) {
    const BySequence& leases = books_.leases_by_level[level];
    const auto after = leases.lower_bound({granted_before, 0});
    if (after != leases.begin()) return std::prev(after)->second;
  }
  return std::nullopt;
}

}  // namespace dsched::engine
