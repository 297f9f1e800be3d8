// SPDX-License-Identifier: Apache-2.0
// Order, slots, pools, failure limit, twins, lost results: what may run, and when.
#include "engine/execution.h"

#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using namespace std::chrono_literals;

TEST_CASE("engine: a node starts when all it needs is completed, and not before") {
  Bench bench;
  bench.node("a").node("b").node("c", {"a"}, {}, {"b"}).begin(width(4));
  CHECK(bench.granted() == Ids{"a", "b"});
  bench.run("a");
  CHECK(bench.granted().empty());
  bench.run("b");
  CHECK(bench.granted() == Ids{"c"});
  bench.run("c");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a repeated argument that is also an order dependency counts once") {
  Bench bench;
  bench.node("a").node("b", {"a"}, {}, {"a", "a"}).begin(width(2));
  bench.run("a");
  CHECK(bench.granted() == Ids{"a", "b"});
}

TEST_CASE("engine: an empty execution completes at once") {
  Bench bench;
  bench.begin();
  CHECK(bench.ended() == ExecutionStatus::completed);
  bench.check_quiet();
}

TEST_CASE("engine: unwanted nodes are not counted, examined or run") {
  Bench bench;
  bench.plan = {{.wanted = true}, {.wanted = false}};
  bench.node("a").node("b").begin(width(2));
  CHECK(bench.examined() == Ids{"a"});
  bench.run("a");
  CHECK(bench.execution().counts().total == 1);
  CHECK(bench.ended() == ExecutionStatus::completed);
  CHECK(bench.phase("b") == Phase::unwanted);
}

TEST_CASE("engine: an in-process node is evaluated without a slot and without being examined") {
  Bench bench;
  bench.plan = {{}, {.in_process = true}, {}};
  bench.node("busy").node("value").node("user", {"value"}).begin(width(1));
  CHECK(bench.phase("value") == Phase::completed);
  CHECK(bench.examined() == Ids{"busy", "user"});
}

TEST_CASE("engine: a reused node needs no slot and its dependents go on") {
  Bench bench;
  bench.node("busy").node("known").node("user", {"known"});
  bench.prepare(width(2));
  bench.answers["known"] = FoundReusable{bench.find("known")};
  bench.begin();
  CHECK(bench.granted() == Ids{"busy", "user"});
  CHECK(bench.execution().counts().reused == 1);
  CHECK(bench.execution().counts().completed == 1);
}

TEST_CASE("engine: higher priority starts first, then longer path, then program order") {
  Bench bench;
  bench.node("plain").node("long").node("urgent", {}, with_priority(10)).node("last");
  bench.prepare(width(1));
  bench.execution().set_remaining({1s, 5s, 1s, 1s});
  bench.begin();
  Ids order;
  for (int i = 0; i < 4; ++i) {
    for (const std::string& id : bench.granted()) order.push_back(id);
    bench.run(order[static_cast<std::size_t>(i)]);
  }
  CHECK(order == Ids{"urgent", "long", "plain", "last"});
}

TEST_CASE("engine: as many run as there are slots, and a few more are handed over") {
  Bench bench;
  Ids ids;
  for (std::uint32_t i = 0; i < 2 + k_ahead_max; ++i) {
    bench.node(ids.emplace_back(std::string{"n"} + static_cast<char>('a' + i)));
  }
  bench.node("z").begin(width(2));
  CHECK(bench.granted() == ids);
  bench.start("na");
  bench.start("nb");
  bench.end("na");
  CHECK(bench.granted() == Ids{"z"});
}

TEST_CASE("engine: nothing is handed over ahead of what a running node may set free") {
  Bench bench;
  bench.node("first").node("later").node("best", {"first"});
  bench.prepare(width(1));
  bench.execution().set_remaining({9s, 1s, 8s});
  bench.begin();
  CHECK(bench.granted() == Ids{"first"});
  bench.run("first");
  CHECK(bench.granted() == Ids{"best", "later"});
}

