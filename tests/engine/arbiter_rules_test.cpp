// SPDX-License-Identifier: Apache-2.0
// The rules of sharing a machine, one by one; engine/arbiter.h states them.
#include "machine_bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using Lessees = std::vector<LesseeId>;

// The holders of the one slot, quantum by quantum.
Lessees turns(MachineBench& bench, int count) {
  Lessees found;
  for (int i = 0; i < count; ++i) {
    found.push_back(bench.holders().at(0));
    bench.pass(100ms);
    bench.give_back();
  }
  return found;
}

TEST_CASE("engine: RoundRobin goes round in the order of coming") {
  MachineBench bench(Policy::round_robin);
  const LesseeId a = bench.enter(1, 0), b = bench.enter(1, 10), c = bench.enter(1, 5);
  CHECK(turns(bench, 7) == Lessees{a, b, c, a, b, c, a});
}

TEST_CASE("engine: Priority serves the highest level, and who came first within one") {
  MachineBench bench(Policy::priority);
  const LesseeId holder = bench.enter(1, 10);
  const LesseeId low = bench.enter(1, 3), first = bench.enter(1, 7), second = bench.enter(1, 7);
  Lessees served;
  for (const LesseeId leaving : {holder, first, second}) {
    bench.leave(leaving);
    served.push_back(bench.holders().at(0));
  }
  CHECK(served == Lessees{first, second, low});
}

TEST_CASE("engine: equals under Priority go round") {
  MachineBench bench(Policy::priority);
  const LesseeId a = bench.enter(1), b = bench.enter(1), low = bench.enter(1, 4);
  CHECK(turns(bench, 5) == Lessees{a, b, a, b, a});
  CHECK(bench.held(low) == 0);
}

TEST_CASE("engine: an arrival of higher priority recalls the lowest and youngest lease at once") {
  MachineBench bench(Policy::priority, 3);
  const LesseeId four = bench.enter(1, 4);
  const LesseeId older = bench.enter(1, 3);
  const LesseeId younger = bench.enter(1, 3);
  const LesseeId high = bench.enter(2, 5);
  CHECK(bench.holding(younger).at_once);
  CHECK(bench.holding(older).at_once);
  CHECK(bench.due(four) == 0);
  bench.leave(high);
  CHECK(bench.due(older) + bench.due(younger) == 0);
  const LesseeId higher = bench.enter(1, 5);
  CHECK(bench.due(older) + bench.due(four) == 0);
  CHECK(bench.due(younger) == 1);
  bench.give_back();
  CHECK(bench.held(higher) == 1);
}

TEST_CASE("engine: an equal or lower arrival waits for the end of the quantum") {
  MachineBench bench(Policy::priority);
  const LesseeId holder = bench.enter(1, 5);
  const LesseeId equal = bench.enter(1, 5);
  (void)bench.enter(1, 4);
  bench.pass(100ms - 1ns);
  CHECK(bench.due(holder) == 0);
  bench.pass(1ns);
  CHECK(bench.due(holder) == 1);
  CHECK_FALSE(bench.holding(holder).at_once);
  bench.give_back();
  CHECK(bench.held(equal) == 1);
}

TEST_CASE("engine: nobody is preempted at once but under Priority") {
  for (const Policy policy : {Policy::round_robin, Policy::fair}) {
    MachineBench bench(policy);
    const LesseeId holder = bench.enter(1, 0);
    (void)bench.enter(1, 10);
    bench.pass(99ms);
    CHECK(bench.due(holder) == 0);
  }
}

TEST_CASE("engine: a level gained by waiting counts at the end of a quantum, and is lost then") {
  MachineBench bench(Policy::priority);
  const LesseeId high = bench.enter(1, 8);
  const LesseeId low = bench.enter(1, 6);
  const auto level = [&] { return int{bench.arbiter.effective(low, bench.now).level}; };
  for (int quanta = 1; quanta < 40; ++quanta) {
    bench.pass(100ms);
    bench.report(high);
    CHECK(bench.due(high) == 0);
    CHECK(level() == 6 + quanta / 20);
  }
  bench.pass(50ms);
  bench.pass(50ms);
  CHECK(level() == 8);
  CHECK(bench.due(high) == 1);
  CHECK_FALSE(bench.holding(high).at_once);
  bench.give_back();
  CHECK(bench.held(low) == 1);
  CHECK(level() == 6);
  bench.pass(100ms);
  CHECK(bench.due(low) == 1);
}

