// SPDX-License-Identifier: Apache-2.0
#pragma once
// Shares the slots of a machine between executions: who holds which, who gets the next, who must
// give one back.
//
// Pure: reports of executions and the time go in; what each may use comes out. It knows nothing of
// processes, files or the database that keeps it between two decisions (machine/leases.h). Same
// state, calls and times, same decisions.
//
// An execution with a runner is a *lessee*. It reports what it could use (Demand); decide() then
// grants free slots and asks for slots back. A slot is in one of these states:
//
//   free      nobody holds it                        -> held: granted; reserved: set aside
//   held      leased to a lessee                     -> due: recalled; free: given back, or the
//                                                    lessee left, died or became overdue
//   due       held, and asked back                   -> free: the lessee gave it back;
//                                                    held: nobody wants it any more
//   reserved  free, set aside for a lessee whose     -> held by it when there are enough; lent
//             next node needs more than are free     meanwhile to a short node (lent: it goes back
//                                                    when that node has ended)
//
// Laws
//   - A grant is for a whole node: a lessee gets all slots of its next node or none of them. Who
//     must end own nodes first, because the next one does not fit beside them, is not waited for.
//   - Work conservation: after decide() no slot is free while somebody could use it, but those set
//     aside for the best: they are lent to short nodes until enough are set aside or lent.
//   - Free slots go one node at a time to the best by the policy; who got one goes behind the
//     others. Ties go to who waited longest. Under Fair each slot held counts as a quantum used.
//   - While demand is no more than the slots nothing is recalled and no quantum ends.
//   - A lease older than the quantum competes again: the holder against those who wait, under
//     RoundRobin behind them, under Priority behind its equals (effective levels), under Fair by
//     virtual time. The winner is another: it is recalled (due). It is the holder: a new quantum.
//     Lessees never just exchange slots, and a lent slot goes back whoever waits.
//   - Under Priority, who began to wait after a lease was granted and whose *own* priority is
//     higher than its holder's recalls it at once; the lowest and youngest lease first. Nobody is
//     preempted at once otherwise. A changed priority is like an arrival.
//   - Whoever has waited 20 quanta under Priority counts one level more, up to 10, until it is
//     granted a slot. Fair: a newcomer or returner starts at no less than the least virtual time of
//     those present. So nobody starves; doc/DESIGN.md has the bounds.
//   - A lease whose holder has not reported for max(1 s, 3 quanta) while others wait is overdue: it
//     is free again, the late holder finds that it holds less than it uses, and it gets nothing
//     until it has reported. Time used is charged once, though part of it was charged ahead.
//   - Idle slots go back when others wait; those granted since the last report may not be known to
//     the lessee yet, and stay once.
//   - total_scheduled counts grants of slots, to the same holder too; context_switches the grants
//     after which a slot is with another lessee than the last time; preemptions the slots recalled.

#include <memory>
#include <optional>
#include <vector>

#include "engine/policy.h"