TEST_CASE("engine: what was handed over ahead is taken back for a better node") {
  Bench bench;
  bench.node("running").node("ahead").node("flaky", {}, with_retries(1));
  bench.prepare(width(1));
  bench.execution().set_remaining({1s, 1s, 9s});
  bench.begin();
  CHECK(bench.granted() == Ids{"flaky", "running", "ahead"});
  bench.start("flaky");
  bench.end("flaky", FailureClass::exit);  // comes back in a second
  bench.start("running");
  CHECK(bench.phase("ahead") == Phase::granted);
  bench.forget();
  bench.pass(2s);
  CHECK(bench.withdrawn() == Ids{"ahead"});
  CHECK(bench.granted() == Ids{"flaky", "ahead"});
  bench.end("running");
  bench.run("flaky");
  CHECK(bench.phase("ahead") == Phase::granted);
  CHECK(bench.number("ahead") == 1);
}

TEST_CASE("engine: a wide node waits for all its slots and narrower ones pass it meanwhile") {
  Bench bench;
  bench.node("a").node("b").node("wide", {}, with_slots(2)).node("c");
  bench.begin(width(2));
  CHECK(bench.granted() == Ids{"a", "b"});
  bench.run("a");
  CHECK(bench.granted() == Ids{"c"});
  bench.run("b");
  CHECK(bench.granted().empty());
  bench.run("c");
  CHECK(bench.granted() == Ids{"wide"});
}

TEST_CASE("engine: what was handed over ahead does not begin before a failure is decided upon") {
  Bench bench;
  bench.node("bad").node("ahead").begin(width(1));
  bench.start("bad");
  CHECK(bench.phase("ahead") == Phase::granted);
  bench.end("bad", FailureClass::exit);
  CHECK(bench.withdrawn() == Ids{"ahead"});
  CHECK(bench.ended() == ExecutionStatus::failed);
}

TEST_CASE("engine: a node wider than the execution runs alone") {
  Bench bench;
  bench.node("huge", {}, with_slots(100)).node("other").begin(width(3));
  CHECK(bench.granted() == Ids{"huge"});
  bench.run("huge");
  CHECK(bench.granted() == Ids{"other"});
}

TEST_CASE("engine: a wide node cannot starve") {
  Bench bench;
  bench.node("wide", {}, with_slots(2)).node("first", {}, with_priority(9));
  bench.node("second", {}, with_priority(9));
  for (int i = 0; i < 300; ++i) bench.node("n" + std::to_string(i));
  bench.begin(width(2));
  std::size_t others = 0;
  Ids running;
  bool wide_started = false;
  while (!wide_started) {
    for (const std::string& id : bench.granted()) {
      wide_started = wide_started || id == "wide";
      running.push_back(id);
    }
    if (wide_started) break;
    REQUIRE_FALSE(running.empty());
    const std::string id = running.front();
    running.erase(running.begin());
    bench.run(id);
    ++others;
  }
  CHECK(others < 100);
}

TEST_CASE("engine: a pool limits its nodes and a failure gives its place back") {
  Bench bench;
  const PoolIndex pool = bench.pool("net", 1);
  bench.node("p1", {}, in_pool(pool)).node("p2", {}, in_pool(pool)).node("free");
  bench.begin(keep_going(3));
  CHECK(bench.granted() == Ids{"p1", "free"});
  bench.start("p1");
  bench.end("p1", FailureClass::exit);
  CHECK(bench.phase("p2") == Phase::granted);
}

TEST_CASE("engine: dependents of a failed node are cancelled because of it, transitively") {
  Bench bench;
  bench.node("bad").node("b", {"bad"}).node("c", {"b"}).node("fine").begin(keep_going(1));
  bench.run("bad", FailureClass::exit);
  bench.run("fine");
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 4);
  CHECK(settled[0].state == NodeState::failed);
  for (const std::size_t i : {1U, 2U}) {
    CHECK(settled[i].state == NodeState::cancelled);
    CHECK(settled[i].reason == Reason::dependency_failed);
    CHECK(settled[i].because == "bad");
  }
  CHECK(bench.ended() == ExecutionStatus::failed);
  CHECK(bench.execution().counts().pending() == 0);
}

