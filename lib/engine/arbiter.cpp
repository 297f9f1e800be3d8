// SPDX-License-Identifier: Apache-2.0
#include "engine/arbiter.h"

#include <algorithm>
#include <utility>

#include "engine/arbiter_books.h"
#include "engine/arbiter_decision.h"

namespace dsched::engine {
namespace {

// How many of its slots were granted since its last report. It may not have known of them when it
// wrote the next one, so that they seem idle.
std::uint32_t unseen(const Books& books, std::size_t who) {
  const Instant reported = books.state.lessees[who].reported_at;
  const std::set<std::uint32_t>& slots = books.accounts[who].slots;
  return static_cast<std::uint32_t>(
      std::count_if(slots.begin(), slots.end(), [&](std::uint32_t number) {
        const SlotState& slot = books.state.slots[number];
        return !slot.due && slot.granted_at > reported;
      }));
}

// Slots to take back from who reported this.
std::uint32_t idle_to_take(const Books& books, std::size_t who, std::uint32_t unseen_before) {
  const Demand& demand = books.state.lessees[who].demand;
  const HeldSlots held = books.accounts[who].held;
  const std::uint32_t idle = held.all - std::min(held.all, demand.in_use.count);
  const std::uint32_t wanted = std::max(demand.wanted.count, demand.in_use.count);
  const std::uint32_t unwanted = held.all - std::min(held.all, wanted);
  const std::uint32_t due = std::min(held.all - held.kept, idle);
  std::uint32_t take = std::max(unwanted, due);
  if (books.others_wait(books.state.lessees[who].id)) {
    const std::uint32_t width = std::clamp(demand.next_need.count, 1u, books.capacity);
    const std::uint32_t spared = std::min(unseen_before, idle) / width * width;
    take = std::max(take, idle - spared);
  }
  return take;
}

// Who held slots before, and now learns that others wait, has its full time to report.
void note_contention(Books& books, Instant now) {
  const Books::Contention before = books.contention;
  const Books::Contention after = books.contention_now();
  if (before == after) return;
  std::vector<LesseeId> concerned;
  if (before.waiters == 0 || after.waiters == 0) {
    for (const auto& [reported, holder] : books.holders) concerned.push_back(holder);
  } else {
    for (const Books::Contention& one : {before, after}) {
      if (one.waiters == 1 && books.find(one.only)) concerned.push_back(one.only);
    }
  }
  for (const LesseeId id : concerned) books.touch(books.at(id));
  books.contention = after;
  for (const LesseeId id : concerned) {
    const std::size_t who = books.at(id);
    const Holding& was = books.accounts[who].before;
    if (was.held.count > 0 && !was.contended && books.holding(who).contended) {
      books.charge_ahead(who, now);
    }
  }
}

}  // namespace

Arbiter::Arbiter(ArbiterState state) : books_(std::make_unique<Books>(std::move(state))) {}
Arbiter::Arbiter(Arbiter&&) noexcept = default;
Arbiter& Arbiter::operator=(Arbiter&&) noexcept = default;
Arbiter::~Arbiter() = default;

const ArbiterState& Arbiter::state() const {
  return books_->state;
}

LesseeId Arbiter::arrive(Instant now, Priority priority) {
  Lessee lessee;
  lessee.id = {books_->state.next_lessee++};
  lessee.priority = priority;
  lessee.reported_at = now;
  books_->state.lessees.push_back(lessee);
  books_->accounts.emplace_back();
  return lessee.id;
}

void Arbiter::leave(Instant now, LesseeId lessee) {
  books_->remove(books_->at(lessee), now);
}

void Arbiter::report(Instant now, LesseeId lessee, const Demand& demand) {
  const std::size_t who = books_->at(lessee);
  const std::uint32_t unseen_before = unseen(*books_, who);
  books_->note(who, now, demand);
  books_->take_back_from(who, idle_to_take(*books_, who, unseen_before));
  books_->refresh(who, now);
  books_->refresh_capacity(now);
}

void Arbiter::set_priority(Instant now, LesseeId lessee, Priority priority) {
  const std::size_t who = books_->at(lessee);
  if (books_->state.lessees[who].priority == priority) return;
  books_->charge_ahead(who, now);  // what was used counts by the old weight
  books_->change_priority(who, now, priority);
}

void Arbiter::set_settings(Instant now, const MachineSettings& settings) {
  const MachineSettings before = std::exchange(books_->state.settings, settings);
  if (before == settings) return;
  const std::vector<Lease> leases(books_->leases.begin(), books_->leases.end());
  if (before.policy != settings.policy) {
    for (Lessee& lessee : books_->state.lessees) {
      if (lessee.waits_since != 0) lessee.waits_from = now;
    }
    for (const Lease& lease : leases) books_->set_start(lease.slot, now - settings.quantum);
  } else if (before.quantum != settings.quantum) {
    // The leases there are end when they would have ended.
    for (const Lease& lease : leases) {
      books_->set_start(lease.slot, lease.granted_at + before.quantum - settings.quantum);
    }
  }
  books_->rebuild(now);
  while (books_->dues.size() < books_->surplus()) {
    books_->recall(books_->leases.begin()->slot, false);
  }
}

void Arbiter::decide(Instant now, std::vector<LesseeId>& changed) {
  Decision(*books_, now).make();
  note_contention(*books_, now);
  for (const LesseeId id : books_->touched) {
    const std::optional<std::size_t> who = books_->find(id);
    if (!who) continue;
    Account& account = books_->accounts[*who];
    account.is_touched = false;
    if (books_->holding(*who) != account.before) changed.push_back(id);
  }
  books_->touched.clear();
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  books_->decided_at = now;
}

std::optional<LesseeId> Arbiter::schedule_next(Instant now, std::vector<LesseeId>& changed) {
  decide(now, changed);
  // Whatever was granted just now is the latest lease.
  const auto& slots = books_->state.slots;
  const auto latest =
      std::max_element(slots.begin(), slots.end(), [](const auto& a, const auto& b) {
        return std::pair(a.holder.has_value(), a.granted_seq) <
               std::pair(b.holder.has_value(), b.granted_seq);
      });
  return latest->holder;
}

Holding Arbiter::holding(LesseeId lessee) const {
  return books_->holding(books_->at(lessee));
}

std::optional<Instant> Arbiter::next_decision() const {
  const Books& books = *books_;
  const auto is_contended = [&](LesseeId id) { return books.holding(books.at(id)).contended; };
  std::optional<Instant> next;
  // Those whose quantum had ended by the last decision have been looked at.
  const Nanoseconds quantum = books.rule.quantum;
  const Lease looked_at{books.decided_at - quantum, ~std::uint64_t{0}, ~std::uint32_t{0}};
  for (auto lease = books.leases.upper_bound(looked_at); lease != books.leases.end(); ++lease) {
    if (!is_contended(*books.state.slots[lease->slot].holder)) continue;
    next = lease->granted_at + quantum;
    break;
  }
  for (const auto& [reported, holder] : books.holders) {
    if (!is_contended(holder)) continue;
    const Instant overdue = reported + overdue_after(quantum);
    next = next ? std::min(*next, overdue) : overdue;
    break;
  }
  return next;
}

Priority Arbiter::effective(LesseeId lessee, Instant now) const {
  const Lessee& who = books_->state.lessees[books_->at(lessee)];
  if (books_->rule.policy != Policy::priority || who.waits_since == 0) return who.priority;
  return effective_priority(who.priority, now - who.waits_from, books_->rule.quantum);
}

}  // namespace dsched::engine
