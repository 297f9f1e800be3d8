// SPDX-License-Identifier: Apache-2.0
// How requests to persistent workers are admitted, and what slots their instances occupy.
#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using namespace std::chrono_literals;

using Controls = std::vector<Controlled>;

Bench& requests(Bench& bench, std::initializer_list<const char*> ids) {
  for (const char* id : ids) bench.request(id, "w");
  return bench;
}

TEST_CASE("engine: requests fill a batch whatever the slots, and the next one joins at an end") {
  Bench bench;
  bench.worker("w", 3);
  requests(bench, {"a", "b", "c", "d", "e"}).begin(width(1));
  CHECK(bench.granted() == Ids{"a", "b", "c"});
  for (const char* id : {"a", "b", "c"}) bench.start(id);
  CHECK(bench.execution().in_use() == Slots{1});
  bench.end("b");
  CHECK(bench.granted() == Ids{"d"});
  bench.run("d");
  CHECK(bench.granted() == Ids{"e"});
}

TEST_CASE("engine: an instance gives its slot back with its last request") {
  Bench bench;
  bench.worker("w", 2);
  requests(bench, {"a", "b"}).node("shell").begin(width(1));
  CHECK(bench.granted() == Ids{"a", "b"});
  bench.start("a");
  bench.start("b");
  bench.end("a");  // it bore the slot
  CHECK(bench.execution().in_use() == Slots{1});
  CHECK(bench.granted().empty());
  bench.end("b");
  CHECK(bench.granted() == Ids{"shell"});
  CHECK(bench.execution().in_use() == Slots{0});
}

TEST_CASE("engine: requests go to the least loaded instance, and each instance takes a slot") {
  Bench bench;
  bench.worker("w", 2, 3);
  requests(bench, {"a", "b", "c", "d", "e"}).begin(width(2));
  CHECK(bench.granted() == Ids{"a", "b", "c", "d"});
  CHECK(bench.instance("a") == 0);
  CHECK(bench.instance("b") == 1);
  CHECK(bench.instance("c") == 0);
  CHECK(bench.instance("d") == 1);
  for (const char* id : {"a", "b", "c", "d"}) bench.start(id);
  CHECK(bench.execution().in_use() == Slots{2});
  bench.end("d");
  CHECK(bench.granted() == Ids{"e"});
  CHECK(bench.instance("e") == 1);
}

TEST_CASE("engine: requests are admitted by priority, then first come") {
  Bench bench;
  bench.worker("w", 1);
  bench.request("low", "w", with_priority(2)).request("first", "w").request("second", "w");
  bench.request("high", "w", with_priority(8)).begin(width(4));
  Ids order;
  for (int i = 0; i < 4; ++i) {
    const Ids granted = bench.granted();
    REQUIRE(granted.size() == 1);
    order.push_back(granted[0]);
    bench.run(granted[0]);
  }
  CHECK(order == Ids{"high", "first", "second", "low"});
}

TEST_CASE("engine: a batch is not filled on while something of a higher priority wants its slot") {
  Bench bench;
  bench.worker("w", 2);
  requests(bench, {"a", "b", "c"}).node("gate", {}, with_priority(0));
  bench.node("urgent", {"a"}, with_priority(9)).begin(width(1));
  CHECK(bench.granted() == Ids{"a", "b"});
  bench.start("a");
  bench.start("b");
  bench.end("a");  // sets "urgent" free
  CHECK(bench.granted().empty());
  bench.end("b");
  const Ids granted = bench.granted();
  REQUIRE_FALSE(granted.empty());
  CHECK(granted.front() == "urgent");
}

TEST_CASE("engine: pools hold requests back as they do other nodes") {
  Bench bench;
  bench.worker("w", 8);
  const PoolIndex pool = bench.pool("p", 2);
  for (const char* id : {"a", "b", "c"}) bench.request(id, "w", in_pool(pool));
  bench.request("free", "w").begin(width(1));
  CHECK(bench.granted() == Ids{"a", "b", "free"});
  bench.start("a");
  bench.end("a");
  CHECK(bench.granted() == Ids{"c"});
}

