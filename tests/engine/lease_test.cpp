// SPDX-License-Identifier: Apache-2.0
// What an execution does with the slots that it has leased: starts within them, suspends beyond
// them, goes on when they come back.
#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using namespace std::chrono_literals;

Options leased(std::uint32_t slots) {
  Options options = width(slots);
  options.slots.is_leased = true;
  return options;
}

dag::Settings not_preemptible() {
  dag::Settings settings;
  settings.preemptible = false;
  return settings;
}

using Controls = std::vector<Controlled>;

TEST_CASE("engine: an execution that is leased starts nothing before it has a slot") {
  Bench bench;
  bench.node("a").node("b").begin(leased(2));
  CHECK(bench.granted().empty());
  CHECK(bench.execution().demand(Execution::Others::waiting).wanted == Slots{2});
  bench.apply(lease_of(1));
  CHECK(bench.granted().front() == "a");
  bench.check_quiet();
}

TEST_CASE("engine: no more attempts run than slots are leased") {
  Bench bench;
  bench.node("a").node("b").node("c").begin(leased(3));
  bench.apply(lease_of(2));
  bench.start("a");
  bench.start("b");
  bench.forget();
  CHECK(bench.execution().width_now() == Slots{2});
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{2});
}

TEST_CASE("engine: a slot that is due is given back by suspending what has run for a quantum") {
  Bench bench;
  bench.node("a").node("b").begin(leased(2));
  bench.apply(lease_of(2));
  bench.start("a");
  bench.pass(60ms);
  bench.start("b");
  bench.forget();
  bench.pass(60ms);
  bench.apply(lease_of(2, 1));
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}});
  CHECK(bench.phase("a") == Phase::suspended);
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{1});
  CHECK(bench.execution().demand(Execution::Others::waiting).wanted == Slots{2});
  bench.check_quiet();
}

TEST_CASE("engine: what has not run for a quantum is suspended when it has") {
  Bench bench;
  bench.node("a").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.forget();
  bench.pass(30ms);
  bench.apply(lease_of(1, 1));
  CHECK(bench.controlled().empty());
  CHECK(bench.execution().next_deadline() == bench.now + 70ms);
  bench.pass(70ms);
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}});
}

TEST_CASE("engine: who must hurry suspends at once") {
  Bench bench;
  bench.node("a").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.forget();
  Leased fact = lease_of(1, 1);
  fact.holding.at_once = true;
  bench.apply(fact);
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}});
}

TEST_CASE("engine: what is not preemptible is never suspended for others") {
  Bench bench;
  bench.node("a", {}, not_preemptible()).begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.pass(10s);
  bench.forget();
  Leased fact = lease_of(1, 1);
  fact.holding.at_once = true;
  bench.apply(fact);
  bench.pass(10s);
  CHECK(bench.controlled().empty());
  bench.end("a");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: an attempt that is expected to end within a quantum is let end") {
  Bench bench;
  bench.node("a").begin(leased(1));
  bench.execution().set_expected({180ms});
  bench.apply(lease_of(1));
  bench.start("a");
  bench.forget();
  bench.pass(110ms);
  bench.apply(lease_of(1, 1));
  CHECK(bench.controlled().empty());
  bench.pass(70ms);  // it takes longer than it ever did
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}});
}

TEST_CASE("engine: at node boundaries only, nothing is suspended") {
  Bench bench;
  bench.node("a").node("b").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.forget();
  bench.pass(10s);
  Leased fact = lease_of(1, 1);
  fact.preemption = Preemption::boundary;
  bench.apply(fact);
  CHECK(bench.controlled().empty());
  bench.forget();
  bench.end("a");
  CHECK(bench.granted().empty());  // the slot goes back first
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{0});
}

TEST_CASE("engine: low priorities, and the youngest of one, are suspended first") {
  Bench bench;
  dag::Settings low;
  low.priority = {2};
  bench.node("old").node("young").node("low", {}, low).begin(leased(3));
  bench.apply(lease_of(3));
  bench.start("old");
  bench.start("low");
  bench.pass(10ms);
  bench.start("young");
  bench.pass(1s);
  bench.forget();
  bench.apply(lease_of(3, 1));
  CHECK(bench.controlled() == Controls{{"low", TreeControl::suspend}});
  bench.apply(lease_of(2, 1));
  CHECK(bench.controlled() == Controls{{"young", TreeControl::suspend}});
}