TEST_CASE("engine: a changed priority is like an arrival") {
  MachineBench bench(Policy::priority);
  const LesseeId holder = bench.enter(1, 5);
  const LesseeId waiting = bench.enter(1, 3);
  bench.arbiter.set_priority(bench.now, waiting, {6});
  bench.decide();
  CHECK(bench.holding(holder).at_once);
}

TEST_CASE("engine: Fair serves the least virtual time, then priority, then the longest wait") {
  MachineBench bench(Policy::fair);
  const LesseeId holder = bench.enter(1);
  const LesseeId light = bench.enter(1, 0), normal = bench.enter(1, 5), same = bench.enter(1, 5),
                 heavy = bench.enter(1, 9);
  ArbiterState state = bench.arbiter.state();
  for (Lessee& lessee : state.lessees) lessee.virtual_time = 1s;
  state.lessees[light.value - 1].virtual_time = 1s - 1ns;
  MachineBench even(state);
  Lessees served;
  for (const LesseeId leaving : {holder, light, heavy, normal}) {
    even.leave(leaving);
    served.push_back(even.holders().at(0));
  }
  CHECK(served == Lessees{light, heavy, normal, same});
}

TEST_CASE("engine: absence earns nothing under Fair") {
  MachineBench bench(Policy::fair);
  const LesseeId worker = bench.enter(1);
  const LesseeId returner = bench.arrive();
  for (int i = 0; i < 100; ++i) {
    bench.pass(100ms);
    bench.report(worker);
  }
  CHECK(bench.lessee(worker).virtual_time == 10s);
  bench.report(returner, {1});
  CHECK(bench.lessee(returner).virtual_time >= 10s);
  const LesseeId newcomer = bench.enter(1);
  CHECK(bench.lessee(newcomer).virtual_time > bench.lessee(returner).virtual_time);
}

TEST_CASE("engine: what one alone used is no debt to who comes back") {
  MachineBench bench(Policy::fair);
  const LesseeId first = bench.enter(1);
  bench.pass(1h);
  bench.report(first, {0});
  const LesseeId second = bench.enter(1);
  CHECK(bench.lessee(second).virtual_time == 1h);
  bench.report(first, {1});
  bench.pass(100ms);
  bench.give_back();
  CHECK(bench.held(first) == 1);
}

TEST_CASE("engine: who wanted little before has no claim to more than its share") {
  MachineBench bench(Policy::fair, 8);
  const LesseeId big = bench.enter(7), small = bench.enter(1);
  bench.pass(1h);
  bench.report(big, {8});
  bench.report(small, {8});
  for (int i = 0; i < 20; ++i) {
    bench.pass(100ms);
    bench.give_back();
    bench.report(big);
    bench.report(small);
  }
  CHECK(bench.held(big) == 4);
  CHECK(bench.held(small) == 4);
}

TEST_CASE("engine: two who want everything share it without exchanging slots") {
  for (const Policy policy : {Policy::round_robin, Policy::priority, Policy::fair}) {
    MachineBench bench(policy, 4);
    const LesseeId a = bench.enter(8), b = bench.enter(8);
    CHECK(bench.held(a) == 4);
    std::uint64_t switches = 0;
    for (int i = 0; i < 10; ++i) {
      if (i == 3) switches = bench.counters().context_switches;
      bench.pass(100ms);
      bench.give_back();
      bench.report(a);
      bench.report(b);
    }
    INFO("policy ", name_of(policy));
    CHECK(bench.held(a) == 2);
    CHECK(bench.held(b) == 2);
    CHECK(bench.counters().context_switches == switches);
  }
}

TEST_CASE("engine: while slots suffice no quantum ends and nothing is recalled") {
  for (const Policy policy : {Policy::round_robin, Policy::priority, Policy::fair}) {
    MachineBench bench(policy, 4);
    const LesseeId a = bench.enter(2, 1), b = bench.enter(2, 9);
    for (int i = 0; i < 5; ++i) bench.pass(10s);
    CHECK(bench.held(a) + bench.held(b) == 4);
    CHECK(bench.counters() == Counters{.total_scheduled = 4});
    CHECK_FALSE(bench.arbiter.next_decision());
  }
}

TEST_CASE("engine: a slot passes over only when another one gets it") {
  MachineBench bench(Policy::round_robin);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  (void)turns(bench, 2);
  CHECK(bench.counters() ==
        Counters{.total_scheduled = 3, .context_switches = 2, .preemptions = 2});
  bench.leave(b);
  bench.report(a, {0});
  bench.report(a, {1});
  CHECK(bench.counters().total_scheduled == 4);
  CHECK(bench.counters().context_switches == 2);
}

