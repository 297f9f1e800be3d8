// SPDX-License-Identifier: Apache-2.0
// Whole nodes, slots that are set aside and lent, idle slots, and leases that are overdue.
#include "machine_bench.h"

namespace dsched::engine {
namespace {

using namespace test;

TEST_CASE("engine: slots are set aside for a wide node until there are enough") {
  MachineBench bench(Policy::round_robin, 4);
  const LesseeId a = bench.enter(2), b = bench.enter(2);
  const LesseeId wide = bench.arrive();
  bench.report(wide, {3, 3});
  bench.leave(a);
  CHECK(bench.held(wide) == 0);
  const LesseeId late = bench.enter(1);
  CHECK(bench.held(late) == 0);
  bench.pass(100ms);
  CHECK(bench.due(b) == 2);
  bench.report(b);
  CHECK(bench.held(wide) == 3);
  CHECK(bench.held(late) == 1);
}

TEST_CASE("engine: what is set aside is lent to short nodes, and comes back when one has ended") {
  MachineBench bench(Policy::round_robin, 4);
  const LesseeId a = bench.enter(2), b = bench.enter(2);
  const LesseeId wide = bench.arrive(), brief = bench.arrive();
  bench.report(wide, {4, 4});
  bench.report(brief, {2, 1, true});
  bench.leave(a);
  CHECK(bench.held(brief) == 2);
  CHECK(bench.holding(brief).lent);
  bench.report(brief, {2, 1, true}, 1);
  CHECK(bench.held(brief) == 2);  // free again, and lent to its next one
  bench.report(brief, {1, 1, true}, 0);
  bench.leave(b);
  CHECK(bench.held(wide) == 0);
  bench.report(brief, {0});
  CHECK(bench.held(wide) == 4);
}

TEST_CASE("engine: nothing more is lent once lent and free slots suffice") {
  MachineBench bench(Policy::round_robin, 2);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  const LesseeId wide = bench.arrive(), brief = bench.arrive(), other = bench.arrive();
  bench.report(wide, {2, 2});
  bench.report(brief, {1, 1, true});
  bench.report(other, {1, 1, true});
  bench.leave(a);
  CHECK(bench.held(brief) == 1);
  bench.leave(b);
  CHECK(bench.held(other) == 0);
  bench.report(brief, {0});
  CHECK(bench.held(wide) == 2);
}

TEST_CASE("engine: a lent slot goes back at the latest when its quantum ends") {
  MachineBench bench(Policy::priority, 2);
  const LesseeId a = bench.enter(1, 8), b = bench.enter(1, 8);
  const LesseeId wide = bench.arrive(5), brief = bench.arrive(0);
  bench.report(wide, {2, 2});
  bench.report(brief, {1, 1, true});
  bench.leave(a);
  CHECK(bench.holding(brief).lent);
  bench.pass(100ms);
  CHECK(bench.due(brief) == 1);
  CHECK(bench.due(b) == 0);
  CHECK_FALSE(bench.holding(brief).lent);
}

TEST_CASE("engine: a node wider than the machine gets all of it") {
  MachineBench bench(Policy::fair, 3);
  const LesseeId narrow = bench.enter(3), wide = bench.arrive();
  bench.report(wide, {100, 100}, 0);
  bench.pass(100ms);
  CHECK(bench.due(narrow) == 3);
  bench.give_back();
  CHECK(bench.held(wide) == 3);
}

TEST_CASE("engine: beyond its next node a lessee gets nodes of the same width, and the rest") {
  MachineBench bench(Policy::fair, 8);
  const LesseeId a = bench.arrive();
  bench.report(a, {7, 3}, 0);
  CHECK(bench.held(a) == 7);
  const LesseeId b = bench.arrive();
  bench.report(b, {2, 2}, 0);
  CHECK(bench.held(b) == 0);
}

TEST_CASE("engine: who must first end its own nodes sets nothing aside") {
  MachineBench bench(Policy::round_robin, 4);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  bench.report(a, {5, 4}, 1);
  CHECK(bench.held(a) == 1);
  bench.report(b, {3}, 1);
  CHECK(bench.held(b) == 3);
  CHECK_FALSE(bench.holding(b).contended);
  bench.report(a, {4, 4}, 0);
  CHECK(bench.holding(b).contended);
  bench.pass(100ms);
  bench.give_back();
  CHECK(bench.held(a) == 4);
}

TEST_CASE("engine: idle slots go back when others wait, and stay with one alone") {
  MachineBench bench(Policy::fair, 3);
  const LesseeId a = bench.enter(3);
  bench.report(a, {3}, 1);
  CHECK(bench.held(a) == 3);
  bench.pass(10ms);
  const LesseeId b = bench.enter(1);
  CHECK(bench.holding(a).contended);
  CHECK(bench.held(b) == 0);
  bench.report(a, {3}, 1);
  CHECK(bench.held(b) == 1);
  bench.report(a, {1}, 1);
  CHECK(bench.held(a) == 1);
}

TEST_CASE("engine: a slot granted since the last report is not taken for idle") {
  MachineBench bench(Policy::fair, 1);
  const LesseeId a = bench.enter(1), b = bench.enter(1), c = bench.enter(1);
  bench.pass(10ms);
  bench.leave(a);
  CHECK(bench.held(b) == 1);
  bench.report(b, {1}, 0);  // it was on its way when the slot was granted
  CHECK(bench.held(b) == 1);
  bench.pass(1ms);
  bench.report(b, {1}, 0);
  CHECK(bench.held(b) == 0);
  CHECK(bench.held(c) == 1);
}

TEST_CASE("engine: due slots are taken back first, as soon as they are idle") {
  MachineBench bench(Policy::round_robin, 2);
  const LesseeId a = bench.enter(2), b = bench.enter(1);
  bench.pass(100ms);
  CHECK(bench.due(a) == 1);
  bench.report(a, {2}, 2);
  CHECK(bench.due(a) == 1);
  bench.report(a, {2}, 1);
  CHECK(bench.held(a) == 1);
  CHECK(bench.due(a) == 0);
  CHECK(bench.held(b) == 1);
}

TEST_CASE("engine: a holder has its full time to report from when others begin to wait") {
  MachineBench bench(Policy::fair);
  const LesseeId a = bench.enter(1);
  bench.pass(10s);
  const LesseeId b = bench.enter(1);
  bench.pass(999ms);
  CHECK(bench.holding(a).generation == 0);
  CHECK(bench.arbiter.next_decision() == bench.now + 1ms);
  bench.pass(1ms);
  CHECK(bench.holding(a).generation == 1);
  CHECK(bench.held(a) == 0);
  CHECK(bench.held(b) == 1);
}

TEST_CASE("engine: with a long quantum a lease is overdue after three of them") {
  ArbiterState state = machine_state(Policy::fair, 1);
  state.settings.quantum = 1s;
  MachineBench bench(state);
  const LesseeId a = bench.enter(1);
  (void)bench.enter(1);
  bench.pass(2999ms);
  CHECK(bench.holding(a).generation == 0);
  bench.pass(1ms);
  CHECK(bench.holding(a).generation == 1);
}

TEST_CASE("engine: an overdue lessee gets nothing until it reports again") {
  MachineBench bench(Policy::round_robin);
  const LesseeId a = bench.enter(1), b = bench.enter(1);
  bench.pass(1s);
  CHECK(bench.held(b) == 1);
  bench.leave(b);
  CHECK(bench.held(a) == 0);
  bench.report(a, {1}, 1);
  CHECK(bench.held(a) == 1);
}

TEST_CASE("engine: no time is charged twice") {
  MachineBench bench(Policy::fair);
  const LesseeId a = bench.enter(1);
  bench.report(a, {1}, 1);
  bench.pass(300ms);
  (void)bench.enter(1);
  CHECK(bench.lessee(a).slot_time == 300ms);  // looked at because somebody waits now
  bench.pass(1s);
  CHECK(bench.holding(a).generation == 1);
  CHECK(bench.lessee(a).slot_time == 1300ms);
  bench.pass(200ms);
  bench.report(a, {1}, 0);  // it went on until now
  CHECK(bench.lessee(a).slot_time == 1500ms);
  CHECK(bench.lessee(a).virtual_time == 1500ms);
}

TEST_CASE("engine: time used before a change of priority counts by the old weight") {
  MachineBench bench(Policy::fair);
  const LesseeId a = bench.enter(1, 5);
  bench.report(a, {1}, 1);
  bench.pass(1s);
  bench.arbiter.set_priority(bench.now, a, {9});
  bench.pass(1s);
  bench.report(a, {0}, 0);
  CHECK(bench.lessee(a).slot_time == 2s);
  CHECK(bench.lessee(a).virtual_time == 1500ms);
}

}  // namespace
}  // namespace dsched::engine