TEST_CASE("engine: what was suspended goes on before anything of its priority starts") {
  Bench bench;
  bench.node("a").node("b").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.pass(1s);
  bench.apply(lease_of(1, 1));
  bench.forget();
  bench.apply(lease_of(0));
  CHECK(bench.controlled().empty());
  bench.pass(5s);
  bench.apply(lease_of(1));
  CHECK(bench.controlled() == Controls{{"a", TreeControl::resume}});
  CHECK(bench.phase("a") == Phase::running);
  CHECK(bench.execution().stood_still(bench.find("a")) == 5s);
}

TEST_CASE("engine: something more important starts before what was suspended goes on") {
  Bench bench;
  dag::Settings urgent;
  urgent.priority = {10};
  bench.node("first").node("urgent", {"first"}, urgent).node("a").begin(leased(2));
  bench.apply(lease_of(2));
  bench.start("first");
  bench.pass(1ms);
  bench.start("a");
  bench.pass(1s);
  bench.apply(lease_of(2, 1));
  CHECK(bench.phase("a") == Phase::suspended);
  bench.apply(lease_of(1));
  bench.forget();
  bench.end("first");
  CHECK(bench.granted() == Ids{"urgent"});
  CHECK(bench.controlled().empty());
  bench.forget();
  bench.run("urgent");
  CHECK(bench.controlled() == Controls{{"a", TreeControl::resume}});
}

TEST_CASE("engine: what fits goes on though something wider stands still for longer") {
  Bench bench;
  bench.node("narrow").node("wide", {}, with_slots(2)).begin(leased(3));
  bench.apply(lease_of(3));
  bench.start("narrow");
  bench.pass(1ms);
  bench.start("wide");
  bench.pass(1s);
  bench.apply(lease_of(3, 1));
  CHECK(bench.phase("wide") == Phase::suspended);
  bench.pass(1s);
  bench.apply(lease_of(1, 1));
  CHECK(bench.phase("narrow") == Phase::suspended);
  bench.apply(lease_of(0));
  CHECK(bench.execution().demand(Execution::Others::waiting).next_need == Slots{2});
  bench.forget();
  bench.apply(lease_of(1));
  CHECK(bench.controlled() == Controls{{"narrow", TreeControl::resume}});
}

TEST_CASE("engine: the timeout of what is suspended stands still") {
  Bench bench;
  bench.node("a", {}, with_timeout(3s)).begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.pass(1s);
  bench.apply(lease_of(1, 1));
  bench.apply(lease_of(0));
  bench.forget();
  bench.pass(60s);
  CHECK(bench.controlled().empty());
  bench.apply(lease_of(1));
  bench.forget();
  bench.pass(1999ms);
  CHECK(bench.controlled().empty());
  bench.pass(1ms);
  CHECK(bench.controlled() == Controls{{"a", TreeControl::terminate}});
}

TEST_CASE("engine: attempts handed ahead are taken back when a slot is due") {
  Bench bench;
  bench.node("a").node("b").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  CHECK(bench.granted() == Ids{"a", "b"});
  bench.apply(lease_of(1, 1));
  CHECK(bench.withdrawn() == Ids{"b"});
  CHECK(bench.phase("b") == Phase::queued);
}

TEST_CASE("engine: an attempt handed ahead that has begun occupies a slot") {
  Bench bench;
  bench.node("a").node("b").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.will_begin("b");
  bench.end("a");
  bench.apply(lease_of(1, 1));
  CHECK(bench.phase("b") == Phase::granted);
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{1});
}

TEST_CASE("engine: a slot that was lent is used for one node") {
  Bench bench;
  bench.node("a").node("b").begin(leased(1));
  Leased fact = lease_of(1);
  fact.holding.lent = true;
  bench.apply(fact);
  CHECK(bench.granted() == Ids{"a"});
  bench.run("a");
  CHECK(bench.granted().empty());
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{0});
  bench.apply(lease_of(1));
  CHECK(bench.granted() == Ids{"b"});
}

TEST_CASE("engine: a node wider than the machine takes all of it") {
  Bench bench;
  dag::Settings wide;
  wide.slots = {6};
  bench.node("wide", {}, wide).begin(leased(6));
  CHECK(bench.execution().demand(Execution::Others::none).next_need == Slots{6});
  Leased fact = lease_of(4);
  fact.machine = {4};
  bench.apply(fact);
  CHECK(bench.granted() == Ids{"wide"});
  CHECK(bench.execution().demand(Execution::Others::none).in_use == Slots{4});
}