TEST_CASE("engine: a slot that was asked back is kept when nobody wants it any more") {
  MachineBench bench(Policy::round_robin);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  bench.pass(100ms);
  CHECK(bench.due(a) == 1);
  bench.report(b, {0});
  CHECK(bench.due(a) == 0);
  CHECK(bench.held(a) == 1);
}

TEST_CASE("engine: schedule_next names who got the slot, changes nothing before the quantum ends") {
  MachineBench bench(Policy::round_robin);
  const auto next = [&] { return bench.arbiter.schedule_next(bench.now, bench.changed); };
  CHECK_FALSE(next());
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  const ArbiterState before = bench.arbiter.state();
  bench.now += 99ms;
  CHECK(next() == a);
  CHECK(bench.arbiter.state() == before);
  bench.pass(1ms);
  bench.give_back();
  CHECK(next() == b);
}

TEST_CASE("engine: a new quantum counts from the next lease") {
  MachineBench bench(Policy::round_robin);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  MachineSettings settings = bench.settings();
  settings.quantum = 1s;
  bench.set(settings);
  bench.pass(99ms);
  CHECK(bench.due(a) == 0);
  bench.pass(1ms);
  CHECK(bench.due(a) == 1);
  bench.give_back();
  bench.pass(999ms);
  bench.report(b);
  CHECK(bench.due(b) == 0);
  settings.quantum = 1ms;
  bench.set(settings);
  CHECK(bench.due(b) == 0);
  bench.pass(1ms);
  CHECK(bench.due(b) == 1);
}

TEST_CASE("engine: the settings in force are no change") {
  MachineBench bench(Policy::fair);
  (void)bench.enter(1), (void)bench.enter(1);
  const ArbiterState before = bench.arbiter.state();
  bench.now += 50ms;
  bench.set(bench.settings());
  CHECK(bench.arbiter.state() == before);
}

TEST_CASE("engine: a new policy ends every quantum and keeps counters and virtual times") {
  MachineBench bench(Policy::fair);
  const LesseeId a = bench.enter(1), b = bench.enter(1), c = bench.enter(1);
  (void)turns(bench, 4);
  const Counters counters = bench.counters();
  const Nanoseconds used = bench.lessee(b).virtual_time;
  const LesseeId holder = bench.holders().at(0);
  MachineSettings settings = bench.settings();
  settings.policy = Policy::round_robin;
  bench.set(settings);
  CHECK(bench.due(holder) == 1);
  CHECK(bench.counters().total_scheduled == counters.total_scheduled);
  CHECK(bench.lessee(b).virtual_time == used);
  Lessees waiting;
  for (const LesseeId who : {a, b, c}) {
    if (who != holder) waiting.push_back(who);
  }
  bench.give_back();
  const LesseeId next = bench.holders().at(0);
  CHECK(std::find(waiting.begin(), waiting.end(), next) != waiting.end());
}

TEST_CASE("engine: fewer slots are asked back as at the end of a quantum") {
  MachineBench bench(Policy::fair, 4);
  const LesseeId a = bench.enter(4);
  MachineSettings settings = bench.settings();
  settings.slots = {1};
  bench.set(settings);
  CHECK(bench.due(a) == 3);
  CHECK_FALSE(bench.holding(a).at_once);
  bench.give_back();
  CHECK(bench.held(a) == 1);
  CHECK(bench.arbiter.state().slots.size() == 1);
}

TEST_CASE("engine: one alone may have more than a guess, until somebody comes") {
  ArbiterState state = machine_state(Policy::fair, 2);
  state.settings.slots_are_chosen = false;
  MachineBench bench(state);
  const LesseeId a = bench.enter(6);
  CHECK(bench.held(a) == 6);
  const LesseeId idle = bench.arrive();
  bench.decide();
  CHECK(bench.held(a) == 6);
  bench.report(idle, {1});
  CHECK(bench.due(a) >= 4);
  CHECK(bench.holding(a).at_once);
  bench.give_back();
  bench.pass(100ms);
  bench.give_back();
  CHECK(bench.held(a) == 1);
  CHECK(bench.held(idle) == 1);
  bench.leave(idle);
  CHECK(bench.held(a) == 6);
}

}  // namespace
}  // namespace dsched::engine
