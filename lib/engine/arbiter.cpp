// SPDX-License-Identifier: Apache-2.0
#include "engine/arbiter.h"

#include <algorithm>

#include "base/error.h"

namespace dsched::engine {
namespace {

constexpr Nanoseconds k_overdue_min = std::chrono::seconds{1};
constexpr int k_overdue_quanta = 3;

}  // namespace

Arbiter::Arbiter(ArbiterState state) : state_(std::move(state)) {
  state_.slots.resize(std::max<std::size_t>(state_.slots.size(), state_.settings.slots.count));
}

const ArbiterState& Arbiter::state() const {
  return state_;
}

const Lessee* Arbiter::find(LesseeId id) const {
  const auto found =
      std::lower_bound(state_.lessees.begin(), state_.lessees.end(), id,
                       [](const Lessee& lessee, LesseeId wanted) { return lessee.id < wanted; });
  return found != state_.lessees.end() && found->id == id ? &*found : nullptr;
}

Lessee& Arbiter::lessee(LesseeId id) {
  const Lessee* const found = find(id);
  DSCHED_ASSERT(found != nullptr, "only a lessee that arrived and did not leave is asked for");
  return state_.lessees[static_cast<std::size_t>(found - state_.lessees.data())];
}

std::uint32_t Arbiter::held(LesseeId id) const {
  return static_cast<std::uint32_t>(
      std::count_if(state_.slots.begin(), state_.slots.end(),
                    [id](const SlotState& slot) { return slot.holder == id; }));
}

std::uint32_t Arbiter::usable(LesseeId id) const {
  return static_cast<std::uint32_t>(
      std::count_if(state_.slots.begin(), state_.slots.end(),
                    [id](const SlotState& slot) { return slot.holder == id && !slot.due; }));
}

bool Arbiter::waits(const Lessee& lessee) const {
  return lessee.demand.wanted.count > usable(lessee.id);
}

// Slots of its next node. A node wider than the machine needs all of it.
std::uint32_t Arbiter::need(const Lessee& lessee) const {
  const auto all = static_cast<std::uint32_t>(state_.slots.size());
  const std::uint32_t more = lessee.demand.wanted.count - usable(lessee.id);
  return std::clamp(std::min(lessee.demand.next_need.count, more), 1u, std::max(all, 1u));
}

Nanoseconds Arbiter::virtual_now(const Lessee& lessee, Instant now) const {
  const Nanoseconds since = std::max(now - lessee.reported_at, Nanoseconds{0});
  return lessee.virtual_time + virtual_time(held(lessee.id) * since, lessee.priority);
}

Priority Arbiter::effective(LesseeId id, Instant now) const {
  const Lessee* const found = find(id);
  if (found == nullptr) return {};
  if (found->waits_since == 0) return found->priority;
  return effective_priority(found->priority, now - found->waits_from, state_.settings.quantum);
}

bool Arbiter::is_before(const Claim& a, const Claim& b, Instant now) const {
  const auto in_line = [&] {  // who waits longer; who was requeued stands behind
    if (a.is_requeued != b.is_requeued) return b.is_requeued;
    return a.lessee->waits_since < b.lessee->waits_since;
  };
  switch (state_.settings.policy) {
    case Policy::round_robin:
      return in_line();
    case Policy::priority: {
      const auto level = [&](const Claim& claim) {
        return claim.is_requeued ? claim.lessee->priority : effective(claim.lessee->id, now);
      };
      if (level(a) != level(b)) return level(a) > level(b);
      return in_line();
    }
    case Policy::fair:
      break;
  }
  const auto had = [&](const Claim& claim) {
    return virtual_now(*claim.lessee, now) +
           virtual_time(claim.slots * state_.settings.quantum, claim.lessee->priority);
  };
  if (had(a) != had(b)) return had(a) < had(b);
  if (a.lessee->priority != b.lessee->priority) return a.lessee->priority > b.lessee->priority;
  return in_line();
}

void Arbiter::note_wait(Instant now, Lessee& lessee) {
  if (!waits(lessee)) {
    lessee.waits_since = 0;
  } else if (lessee.waits_since == 0) {
    lessee.waits_since = ++state_.sequence;
    lessee.waits_from = now;
  }
}

void Arbiter::remember() {
  if (is_remembered_) return;
  is_remembered_ = true;
  before_.clear();
  for (const Lessee& lessee : state_.lessees) before_.emplace_back(lessee.id, holding(lessee.id));
}

Holding Arbiter::holding(LesseeId id) const {
  Holding holding;
  for (const SlotState& slot : state_.slots) {
    if (slot.holder != id) continue;
    ++holding.held.count;
    if (slot.due) ++holding.due.count;
    holding.at_once = holding.at_once || (slot.due && slot.at_once);
    holding.lent = holding.lent || slot.lent;
  }
  const Lessee* const found = find(id);
  holding.contended =
      std::any_of(state_.lessees.begin(), state_.lessees.end(),
                  [&](const Lessee& other) { return other.id != id && waits(other); });
  holding.generation = found == nullptr ? 0 : found->generation;
  return holding;
}

// ---- what is told

LesseeId Arbiter::arrive(Instant now, Priority priority) {
  remember();
  Lessee lessee;
  lessee.id = {state_.next_lessee++};
  lessee.priority = priority;
  lessee.reported_at = now;
  state_.lessees.push_back(lessee);
  return lessee.id;
}

void Arbiter::free_slot(SlotState& slot) {
  slot.last_holder = slot.holder;
  slot.holder.reset();
  slot.due = slot.at_once = slot.lent = false;
}

void Arbiter::leave(Instant, LesseeId id) {
  remember();
  for (SlotState& slot : state_.slots) {
    if (slot.holder == id) free_slot(slot);
    if (slot.reserved_for == id) slot.reserved_for.reset();
  }
  std::erase_if(state_.lessees, [id](const Lessee& lessee) { return lessee.id == id; });
}

void Arbiter::report(Instant now, LesseeId id, const Demand& demand) {
  remember();
  Lessee& who = lessee(id);
  const bool was_present = who.present;
  who.demand = demand;
  who.reported_at = now;
  who.slot_time += demand.slot_time;
  who.virtual_time += virtual_time(demand.slot_time, who.priority);
  who.demand.slot_time = Nanoseconds{0};
  who.present = demand.wanted.count > 0 || demand.in_use.count > 0;
  if (who.present && !was_present) {
    std::optional<Nanoseconds> least;
    for (const Lessee& other : state_.lessees) {
      if (!other.present || other.id == id) continue;
      const Nanoseconds theirs = virtual_now(other, now);
      if (!least || theirs < *least) least = theirs;
    }
    if (least) who.virtual_time = std::max(who.virtual_time, *least);
  }
  take_idle(who);
  note_wait(now, who);
}

// Due and lent ones first, then what it does not want any more. Slots it wants and has been given
// stay: it may not have heard of them when it reported. But idle ones that do not suffice for its
// next node are of no use to it while others wait.
void Arbiter::take_idle(Lessee& who) {
  std::uint32_t idle = held(who.id) - std::min(held(who.id), who.demand.in_use.count);
  const auto take = [&](const auto& is_taken) {
    for (auto slot = state_.slots.rbegin(); slot != state_.slots.rend() && idle > 0; ++slot) {
      if (slot->holder != who.id || !is_taken(*slot)) continue;
      free_slot(*slot);
      --idle;
    }
  };
  take([](const SlotState& slot) { return slot.due; });
  const std::uint32_t keeps = std::max(who.demand.wanted.count, who.demand.in_use.count);
  take([&](const SlotState&) { return held(who.id) > keeps; });
  const bool too_few = who.demand.next_need.count > idle && waits(who);
  if (!too_few || state_.settings.slots.count <= idle) return;
  for (const Lessee& other : state_.lessees) {
    if (other.id != who.id && waits(other)) return take([](const SlotState&) { return true; });
  }
}

void Arbiter::set_priority(Instant now, LesseeId id, Priority priority) {
  remember();
  Lessee& who = lessee(id);
  if (who.priority == priority) return;
  who.virtual_time = virtual_now(who, now);  // what was used counted by the old weight
  who.reported_at = std::max(who.reported_at, now);
  who.priority = priority;
  if (who.waits_since != 0) who.waits_since = ++state_.sequence;  // it arrives with it
}

void Arbiter::set_settings(Instant now, const MachineSettings& settings) {
  remember();
  if (state_.settings == settings) return;
  const bool is_new_policy = state_.settings.policy != settings.policy;
  state_.settings = settings;
  if (!is_new_policy) return;
  std::vector<Lessee*> waiting;
  for (Lessee& who : state_.lessees) {
    if (who.waits_since != 0) waiting.push_back(&who);
  }
  std::sort(waiting.begin(), waiting.end(),
            [](const Lessee* a, const Lessee* b) { return a->waits_since < b->waits_since; });
  for (Lessee* const who : waiting) {
    who->waits_since = ++state_.sequence;
    who->waits_from = now;
  }
  for (SlotState& slot : state_.slots) slot.granted_at = now - settings.quantum;
}

// ---- decisions

// As many slots as were chosen or guessed; more for who is alone and asks for more than a guess.
void Arbiter::fit_capacity() {
  std::uint32_t capacity = std::max(state_.settings.slots.count, 1u);
  const Lessee* only = nullptr;
  std::size_t present = 0;
  for (const Lessee& who : state_.lessees) {
    if (!who.present) continue;
    only = &who;
    ++present;
  }
  const bool alone = present == 1 && !state_.settings.slots_are_chosen;
  if (alone) capacity = std::max(capacity, std::min(only->demand.wanted.count, k_slots_max));
  if (state_.slots.size() < capacity) state_.slots.resize(capacity);
  while (state_.slots.size() > capacity) {
    // Free slots go first, whichever number they have.
    const auto free = std::find_if(state_.slots.begin(), state_.slots.end(),
                                   [](const SlotState& slot) { return !slot.holder; });
    if (free == state_.slots.end()) break;
    state_.slots.erase(free);
  }
  std::size_t surplus = state_.slots.size() - capacity;
  for (const SlotState& slot : state_.slots) {
    if (slot.due && surplus > 0) --surplus;
  }
  for (auto slot = state_.slots.rbegin(); slot != state_.slots.rend() && surplus > 0; ++slot) {
    if (slot->due) continue;
    slot->due = true;
    slot->at_once = !state_.settings.slots_are_chosen;
    --surplus;
  }
}

void Arbiter::end_overdue(Instant now) {
  const Nanoseconds limit = std::max(k_overdue_min, k_overdue_quanta * state_.settings.quantum);
  for (Lessee& who : state_.lessees) {
    if (now - who.reported_at <= limit || held(who.id) == 0) continue;
    const bool others_wait =
        std::any_of(state_.lessees.begin(), state_.lessees.end(),
                    [&](const Lessee& other) { return other.id != who.id && waits(other); });
    if (!others_wait) continue;
    who.virtual_time = virtual_now(who, now);
    who.slot_time += held(who.id) * (now - who.reported_at);
    for (SlotState& slot : state_.slots) {
      if (slot.holder == who.id) free_slot(slot);
    }
    who.reported_at = now;
    who.demand.wanted = {0};  // until it reports again
    who.waits_since = 0;
    ++who.generation;
  }
}

void Arbiter::grant(Instant now, Lessee& who, std::uint32_t count, bool lent) {
  for (SlotState& slot : state_.slots) {
    if (count == 0) break;
    if (slot.holder || (!lent && slot.reserved_for && slot.reserved_for != who.id)) continue;
    if (slot.last_holder && *slot.last_holder != who.id) ++state_.counters.context_switches;
    slot.holder = who.id;
    slot.last_holder = who.id;
    slot.granted_at = now;
    slot.granted_seq = ++state_.sequence;
    slot.lent = lent;
    if (!lent) slot.reserved_for.reset();
    ++state_.counters.total_scheduled;
    --count;
  }
  who.waits_since = 0;
  note_wait(now, who);  // behind the others when it wants more
  last_granted_ = who.id;
}

// Free slots to those who wait, a node at a time. When the first one's node needs more than is
// free, the free ones are set aside for it and lent to short nodes.
void Arbiter::hand_out(Instant now) {
  std::vector<LesseeId> passed;  // they need more than is free
  while (true) {
    const auto free = static_cast<std::uint32_t>(
        std::count_if(state_.slots.begin(), state_.slots.end(),
                      [](const SlotState& slot) { return !slot.holder; }));
    if (free == 0) return;
    Lessee* best = nullptr;
    for (Lessee& who : state_.lessees) {
      if (!waits(who) || std::find(passed.begin(), passed.end(), who.id) != passed.end()) continue;
      if (best == nullptr || is_before({&who, usable(who.id)}, {best, usable(best->id)}, now)) {
        best = &who;
      }
    }
    if (best == nullptr) return;
    const std::uint32_t count = need(*best);
    const bool is_lent = !passed.empty();
    if (count <= free && (!is_lent || best->demand.next_is_short)) {
      if (!is_lent) {
        for (SlotState& slot : state_.slots) slot.reserved_for.reset();
      }
      grant(now, *best, count, is_lent);
      continue;
    }
    if (passed.empty()) {
      for (SlotState& slot : state_.slots) {
        slot.reserved_for.reset();
        if (!slot.holder) slot.reserved_for = best->id;
      }
    }
    passed.push_back(best->id);
  }
}

// The slot whose lease must end for the waiter's sake; none when nobody's must.
SlotState* Arbiter::slot_to_recall(Instant now, const Lessee& waiter) {
  SlotState* chosen = nullptr;
  for (SlotState& slot : state_.slots) {
    if (!slot.holder || slot.due || slot.holder == waiter.id) continue;
    const Lessee* const holder = find(*slot.holder);
    const bool at_once = state_.settings.policy == Policy::priority &&
                         waiter.priority > holder->priority &&
                         waiter.waits_since > slot.granted_seq;
    const bool ended = now - slot.granted_at >= state_.settings.quantum;
    const Claim his{holder, usable(holder->id) - 1, true};
    const Claim mine{&waiter, usable(waiter.id)};
    if (!at_once && !(ended && is_before(mine, his, now))) continue;
    // The lowest and youngest lease goes first.
    if (chosen != nullptr) {
      const Lessee* const other = find(*chosen->holder);
      const bool is_lower = holder->priority < other->priority;
      const bool is_younger =
          holder->priority == other->priority && slot.granted_seq > chosen->granted_seq;
      const bool less_due = state_.settings.policy != Policy::priority;
      const bool has_more = usable(holder->id) > usable(other->id);
      if (less_due ? !has_more && !is_younger : !is_lower && !is_younger) continue;
    }
    slot.at_once = at_once;
    chosen = &slot;
  }
  return chosen;
}

// Asks for slots back for those who still wait, and begins a new quantum for the leases that won.
void Arbiter::call_back(Instant now) {
  std::vector<Lessee*> waiting;
  for (Lessee& who : state_.lessees) {
    if (waits(who)) waiting.push_back(&who);
  }
  if (waiting.empty()) {
    for (SlotState& slot : state_.slots) {
      if (slot.due && slot.holder && state_.slots.size() <= state_.settings.slots.count) {
        slot.due = slot.at_once = false;  // nobody wants it any more
      }
    }
    return;
  }
  std::sort(waiting.begin(), waiting.end(), [&](const Lessee* a, const Lessee* b) {
    return is_before({a, usable(a->id)}, {b, usable(b->id)}, now);
  });
  std::uint32_t coming = 0;  // free or due already, for those before
  for (const SlotState& slot : state_.slots) coming += !slot.holder || slot.due ? 1 : 0;
  for (Lessee* const who : waiting) {
    std::uint32_t wanted = need(*who);
    const std::uint32_t served = std::min(coming, wanted);
    coming -= served;
    for (wanted -= served; wanted > 0; --wanted) {
      SlotState* const slot = slot_to_recall(now, *who);
      if (slot == nullptr) break;
      Lessee& holder = lessee(*slot->holder);
      const bool still_wanted = holder.demand.wanted.count >= usable(holder.id);
      slot->due = true;
      if (still_wanted) ++state_.counters.preemptions;
      note_wait(now, holder);
    }
  }
  for (SlotState& slot : state_.slots) {
    const bool ended =
        slot.holder && !slot.due && !slot.lent && now - slot.granted_at >= state_.settings.quantum;
    if (ended) slot.granted_at = now;
  }
}

void Arbiter::decide(Instant now, std::vector<LesseeId>& changed) {
  remember();
  last_granted_.reset();
  fit_capacity();
  end_overdue(now);
  hand_out(now);
  call_back(now);
  for (const Lessee& who : state_.lessees) {
    const auto known = std::find_if(before_.begin(), before_.end(),
                                    [&](const auto& entry) { return entry.first == who.id; });
    const Holding was = known == before_.end() ? Holding{} : known->second;
    if (holding(who.id) != was) changed.push_back(who.id);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  is_remembered_ = false;
}

std::optional<LesseeId> Arbiter::schedule_next(Instant now, std::vector<LesseeId>& changed) {
  decide(now, changed);
  if (last_granted_) return last_granted_;
  const SlotState* latest = nullptr;
  for (const SlotState& slot : state_.slots) {
    if (slot.holder && (latest == nullptr || slot.granted_seq > latest->granted_seq)) {
      latest = &slot;
    }
  }
  return latest == nullptr ? std::nullopt : latest->holder;
}

std::optional<Instant> Arbiter::next_decision() const {
  std::optional<Instant> next;
  const auto at = [&next](Instant moment) {
    if (!next || moment < *next) next = moment;
  };
  const Nanoseconds limit = std::max(k_overdue_min, k_overdue_quanta * state_.settings.quantum);
  for (const SlotState& slot : state_.slots) {
    if (!slot.holder || !holding(*slot.holder).contended) continue;
    if (!slot.due) at(slot.granted_at + state_.settings.quantum);
    at(find(*slot.holder)->reported_at + limit);
  }
  return next;
}

}  // namespace dsched::engine
