// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine for tests: an Arbiter, a clock that stands still, and lessees that behave as runners
// do. They report what they want, run nodes in the slots they hold, and give back what is due.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <utility>
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
    send(who, wish, may / wish.width * wish.width);
  }
  // It runs so much, whatever is decided, until it reports again.
  void report(LesseeId who, const Wish& wish, std::uint32_t in_use) {
    send(who, wish, in_use);
    uses_[who].is_fixed = true;
    uses_[who].slots = in_use;
  }

  // The same wish again.
  void report(LesseeId who) { report(who, uses_[who].wish); }
  void leave(LesseeId who) {
    arbiter.leave(now, who);
    decide();
  }
  void decide() {
    changed.clear();
    arbiter.decide(now, changed);
    for (const LesseeId who : changed) use(who);
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
    Wish wish;
    std::uint32_t slots = 0;
    bool is_fixed = false;
    Instant since;
    Nanoseconds used{0};  // and not reported
  };
  void send(LesseeId who, const Wish& wish, std::uint32_t in_use) {
    use(who);
    uses_[who].wish = wish;
    uses_[who].is_fixed = false;
    Demand demand;
    demand.wanted = {wish.wanted};
    demand.in_use = {in_use};
    demand.next_need = {wish.width};
    demand.next_is_short = wish.is_short;
    demand.slot_time = std::exchange(uses_[who].used, 0ns);
    arbiter.report(now, who, demand);
    decide();
    use(who);
  }
  // Counts what it used up to now; from now on it uses what it may.
  void use(LesseeId who) {
    Use& use = uses_[who];
    use.used += use.slots * (now - use.since);
    use.since = now;
    if (use.is_fixed) return;
    const Holding holding = arbiter.holding(who);
    const std::uint32_t may = std::min(holding.held.count - holding.due.count, use.wish.wanted);
    use.slots = may / use.wish.width * use.wish.width;
  }
  std::map<LesseeId, Use> uses_;
};

}  // namespace dsched::engine::test
