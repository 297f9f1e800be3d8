// SPDX-License-Identifier: Apache-2.0
// Maps: nodes that join while an execution runs.
#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;

TEST_CASE("engine: a map is expanded when its list is there, and completes behind its elements") {
  Bench bench;
  bench.elements["m"] = 2;
  bench.node("list").map("m", "list").node("user", {"m"}).begin(width(4));
  CHECK(bench.execution().counts().total == 3);
  CHECK(bench.granted() == Ids{"list"});
  bench.run("list");
  CHECK(bench.execution().counts().total == 5);
  CHECK(bench.granted() == Ids{"m.0", "m.1"});
  bench.run("m.1");
  CHECK(bench.phase("m") == Phase::waiting);
  bench.run("m.0");
  CHECK(bench.phase("m") == Phase::completed);
  CHECK(bench.granted() == Ids{"user"});
  bench.run("user");
  CHECK(bench.ended() == ExecutionStatus::completed);
  CHECK(bench.execution().counts().completed == 5);
}

TEST_CASE("engine: a map of an empty list completes at once") {
  Bench bench;
  bench.elements["m"] = 0;
  bench.node("list").map("m", "list").begin(width(1)).run("list");
  CHECK(bench.phase("m") == Phase::completed);
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a map of maps waits for all levels") {
  Bench bench;
  bench.elements = {{"m", 2}, {"m.0", 2}, {"m.1", 0}};
  bench.node("list").map_of_maps("m", "list").begin(width(4)).run("list");
  CHECK(bench.phase("m.1") == Phase::completed);
  bench.run("m.0.0");
  CHECK(bench.phase("m.0") == Phase::waiting);
  bench.run("m.0.1");
  CHECK(bench.phase("m.0") == Phase::completed);
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: when an element fails the others go on, and the map names the first that did") {
  Bench bench;
  bench.elements["m"] = 3;
  bench.node("list").map("m", "list").node("user", {"m"}).begin(keep_going(3)).run("list");
  bench.forget();
  bench.run("m.1", FailureClass::exit);
  const std::vector<Settled> settled = bench.settled();
  REQUIRE(settled.size() == 3);
  CHECK(settled[1].id == "m");
  CHECK(settled[1].reason == Reason::dependency_failed);
  CHECK(settled[1].because == "m.1");
  CHECK(settled[2].id == "user");
  bench.run("m.2", FailureClass::exit);
  bench.run("m.0");
  CHECK(bench.phase("m.0") == Phase::completed);
  CHECK(bench.ended() == ExecutionStatus::failed);
  CHECK(bench.execution().counts().failed == 2);
  CHECK(bench.execution().counts().cancelled == 2);
}

TEST_CASE("engine: without keep-going no element starts after a failure") {
  Bench bench;
  bench.elements["m"] = 5;
  bench.node("list").map("m", "list").begin(width(1)).run("list");
  bench.run("m.0", FailureClass::exit);
  CHECK(bench.ended() == ExecutionStatus::failed);
  CHECK(bench.phase("m.4") == Phase::queued);
}

TEST_CASE("engine: elements are retried by their own rules") {
  Bench bench;
  bench.node("list").map("m", "list", with_retries(1)).begin(width(1)).run("list");
  bench.run("m.0", FailureClass::exit);
  CHECK(bench.phase("m.0") == Phase::backoff);
  bench.pass(std::chrono::minutes{2});
  bench.run("m.0");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: cancelling a map cancels its elements, what runs included") {
  Bench bench;
  bench.elements = {{"m", 2}, {"m.0", 1}, {"m.1", 1}};
  bench.node("list").map_of_maps("m", "list").node("other").begin(keep_going(2));
  bench.run("list");
  bench.start("m.0.0");
  bench.forget();
  bench.apply(CancelNode{bench.find("m")});
  CHECK(bench.controlled() == std::vector<Controlled>{{"m.0.0", TreeControl::terminate}});
  bench.end("m.0.0", FailureClass::signal);
  for (const char* id : {"m", "m.0", "m.1", "m.0.0", "m.1.0"}) {
    CHECK(bench.phase(id) == Phase::cancelled);
  }
  CHECK(bench.phase("other") != Phase::cancelled);
}

TEST_CASE("engine: cancelling an element cancels its map, and no other element") {
  Bench bench;
  bench.elements["m"] = 2;
  bench.node("list").map("m", "list").begin(keep_going(1)).run("list");
  bench.apply(CancelNode{bench.find("m.1")});
  CHECK(bench.phase("m") == Phase::cancelled);
  bench.run("m.0");
  CHECK(bench.phase("m.0") == Phase::completed);
}

TEST_CASE("engine: what an earlier runner completed of an expansion does not run again") {
  Bench bench;
  bench.elements["m"] = 3;
  bench.recalled = {"m.0", "m.2"};
  bench.node("list").map("m", "list").begin(width(4)).run("list");
  CHECK(bench.granted() == Ids{"list", "m.1"});
  bench.run("m.1");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a lost result of an element is made again before its map is evaluated again") {
  Bench bench;
  bench.elements["m"] = 2;
  bench.node("list").map("m", "list").node("user", {"m"}).begin(width(2)).run("list");
  bench.run("m.0");
  bench.run("m.1");
  bench.apply(ResultLost{bench.find("m"), bench.find("user")});
  CHECK(bench.phase("m") == Phase::completed);  // evaluated at once
  bench.apply(ResultLost{bench.find("m.1"), bench.find("m")});
  CHECK(bench.phase("m") == Phase::waiting);
  bench.run("m.1");
  CHECK(bench.phase("m") == Phase::completed);
}

TEST_CASE("engine: an element whose argument was lost waits for it to be made again") {
  Bench bench;
  bench.elements["m"] = 2;
  bench.node("list").map("m", "list").begin(width(2)).run("list");
  // The list stands for any node of the program that elements have as an argument.
  bench.apply(ResultLost{bench.find("list"), bench.find("m.0")});
  bench.apply(ResultLost{bench.find("list"), bench.find("m.1")});
  CHECK(bench.phase("m.0") == Phase::waiting);
  bench.forget();
  bench.run("list");
  CHECK(bench.granted() == Ids{"m.0", "m.1"});
  bench.run("m.0");
  bench.run("m.1");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a map that only inner targets need is not evaluated") {
  Bench bench;
  bench.elements["m"] = 2;
  bench.wanted = Expanded::Wanted::some;
  bench.node("list").map("m", "list").begin(width(2)).run("list");
  bench.run("m.0");
  bench.run("m.1");
  CHECK(bench.phase("m") == Phase::unwanted);
  CHECK(bench.ended() == ExecutionStatus::completed);
  CHECK(bench.execution().counts().total == 3);
}

TEST_CASE("engine: elements that have joined are chosen by their own priority") {
  Bench bench;
  bench.node("list").map("m", "list", with_priority(9)).node("other", {"list"}).begin(width(1));
  bench.forget();
  bench.run("list");
  CHECK(bench.granted().front() == "m.0");
}

}  // namespace
}  // namespace dsched::engine