TEST_CASE("engine: an instance is suspended and goes on with all that it has in flight") {
  Bench bench;
  bench.worker("w", 4);
  Options options = width(2);
  options.slots.is_leased = true;
  requests(bench, {"a", "b"}).begin(options);
  bench.apply(lease_of(1));
  bench.start("a");
  bench.start("b");
  bench.forget();
  bench.pass(1s);
  bench.apply(lease_of(1, 1));
  CHECK(bench.controlled() == Controls{{"a", TreeControl::suspend}, {"b", TreeControl::suspend}});
  CHECK(bench.execution().in_use() == Slots{0});
  CHECK(bench.execution().demand(Execution::Others::waiting).wanted == Slots{1});
  bench.apply(lease_of(1));
  CHECK(bench.controlled() == Controls{{"a", TreeControl::resume}, {"b", TreeControl::resume}});
  CHECK(bench.execution().in_use() == Slots{1});
  bench.end("a");
  bench.end("b");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: nobody joins an instance whose slot has to go back") {
  Bench bench;
  bench.worker("w", 2);
  Options options = width(2);
  options.slots.is_leased = true;
  requests(bench, {"a", "b", "c"}).begin(options);
  bench.apply(lease_of(1));
  bench.start("a");
  bench.start("b");
  Leased boundary = lease_of(1, 1);
  boundary.preemption = Preemption::boundary;
  bench.apply(boundary);
  bench.forget();
  bench.end("a");
  bench.end("b");
  CHECK(bench.granted().empty());
  bench.apply(lease_of(1));
  CHECK(bench.granted() == Ids{"c"});
}

TEST_CASE("engine: a request whose time is over is asked back, then its instance is ended") {
  Bench bench;
  bench.worker("w", 2);
  bench.request("slow", "w", with_timeout(1s)).request("other", "w").begin(keep_going(1));
  bench.start("slow");
  bench.start("other");
  bench.pass(1s);
  CHECK(bench.controlled() == Controls{{"slow", TreeControl::cancel}});
  bench.pass(10s);
  CHECK(bench.controlled() == Controls{{"slow", TreeControl::kill}});
  bench.forget();
  bench.end("slow", FailureClass::lost);
  bench.apply(AttemptEnded{bench.find("other"), FailureClass::lost, 0, true});
  CHECK(bench.phase("slow") == Phase::failed);
  // It goes again at once, without any retry being allowed.
  CHECK(bench.granted() == Ids{"other"});
  CHECK(bench.number("other") == 2);
}

TEST_CASE(
    "engine: a request that was lost through no fault of its own waits if it may not repeat") {
  Bench bench;
  bench.worker("w", 2);
  dag::Settings once;
  once.idempotent = false;
  bench.request("a", "w", once).begin(width(1));
  bench.start("a");
  bench.apply(AttemptEnded{bench.find("a"), FailureClass::lost, 0, true});
  CHECK(bench.phase("a") == Phase::failed);
}

TEST_CASE("engine: one request is cancelled, the others of its instance go on") {
  Bench bench;
  bench.worker("w", 2);
  requests(bench, {"a", "b", "c"}).begin(keep_going(1));
  bench.start("a");
  bench.start("b");
  bench.forget();
  bench.apply(CancelNode{bench.find("a")});
  CHECK(bench.controlled() == Controls{{"a", TreeControl::cancel}});
  bench.end("a", FailureClass::lost);
  CHECK(bench.phase("a") == Phase::cancelled);
  CHECK(bench.granted() == Ids{"c"});
}

TEST_CASE("engine: stopping tells every request, and admits none") {
  Bench bench;
  bench.worker("w", 2);
  requests(bench, {"a", "b", "c"}).begin(width(1));
  bench.start("a");
  bench.start("b");
  bench.forget();
  bench.apply(Stop{StopRequest::terminate});
  CHECK(bench.controlled() ==
        Controls{{"a", TreeControl::terminate}, {"b", TreeControl::terminate}});
  bench.end("a", FailureClass::lost);
  bench.end("b", FailureClass::lost);
  CHECK(bench.granted().empty());
  CHECK(bench.ended() == ExecutionStatus::interrupted);
}

}  // namespace
}  // namespace dsched::engine
