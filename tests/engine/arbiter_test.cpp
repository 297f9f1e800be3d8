// SPDX-License-Identifier: Apache-2.0
// Who gets slots of a machine and who must give them back.
#include <doctest/doctest.h>

#include <map>

#include "engine/arbiter.h"

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

ArbiterState empty_machine(Policy policy, std::uint32_t slots) {
  ArbiterState state;
  state.settings.policy = policy;
  state.settings.slots = {slots};
  state.settings.slots_are_chosen = true;
  return state;
}

struct Machine {
  explicit Machine(Policy policy, std::uint32_t slots = 1)
      : arbiter(empty_machine(policy, slots)) {}
  LesseeId arrive(std::uint8_t priority = 5) { return arbiter.arrive(now, {priority}); }
  // Wants `wanted` slots and uses all it holds that are not due.
  void report(LesseeId who, std::uint32_t wanted, Nanoseconds used = 0ns) {
    const Holding holding = arbiter.holding(who);
    Demand demand;
    demand.wanted = {wanted};
    demand.in_use = {std::min(wanted, holding.held.count - holding.due.count)};
    demand.slot_time = used;
    arbiter.report(now, who, demand);
    decide();
  }
  void decide() { arbiter.decide(now, changed); }
  [[nodiscard]] std::uint32_t held(LesseeId who) const { return arbiter.holding(who).held.count; }
  [[nodiscard]] std::uint32_t due(LesseeId who) const { return arbiter.holding(who).due.count; }

  Arbiter arbiter;
  Instant now{1h};
  std::vector<LesseeId> changed;
};

TEST_CASE("engine: who is alone gets what it wants, and keeps it beyond a quantum") {
  Machine machine(Policy::fair, 2);
  const LesseeId a = machine.arrive();
  machine.report(a, 2);
  CHECK(machine.held(a) == 2);
  CHECK(machine.changed == std::vector{a});
  machine.now += 10s;
  machine.decide();
  CHECK(machine.due(a) == 0);
  CHECK_FALSE(machine.arbiter.next_decision());
}

TEST_CASE("engine: at the end of a quantum RoundRobin gives the slot to who waits") {
  Machine machine(Policy::round_robin);
  const LesseeId a = machine.arrive();
  const LesseeId b = machine.arrive();
  machine.report(a, 1);
  machine.report(b, 1);
  CHECK(machine.arbiter.next_decision() == machine.now + 100ms);
  machine.now += 99ms;
  machine.decide();
  CHECK(machine.due(a) == 0);
  machine.now += 1ms;
  machine.decide();
  CHECK(machine.due(a) == 1);
  machine.report(a, 1);
  CHECK(machine.held(b) == 1);
  CHECK(machine.held(a) == 0);
  CHECK(machine.arbiter.state().counters.context_switches == 1);
}

TEST_CASE("engine: under Priority a higher arrival preempts at once, a lower one never") {
  Machine machine(Policy::priority);
  const LesseeId low = machine.arrive(2);
  machine.report(low, 1);
  const LesseeId high = machine.arrive(8);
  machine.report(high, 1);
  CHECK(machine.arbiter.holding(low).at_once);
  machine.report(low, 1);
  CHECK(machine.held(high) == 1);
  machine.now += 1s;
  machine.decide();
  CHECK(machine.due(high) == 0);
}

TEST_CASE("engine: the slots of who left are free at once") {
  Machine machine(Policy::fair);
  const LesseeId a = machine.arrive();
  const LesseeId b = machine.arrive();
  machine.report(a, 1);
  machine.report(b, 1);
  machine.arbiter.leave(machine.now, a);
  machine.decide();
  CHECK(machine.held(b) == 1);
}

TEST_CASE("engine: a lease that is not renewed while others wait is overdue") {
  Machine machine(Policy::fair);
  const LesseeId a = machine.arrive();
  const LesseeId b = machine.arrive();
  machine.report(a, 1);
  machine.report(b, 1);
  machine.now += 1001ms;
  machine.report(b, 1);
  CHECK(machine.held(b) == 1);
  CHECK(machine.arbiter.holding(a).generation == 1);
}

TEST_CASE("engine: under Fair slot time follows the weights") {
  Machine machine(Policy::fair);
  const LesseeId light = machine.arrive(2);
  const LesseeId heavy = machine.arrive(9);
  std::map<LesseeId, Nanoseconds> used;
  for (int i = 0; i < 10000; ++i) {
    for (const LesseeId who : {light, heavy}) {
      const Nanoseconds had = machine.held(who) * 10ms;
      used[who] += had;
      machine.report(who, 1, had);
    }
    machine.now += 10ms;
  }
  const double share = static_cast<double>(used[heavy].count()) /
                       static_cast<double>((used[heavy] + used[light]).count());
  CHECK(share == doctest::Approx(0.8).epsilon(0.02));
}

TEST_CASE("engine: a wide node gets all its slots or none") {
  Machine machine(Policy::fair, 2);
  const LesseeId narrow = machine.arrive();
  machine.report(narrow, 2);
  const LesseeId wide = machine.arrive();
  Demand demand;
  demand.wanted = {2};
  demand.next_need = {2};
  machine.arbiter.report(machine.now, wide, demand);
  machine.decide();
  machine.now += 200ms;
  machine.decide();
  CHECK(machine.due(narrow) == 2);
  machine.report(narrow, 2);
  CHECK(machine.held(wide) == 2);
}

}  // namespace
}  // namespace dsched::engine