TEST_CASE("engine: after the N-th failure nothing new starts and what runs may end") {
  for (const std::uint64_t limit : {1U, 2U}) {
    Bench bench;
    for (const char* id : {"a", "b", "c", "d", "e", "f"}) bench.node(id);
    Options options = width(2);
    options.failure_limit = limit;
    bench.begin(options);
    bench.start("a");
    bench.start("b");
    bench.end("a", FailureClass::exit);
    if (limit == 2) {
      CHECK_FALSE(bench.execution().is_stopping());
      bench.start("c");
      bench.end("c", FailureClass::exit);
    }
    CHECK(bench.execution().is_stopping());
    bench.forget();
    // What was handed over ahead may already be under way; nothing else is handed over.
    bench.end("b");
    for (const char* id : {"c", "d", "e", "f"}) {
      if (bench.phase(id) == Phase::granted) bench.run(id);
    }
    CHECK(bench.granted().empty());
    CHECK(bench.ended() == ExecutionStatus::failed);
    CHECK(bench.execution().counts().failed == limit);
    CHECK(bench.execution().counts().pending() > 0);
  }
}

TEST_CASE("engine: without a failure limit everything not behind a failure runs") {
  Bench bench;
  for (const char* id : {"a", "b", "c"}) bench.node(id);
  bench.node("d", {"a"});
  bench.begin(keep_going(1));
  for (const char* id : {"a", "b", "c"}) bench.run(id, FailureClass::exit);
  CHECK(bench.execution().counts().failed == 3);
  CHECK(bench.phase("d") == Phase::cancelled);
  CHECK(bench.ended() == ExecutionStatus::failed);
}

TEST_CASE("engine: what cannot run fails without a slot and cancels its dependents") {
  Bench bench;
  bench.node("a").node("b", {"a"});
  bench.prepare(keep_going(1));
  bench.answers["a"] = CannotRun{bench.find("a"), FailureClass::not_found};
  bench.begin();
  CHECK(bench.granted().empty());
  CHECK(bench.settled()[0].failure == FailureClass::not_found);
  CHECK(bench.phase("b") == Phase::cancelled);
  CHECK(bench.ended() == ExecutionStatus::failed);
}

TEST_CASE("engine: a granted node that turns out not to run gives its slot and its pool back") {
  Bench bench;
  const PoolIndex pool = bench.pool("net", 1);
  bench.node("a", {}, in_pool(pool)).node("b", {}, in_pool(pool)).begin(keep_going(1));
  CHECK(bench.granted() == Ids{"a"});
  bench.apply(CannotRun{bench.find("a"), FailureClass::not_found});
  CHECK(bench.granted() == Ids{"b"});
}

TEST_CASE("engine: a twin waits for the first and is examined again whichever way it ends") {
  for (const FailureClass failure : {FailureClass::none, FailureClass::exit}) {
    Bench bench;
    bench.node("first").node("twin").node("behind", {"twin"});
    bench.prepare(keep_going(2));
    bench.answers["twin"] = SameKeyUnderWay{bench.find("twin"), bench.find("first")};
    bench.begin();
    CHECK(bench.examined() == Ids{"first", "twin"});
    CHECK(bench.granted() == Ids{"first"});
    bench.answers.clear();
    if (failure == FailureClass::none) {
      bench.answers["twin"] = FoundReusable{bench.find("twin")};
    }
    bench.run("first", failure);
    if (failure == FailureClass::none) {
      CHECK(bench.examined() == Ids{"twin", "behind"});
      CHECK(bench.phase("twin") == Phase::reused);
    } else {
      CHECK(bench.examined() == Ids{"twin"});
      CHECK(bench.granted() == Ids{"twin"});
    }
  }
}

TEST_CASE("engine: a lost result is made again and its consumer waits for it") {
  Bench bench;
  bench.node("a").node("b", {}, {}, {"a"}).begin(width(1));
  bench.run("a");
  bench.forget();
  bench.apply(ResultLost{bench.find("a"), bench.find("b")});
  CHECK(bench.phase("b") == Phase::waiting);
  CHECK(bench.granted() == Ids{"a"});
  CHECK(bench.number("a") == 2);
  bench.run("a");
  CHECK(bench.granted() == Ids{"b"});
  CHECK(bench.number("b") == 1);
  bench.run("b");
  CHECK(bench.ended() == ExecutionStatus::completed);
  CHECK(bench.execution().counts().completed == 2);
}