namespace dsched::engine {

struct Books;

using LesseeId = Id<struct LesseeTag>;

struct MachineSettings {
  Policy policy = Policy::fair;
  Nanoseconds quantum = k_quantum_default;
  Preemption preemption = Preemption::suspend;
  Slots slots{1};
  // Empty: `slots` is a guess of what the machine can do, and a lessee that is alone may have more
  // if it asks for more. Set: nobody gets more.
  bool slots_are_chosen = false;
  bool operator==(const MachineSettings&) const = default;
};

struct Demand {
  Slots wanted;                // slots it could use now, those in use included
  Slots in_use;                // slots its nodes occupy; may be more than it holds for a while
  Slots next_need{1};          // of those wanted beyond what it holds: what its next node occupies
  bool next_is_short = false;  // that node is expected to end within a quantum
  // Used since its last report, summed over slots. In the state: charged ahead of the next report.
  Nanoseconds slot_time{0};
  bool operator==(const Demand&) const = default;
};

// What a lessee may use, and whether it must hurry.
struct Holding {
  Slots held;
  Slots due;               // of those: to be given back
  bool at_once = false;    // due because somebody more important came, not because a quantum ended
  bool lent = false;       // one of them goes back when its node has ended
  bool contended = false;  // somebody else waits: idle slots are to be given back now
  std::uint64_t generation = 0;  // changes when slots were taken away because it was overdue
  bool operator==(const Holding&) const = default;
};

struct Counters {
  std::uint64_t total_scheduled = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t preemptions = 0;
  bool operator==(const Counters&) const = default;
};

// ---- the state, as it is kept between decisions (machine/leases.h stores it)

struct Lessee {
  LesseeId id;  // ascending in the order they came
  Priority priority;
  Demand demand;
  Nanoseconds virtual_time{0};
  Nanoseconds slot_time{0};       // in all
  std::uint64_t waits_since = 0;  // order in which they began to wait; 0: it does not wait
  Instant waits_from;             // when it began to wait, or was last granted a slot
  Instant reported_at;
  std::uint64_t generation = 0;
  bool present = false;  // wants or holds something; who becomes it returns (see Fair)
  bool operator==(const Lessee&) const = default;
};

struct SlotState {
  std::optional<LesseeId> holder;
  std::optional<LesseeId> last_holder;  // who had it before it was free
  std::optional<LesseeId> reserved_for;
  Instant granted_at;             // start of the present quantum
  std::uint64_t granted_seq = 0;  // order of grants and of waits: one sequence
  bool due = false;
  bool at_once = false;
  bool lent = false;
  bool operator==(const SlotState&) const = default;
};

struct ArbiterState {
  MachineSettings settings;
  Counters counters;
  std::uint64_t sequence = 0;
  std::uint32_t next_lessee = 1;
  std::vector<Lessee> lessees;   // ascending by id
  std::vector<SlotState> slots;  // as many as settings.slots, more while a lone lessee has more
  bool operator==(const ArbiterState&) const = default;
};

class Arbiter {
 public:
  explicit Arbiter(ArbiterState state);
  Arbiter(Arbiter&&) noexcept;
  Arbiter& operator=(Arbiter&&) noexcept;
  ~Arbiter();

  // A new lessee without demand.
  [[nodiscard]] LesseeId arrive(Instant now, Priority priority);
  // It ended or died: its slots are free.
  void leave(Instant now, LesseeId lessee);
  // Charges the time used, takes back slots that it does not need any more (when somebody waits, or
  // it wants fewer), and notes what it wants.
  void report(Instant now, LesseeId lessee, const Demand& demand);
  void set_priority(Instant now, LesseeId lessee, Priority priority);
  // The settings in force are no change. A new policy requeues everybody in the order they wait and
  // ends every quantum; a new quantum counts from the next lease.
  void set_settings(Instant now, const MachineSettings& settings);

  // Grants and recalls. Adds to `changed`, ascending and once each, the lessees whose Holding is
  // another than before the first call since the last decide().
  void decide(Instant now, std::vector<LesseeId>& changed);
  // The contract's schedule_next: decides; the lessee that was granted last, else that of the
  // latest lease; empty: nobody holds or wants a slot.
  [[nodiscard]] std::optional<LesseeId> schedule_next(Instant now, std::vector<LesseeId>& changed);

  [[nodiscard]] Holding holding(LesseeId lessee) const;
  // The earliest moment at which decide() would have something to do without any report: a quantum
  // ends or a lease becomes overdue while somebody waits. Empty: never.
  [[nodiscard]] std::optional<Instant> next_decision() const;
  [[nodiscard]] const ArbiterState& state() const;
  [[nodiscard]] Priority effective(LesseeId lessee, Instant now) const;

 private:
  std::unique_ptr<Books> books_;  // engine/arbiter_books.h
};

}  // namespace dsched::engine
