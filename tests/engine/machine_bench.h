// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine for tests: an Arbiter, a clock that stands still, and lessees that behave as runners
// do. They report what they want, run nodes in the slots they hold, and give back what is due.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "engine/arbiter.h"

namespace dsched::engine::test {

using namespace std::chrono_literals;

inline ArbiterState machine_state(Policy policy, std::uint32_t slots) {
  ArbiterState state;
  state.settings.policy = policy;
  state.settings.slots = {slots};
  state.settings.slots_are_chosen = true;
  return state;
}

struct Wish {
  std::uint32_t wanted = 0;
  std::uint32_t width = 1;
  bool is_short = false;
};

class MachineBench {
 public:
  explicit MachineBench(Policy policy, std::uint32_t slots = 1)
      : arbiter(machine_state(policy, slots)) {}
  explicit MachineBench(ArbiterState state) : arbiter(std::move(state)) {}

  LesseeId arrive(std::uint8_t priority = 5) { return arbiter.arrive(now, {priority}); }
  // A new lessee that wants so much; decided.
  LesseeId enter(std::uint32_t wanted, std::uint8_t priority = 5) {
    const LesseeId who = arrive(priority);
    report(who, {wanted});
    return who;
  }
  // Reports a wish; it runs what fits into the slots that are not due. Decided.
  void report(LesseeId who, const Wish& wish) {
    const Holding holding = arbiter.holding(who);
    const std::uint32_t may = std::min(holding.held.count - holding.due.count, wish.wanted);
    report(who, wish, may / wish.width * wish.width);
  }
  void report(LesseeId who, const Wish& wish, std::uint32_t in_use) {
    Demand demand;
    demand.wanted = {wish.wanted};
    demand.in_use = {in_use};
    demand.next_need = {wish.width};
    demand.next_is_short = wish.is_short;
    demand.slot_time = used(who);
    used_[who] = {in_use, now};
    wishes_[who] = wish;
    arbiter.report(now, who, demand);
    decide();
  }
  // The same wish again.
  void report(LesseeId who) { report(who, wishes_[who]); }
  void leave(LesseeId who) {
    arbiter.leave(now, who);
    decide();
  }
  void decide() {
    changed.clear();
    arbiter.decide(now, changed);
  }
  void pass(Nanoseconds by) {
    now += by;
    decide();
  }
  // Everybody gives back what is due, until nothing is.
  void give_back() {
    for (int i = 0; i < 100; ++i) {
      const std::vector<Lessee> all = lessees();
      const auto owing = std::find_if(all.begin(), all.end(),
                                      [this](const Lessee& one) { return due(one.id) > 0; });
      if (owing == all.end()) return;
      report(owing->id);
    }
    FAIL("slots were asked back again and again");
  }

  [[nodiscard]] std::uint32_t held(LesseeId who) const { return holding(who).held.count; }
  [[nodiscard]] std::uint32_t due(LesseeId who) const { return holding(who).due.count; }
  [[nodiscard]] Holding holding(LesseeId who) const { return arbiter.holding(who); }
  [[nodiscard]] std::vector<Lessee> lessees() const { return arbiter.state().lessees; }
  [[nodiscard]] const Counters& counters() const { return arbiter.state().counters; }
  [[nodiscard]] Lessee lessee(LesseeId who) const {
    for (const Lessee& one : arbiter.state().lessees) {
      if (one.id == who) return one;
    }
    FAIL("no such lessee");
    return {};
  }
  // Who holds a slot, in the order of the slots.
  [[nodiscard]] std::vector<LesseeId> holders() const {
    std::vector<LesseeId> found;
    for (const SlotState& slot : arbiter.state().slots) {
      if (slot.holder) found.push_back(*slot.holder);
    }
    return found;
  }
  void set(const MachineSettings& settings) {
    arbiter.set_settings(now, settings);
    decide();
  }
  [[nodiscard]] MachineSettings settings() const { return arbiter.state().settings; }

  Arbiter arbiter;
  Instant now{1h};
  std::vector<LesseeId> changed;  // by the last decision

 private:
  struct Use {
    std::uint32_t slots = 0;
    Instant since;
  };
  Nanoseconds used(LesseeId who) {
    const Use& use = used_[who];
    return use.slots * (now - use.since);
  }
  std::map<LesseeId, Use> used_;
  std::map<LesseeId, Wish> wishes_;
};

}  // namespace dsched::engine::test
