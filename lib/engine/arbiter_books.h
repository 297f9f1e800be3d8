// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an Arbiter knows, with the indexes that keep its decisions fast. It decides nothing:
// engine/arbiter_decision.h does.
//
// The state is the truth and everything else follows from it, so books made from a copy of the
// state decide the same. Members are for reading; the functions change them together:
//   - a slot is in `free`, or in `leases` (held) or `dues` (held and asked back)
//   - a lessee is in `waiters` when it wants more than it holds and its next node can be granted.
//     It is not while that node could only run once own nodes have ended: no grant to it and no
//     recall from others would help.
//   - after its slots or its demand changed, refresh() puts a lessee where it now belongs

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/arbiter.h"
#include "engine/wait_queue.h"

namespace dsched::engine {

// What follows for a lessee from the slots and its demand.
struct Account {
  HeldSlots held;
  std::uint32_t lent = 0;   // and not due
  std::uint32_t need = 0;   // slots to be granted for its next node; 0: it is not in `waiters`
  std::uint32_t unmet = 0;  // slots it would take in all; 0: the same
  bool is_short = false;
  WaitKey key;
  bool is_touched = false;
  Holding before;  // when it was touched first since the last decision
  std::set<std::uint32_t> slots;
};

struct Lease {
  Instant granted_at;
  std::uint64_t granted_seq = 0;
  std::uint32_t slot = 0;
  auto operator<=>(const Lease&) const = default;
};
using BySequence = std::set<std::pair<std::uint64_t, std::uint32_t>>;  // granted_seq, slot

struct Books {
  explicit Books(ArbiterState loaded);

  // ---- lessees, by their position in state.lessees
  [[nodiscard]] std::size_t at(LesseeId id) const;
  [[nodiscard]] std::optional<std::size_t> find(LesseeId id) const;
  [[nodiscard]] Holding holding(std::size_t who) const;
  // Remembers its Holding, to see later whether it changed.
  void touch(std::size_t who);
  void charge(std::size_t who, Nanoseconds slot_time);
  // A report: its time is charged, and the demand is the new one.
  void note(std::size_t who, Instant now, const Demand& demand);
  // Charges what it has probably used since its last report, as if it had reported now. What its
  // next report says is charged less that, so that no time is charged twice.
  void charge_ahead(std::size_t who, Instant now);
  [[nodiscard]] Nanoseconds virtual_now(std::size_t who, Instant now) const;
  // It wants more than it holds, or not any more; it is present, or not any more.
  void refresh(std::size_t who, Instant now);
  // Its rank has changed, and nothing else.
  void requeue(std::size_t who);
  // It waits behind the others from now on; to be followed by refresh() or requeue().
  void to_the_back(std::size_t who, Instant now);
  void change_priority(std::size_t who, Instant now, Priority priority);
  void remove(std::size_t who, Instant now);
  // Slots as many as settings, or a lone lessee's demand, allow.
  void refresh_capacity(Instant now);
  // Whether somebody but `who` waits.
  [[nodiscard]] bool others_wait(LesseeId who) const;
  // Makes `waiters`, and what else depends on the policy, anew.
  void rebuild(Instant now);

  // ---- slots
  void grant(std::size_t who, std::uint32_t slot, Instant now);
  // Of the free ones, one it had before, one that nobody had, or any.
  [[nodiscard]] std::uint32_t free_slot_for(LesseeId who) const;
  void recall(std::uint32_t slot, bool at_once);
  // A new quantum for its holder; it is due no more.
  void keep(std::uint32_t slot, Instant now);
  void take_back(std::uint32_t slot);
  // Takes back so many: due ones first, then lent ones, then the youngest.
  void take_back_from(std::size_t who, std::uint32_t count);
  void lend(std::uint32_t slot);
  // Free slots and lent ones are set aside for it; empty: for nobody, and none is lent any more.
  void set_aside_for(std::optional<LesseeId> owner);
  // The lease with the order it had; `at` is its new start.
  void set_start(std::uint32_t slot, Instant at);
  // The same for so many of the youngest leases of a lessee.
  void restart_youngest(std::size_t who, std::uint32_t count, Instant at);
  [[nodiscard]] std::uint32_t surplus() const;  // slots beyond `capacity`, all of them held
  // Slots that will be free without more being asked back, less those that will vanish.
  [[nodiscard]] std::uint32_t coming() const;

  ArbiterState state;
  std::vector<Account> accounts;  // beside state.lessees
  RankRule rule;
  WaitQueue waiters;
  std::map<std::uint32_t, WaitQueue> short_waiters;     // by need
  std::array<BySequence, k_priority_max + 1> arrivals;  // Priority: by own level: waits_since, id
  std::uint64_t unmet = 0;                              // sum over `waiters`
  std::set<LesseeId> present;
  std::set<std::pair<Instant, LesseeId>> holders;  // by their last report

  std::uint32_t capacity = 0;
  std::set<std::pair<std::uint32_t, std::uint32_t>> free;      // last holder or 0, slot
  std::set<Lease> leases;                                      // not due
  std::array<BySequence, k_priority_max + 1> leases_by_level;  // Priority: by the holder's own
  BySequence dues;
  std::uint32_t dues_at_once = 0;
  std::set<std::uint32_t> lent;  // those that are due included
  std::uint32_t lent_dues = 0;
  std::optional<LesseeId> owner;  // for whom slots are set aside

  // As it was after the last decision: nobody waits, one does (and is contended by nobody), more.
  struct Contention {
    std::size_t waiters = 0;  // 0, 1 or 2 for more
    LesseeId only;
    bool operator==(const Contention&) const = default;
  };
  [[nodiscard]] Contention contention_now() const;
  Contention contention;
  std::vector<LesseeId> touched;
  std::uint64_t changes = 0;  // grants, recalls, leases kept, owners; while deciding
  Instant decided_at = Instant::min();

 private:
  void set_reported(std::size_t who, Instant now);
  void leave_queue(std::size_t who);
  void join_queue(std::size_t who);
  [[nodiscard]] std::uint32_t need_of(std::size_t who) const;
  void limit_credit(std::size_t who, Instant now, bool was_absent);
  void index(std::uint32_t slot);
  void unindex(std::uint32_t slot);
  void drop(std::uint32_t slot);
};

}  // namespace dsched::engine