TEST_CASE("engine: a node that waits for a nested execution needs no slot") {
  Bench bench;
  bench.node("outer").node("other").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("outer");
  bench.forget();
  bench.apply(NestedBegan{bench.find("outer")});
  bench.start("other");
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{1});
  bench.end("other");
  bench.apply(NestedEnded{bench.find("outer")});
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{1});
  bench.end("outer");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: slot time is what running attempts occupied") {
  Bench bench;
  dag::Settings wide;
  wide.slots = {2};
  bench.node("wide", {}, wide).begin(leased(2));
  bench.apply(lease_of(2));
  bench.start("wide");
  (void)bench.execution().take_slot_time(bench.now);
  bench.pass(3s);
  CHECK(bench.execution().take_slot_time(bench.now) == 6s);
  CHECK(bench.execution().take_slot_time(bench.now) == 0s);
}

TEST_CASE("engine: a paused execution stands still and starts nothing") {
  Bench bench;
  bench.node("a").node("keeps", {}, not_preemptible()).node("b").begin(leased(2));
  bench.apply(lease_of(2));
  bench.start("a");
  bench.start("keeps");
  bench.forget();
  bench.apply(Paused{});
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}});
  bench.forget();
  bench.end("keeps");
  CHECK(bench.granted().empty());
  CHECK(bench.execution().demand(Execution::Others::none).wanted == Slots{0});
  bench.forget();
  bench.apply(Released{});
  CHECK(bench.controlled() == Controls{{"a", TreeControl::resume}});
  CHECK(bench.granted() == Ids{"b"});
}

TEST_CASE("engine: who is told to end goes on to do so") {
  for (const auto& [fact, how] :
       {std::pair<Fact, TreeControl>{Stop{StopRequest::interrupt}, TreeControl::interrupt},
        std::pair<Fact, TreeControl>{Stop{StopRequest::terminate}, TreeControl::terminate},
        std::pair<Fact, TreeControl>{Cancel{}, TreeControl::terminate}}) {
    Bench bench;
    bench.node("a").begin(leased(1));
    bench.apply(lease_of(1));
    bench.start("a");
    bench.apply(Paused{});
    bench.forget();
    bench.apply(fact);
    CHECK(bench.controlled() == Controls{{"a", how}, {"a", TreeControl::resume}});
    bench.end("a", FailureClass::signal);
    CHECK(bench.ended());
  }
}

TEST_CASE("engine: a cancelled execution ends as cancelled, with all that was to come") {
  Bench bench;
  bench.node("a").node("b", {"a"}).node("c").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.forget();
  bench.apply(Cancel{});
  CHECK(bench.controlled() == Controls{{"a", TreeControl::terminate}});
  CHECK(bench.phase("b") == Phase::cancelled);
  CHECK(bench.phase("c") == Phase::cancelled);
  bench.forget();
  bench.pass(5s);
  CHECK(bench.controlled() == Controls{{"a", TreeControl::kill}});
  bench.end("a", FailureClass::signal);
  CHECK(bench.ended() == ExecutionStatus::cancelled);
  CHECK(bench.execution().counts().cancelled == 3);
}

TEST_CASE("engine: cancelling one node cancels what depends on it and nothing else") {
  Bench bench;
  bench.node("a").node("b", {"a"}).node("c").begin(leased(1));
  bench.apply(lease_of(1));
  bench.start("a");
  bench.apply(CancelNode{bench.find("a")});
  CHECK(bench.controlled() == Controls{{"a", TreeControl::terminate}});
  bench.forget();
  bench.end("a", FailureClass::signal);
  CHECK(bench.phase("a") == Phase::cancelled);
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 2);
  CHECK(settled[1].id == "b");
  CHECK(settled[1].reason == Reason::dependency_failed);
  bench.run("c");
  CHECK(bench.ended() == ExecutionStatus::cancelled);
}

TEST_CASE("engine: a node that waits, is queued or in backoff is cancelled at once") {
  Bench bench;
  bench.node("a", {}, with_retries(3)).node("b").node("c", {"b"}).begin(leased(1));
  bench.apply(lease_of(1));
  bench.run("a", FailureClass::exit);
  CHECK(bench.phase("a") == Phase::backoff);
  bench.apply(CancelNode{bench.find("a")});
  CHECK(bench.phase("a") == Phase::cancelled);
  bench.apply(CancelNode{bench.find("c")});
  CHECK(bench.phase("c") == Phase::cancelled);
  bench.forget();
  bench.run("b");
  CHECK(bench.ended() == ExecutionStatus::cancelled);
}

}  // namespace
}  // namespace dsched::engine