TEST_CASE("engine: two consumers find the same loss and both wait for one new result") {
  Bench bench;
  bench.node("a").node("b", {}, {}, {"a"}).node("c", {}, {}, {"a"}).begin(width(2));
  bench.run("a");
  bench.forget();
  bench.apply(ResultLost{bench.find("a"), bench.find("b")});
  bench.apply(ResultLost{bench.find("a"), bench.find("c")});
  CHECK(bench.granted() == Ids{"a"});
  bench.run("a");
  CHECK(bench.granted() == Ids{"b", "c"});
}

TEST_CASE("engine: a node that lost two arguments waits for both") {
  Bench bench;
  bench.node("a").node("b").node("c", {}, {}, {"a", "b"}).begin(width(2));
  bench.run("a");
  bench.run("b");
  bench.forget();
  bench.apply(ResultLost{bench.find("a"), bench.find("c")});
  bench.apply(ResultLost{bench.find("b"), std::nullopt});
  bench.run("a");
  CHECK(bench.phase("c") == Phase::waiting);
  bench.run("b");
  CHECK(bench.phase("c") == Phase::granted);
}

TEST_CASE("engine: a result lost after its consumers are done is made again for itself") {
  Bench bench;
  bench.node("a").node("b", {"a"}).begin(width(1));
  bench.run("a");
  bench.run("b");
  CHECK(bench.ended() == ExecutionStatus::completed);
  bench.forget();
  bench.apply(ResultLost{bench.find("a"), std::nullopt});
  CHECK(bench.granted() == Ids{"a"});
  bench.run("a");
  CHECK(bench.granted().empty());
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a consumer that finds its lost argument failed meanwhile is cancelled") {
  Bench bench;
  bench.node("a").node("b", {}, {}, {"a"}).node("x", {}, {}, {"a"}).node("y", {}, {}, {"a"});
  for (std::uint32_t i = 2; i < k_ahead_max; ++i) {
    bench.node(std::string{"z"} + static_cast<char>('a' + i), {}, {}, {"a"});
  }
  bench.node("c", {}, {}, {"a"});
  bench.node("d", {"c"}).begin(keep_going(1));
  bench.run("a");
  CHECK(bench.phase("c") == Phase::queued);
  bench.apply(ResultLost{bench.find("a"), bench.find("b")});
  bench.run("a", FailureClass::exit);
  CHECK(bench.phase("c") == Phase::granted);
  CHECK(bench.phase("b") == Phase::cancelled);
  bench.forget();
  bench.apply(ResultLost{bench.find("a"), bench.find("c")});
  CHECK(bench.phase("c") == Phase::cancelled);
  CHECK(bench.phase("d") == Phase::cancelled);
  CHECK(bench.settled()[0].because == "a");
}

TEST_CASE("engine: nodes that need a word are held and the execution ends as waiting") {
  Bench bench;
  dag::Settings gated;
  gated.approval.emplace();
  bench.node("gated", {}, gated).node("lost").node("free").node("behind", {"gated"});
  bench.prepare(width(1));
  bench.execution().recall_attempts(bench.find("lost"), 1);
  bench.execution().recall_needs_decision(bench.find("lost"));
  bench.begin();
  CHECK(bench.granted() == Ids{"free"});
  const auto held = bench.settled();
  REQUIRE(held.size() == 2);
  CHECK(held[0].reason == Reason::awaiting_approval);
  CHECK(held[1].reason == Reason::needs_decision);
  bench.run("free");
  CHECK(bench.ended() == ExecutionStatus::waiting);
}

TEST_CASE("engine: a held node that turns out to be known is reused without a word") {
  Bench bench;
  dag::Settings gated;
  gated.approval.emplace();
  bench.node("gated", {}, gated);
  bench.prepare(width(1));
  bench.answers["gated"] = FoundReusable{bench.find("gated")};
  bench.begin();
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: what is recalled as done is not examined, and its dependents are") {
  Bench bench;
  bench.node("a").node("b", {"a"});
  bench.prepare(width(1));
  bench.execution().recall(bench.find("a"), Phase::completed, 3);
  bench.begin();
  CHECK(bench.examined() == Ids{"b"});
  bench.run("b");
  CHECK(bench.ended() == ExecutionStatus::completed);
  CHECK(bench.execution().attempts(bench.find("a")) == 3);
}

}  // namespace
}  // namespace dsched::engine
