// SPDX-License-Identifier: Apache-2.0
// Whole sessions in a world that does what it should: what runs, what is reused, what is told.
#include <doctest/doctest.h>

#include <algorithm>

#include "session_world.h"

namespace dsched::sim {
namespace {

using namespace std::chrono_literals;
using session::NodeChange;
using store::Backend;

std::size_t told(const Outcome& outcome, NodeChange change) {
  return static_cast<std::size_t>(
      std::count_if(outcome.told.begin(), outcome.told.end(),
                    [&](const Told::Line& line) { return line.change == change; }));
}

Program chain() {
  Program program;
  program.add({.id = "a"})
      .add({.id = "b", .arguments = {"a"}})
      .add({.id = "c", .arguments = {"b"}});
  return program;
}

TEST_CASE("session: a second run of the same program reuses everything, on every backend") {
  for (const Backend backend : {Backend::hybrid, Backend::sqlite, Backend::filesystem}) {
    World world(backend, 1);
    world.program = chain();
    const Outcome first = world.run();
    REQUIRE(first.is_success());
    CHECK(told(first, NodeChange::completed) == 3);
    world.check_results(first);
    const Outcome second = world.run();
    REQUIRE(second.is_success());
    CHECK(second.answer->counts.reused == 3);
    CHECK(world.begun("a") + world.begun("b") + world.begun("c") == 3);
    world.check_results(second);
    world.check_quiet();
  }
}

std::size_t notes_about(const Outcome& outcome, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(outcome.notes.begin(), outcome.notes.end(),
                    [&](const std::string& note) { return note.find(text) != std::string::npos; }));
}

TEST_CASE("session: only what depends on a changed command runs again") {
  World world(Backend::hybrid, 2);
  world.program = chain();
  world.program.add({.id = "other"});
  REQUIRE(world.run().is_success());
  world.program.change("b").size = 100;
  const Outcome second = world.run();
  REQUIRE(second.is_success());
  CHECK(world.begun("a") == 1);
  CHECK(world.begun("b") == 2);
  CHECK(world.begun("c") == 2);
  CHECK(world.begun("other") == 1);
  world.check_results(second);
  world.check_quiet();
}

TEST_CASE("session: an input that changes runs its node again, and the same bytes stop it there") {
  World world(Backend::hybrid, 3);
  world.files = {{"in", "one"}};
  world.program.add({.id = "reads", .size = 0, .inputs = {"in"}});
  world.program.add({.id = "behind", .arguments = {"reads"}});
  REQUIRE(world.run().is_success());
  world.files["in"] = "two";
  REQUIRE(world.run().is_success());
  CHECK(world.begun("reads") == 2);
  CHECK(world.begun("behind") == 1);
  world.check_quiet();
}

TEST_CASE("session: equal keys within one execution run once") {
  World world(Backend::hybrid, 4);
  world.program.add({.id = "one"}).add({.id = "two", .same_as = "one"});
  world.program.add({.id = "late", .needs = {"one"}, .same_as = "one"});
  const Outcome outcome = world.run();
  REQUIRE(outcome.is_success());
  CHECK(world.begun("one") + world.begun("two") + world.begun("late") == 1);
  CHECK(outcome.answer->counts.reused == 2);
  world.check_quiet();
}

TEST_CASE("session: a twin of a node that fails is tried itself") {
  World world(Backend::hybrid, 5);
  world.program.add({.id = "one", .fails = 1}).add({.id = "two", .same_as = "one"});
  const Outcome outcome = world.run();
  CHECK(outcome.answer->counts.failed == 1);
  CHECK(outcome.answer->counts.completed == 1);
  CHECK(world.begun("two") == 1);
  world.check_quiet();
}

TEST_CASE("session: that a node started is told when it starts, not when it ends") {
  World world(Backend::hybrid, 6);
  world.program.add({.id = "slow", .duration = 10min});
  const Outcome outcome = world.run();
  REQUIRE(outcome.is_success());
  REQUIRE(outcome.told.size() == 2);
  CHECK(outcome.told[1].at - outcome.told[0].at >= 10min);
  world.check_quiet();
}

TEST_CASE("session: a store with empty results is not damaged") {
  for (const Backend backend : {Backend::hybrid, Backend::sqlite, Backend::filesystem}) {
    World world(backend, 7);
    world.program.add({.id = "silent", .size = 0, .outputs = {"made"}});
    REQUIRE(world.run().is_success());
    world.check_quiet();
  }
}

TEST_CASE("session: a damaged argument is made again for all that need it, with one warning") {
  World world(Backend::hybrid, 8);
  world.program.add({.id = "source", .size = 5000});
  for (const char* id : {"u1", "u2", "u3", "u4", "u5", "u6"}) {
    world.program.add({.id = id, .arguments = {"source"}});
  }
  REQUIRE(world.run().is_success());
  REQUIRE(world.damage_result("source"));
  for (const char* id : {"u1", "u2", "u3", "u4", "u5", "u6"}) world.program.change(id).size = 200;
  const Outcome outcome = world.run();
  INFO(outcome.summary());
  REQUIRE(outcome.is_success());
  CHECK(notes_about(outcome, "the stored result of source is damaged") == 1);
  CHECK(world.begun("source") == 2);
  world.check_results(outcome);
  world.check_quiet();
}

TEST_CASE("session: a node whose argument was lost is not taken for its own twin") {
  World world(Backend::sqlite, 9);
  world.program = chain();
  REQUIRE(world.run().is_success());
  REQUIRE(world.damage_result("a"));
  world.program.change("b").size = 100;
  const Outcome outcome = world.run();
  INFO(outcome.summary());
  CHECK(outcome.is_success());
  CHECK(world.begun("a") == 2);
  world.check_results(outcome);
  world.check_quiet();
}

TEST_CASE("session: a damaged argument of concat is made again") {
  World world(Backend::sqlite, 10);
  world.program.add({.id = "part"});
  world.program.add({.id = "whole", .arguments = {"part"}, .does = Does::concat});
  REQUIRE(world.run().is_success());
  REQUIRE(world.damage_result("part"));
  world.program.add({.id = "more", .arguments = {"part", "part"}, .does = Does::concat});
  const Outcome outcome = world.run();
  INFO(outcome.summary());
  CHECK(outcome.is_success());
  world.check_results(outcome);
}

TEST_CASE("session: a lost result of twins is made again once") {
  World world(Backend::hybrid, 11);
  world.program.add({.id = "one", .size = 5000}).add({.id = "two", .size = 5000, .same_as = "one"});
  world.program.add({.id = "x", .arguments = {"one"}}).add({.id = "y", .arguments = {"two"}});
  REQUIRE(world.run().is_success());
  REQUIRE(world.damage_result("one"));
  world.program.change("x").size = 90;
  world.program.change("y").size = 91;
  const Outcome outcome = world.run();
  INFO(outcome.summary());
  CHECK(outcome.is_success());
  CHECK(world.begun("one") + world.begun("two") == 2);
  world.check_results(outcome);
  world.check_quiet();
}

TEST_CASE("session: a lost node that is not idempotent waits for a decision and runs by a word") {
  World world(Backend::hybrid, 12);
  world.program.add({.id = "pay", .duration = 5s, .idempotent = false});
  world.program.add({.id = "behind", .arguments = {"pay"}});
  Wishes loses;
  loses.lose_runner_at = 1;
  Outcome first = world.run(loses);
  while (first.runner_lost && world.begun("pay") == 0) {
    ++loses.lose_runner_at;
    first = world.run(loses);
  }
  REQUIRE(first.runner_lost);
  REQUIRE(world.begun("pay") == 1);
  const Outcome second = world.resume();
  REQUIRE(second.answer);
  CHECK(second.answer->status == engine::ExecutionStatus::waiting);
  CHECK(second.answer->error->kind == ErrorKind::waiting);
  CHECK(second.node("pay")->reason == engine::Reason::needs_decision);
  CHECK(world.begun("pay") == 1);
  Wishes word;
  word.run.targets = {"pay"};
  CHECK(world.resume(word).is_success());
  CHECK(world.begun("pay") == 2);
  CHECK(world.resume().is_success());
  CHECK(world.begun("pay") == 2);
  world.check_quiet();
}

TEST_CASE("session: an interrupted execution keeps what completed and a resume does the rest") {
  World world(Backend::hybrid, 13);
  world.program.add({.id = "a", .declares_inputs = false});
  world.program.add({.id = "b", .arguments = {"a"}, .declares_inputs = false, .duration = 2s});
  world.program.add({.id = "c", .arguments = {"b"}, .declares_inputs = false});
  Wishes stop;
  stop.requests[4] = session::Request::interrupt;
  const Outcome first = world.run(stop);
  REQUIRE(first.answer);
  CHECK(first.answer->status == engine::ExecutionStatus::interrupted);
  CHECK(first.answer->error->kind == ErrorKind::interrupted);
  const Outcome second = world.resume();
  REQUIRE(second.is_success());
  CHECK(world.begun("a") == 1);
  CHECK(world.begun("b") == 2);
  CHECK(world.begun("c") == 1);
  world.check_results(second);
  world.check_quiet();
}

TEST_CASE("session: what a resume records is timed from the submission, not from the resume") {
  World world(Backend::hybrid, 13);
  world.program.add({.id = "a", .declares_inputs = false});
  world.program.add({.id = "b", .arguments = {"a"}, .declares_inputs = false, .duration = 2s});
  world.program.add({.id = "c", .arguments = {"b"}, .declares_inputs = false});
  Wishes stop;
  stop.requests[4] = session::Request::interrupt;
  REQUIRE_FALSE(world.run(stop).is_success());
  const std::size_t before = world.recorded().size();
  REQUIRE(before > 0);
  REQUIRE(world.resume().is_success());
  const std::vector<journal::Outcome> outcomes = world.recorded();
  REQUIRE(outcomes.size() > before);
  for (std::size_t i = 1; i < outcomes.size(); ++i) CHECK(outcomes[i].at >= outcomes[i - 1].at);
  world.check_quiet();
}

TEST_CASE("session: what was told completed is synced within a second while another node runs") {
  World world(Backend::hybrid, 14);
  world.program.add({.id = "quick"}).add({.id = "slow", .duration = 1h});
  REQUIRE(world.run().is_success());
  CHECK(world.is_synced("quick"));
  world.check_quiet();
}

}  // namespace
}  // namespace dsched::sim
