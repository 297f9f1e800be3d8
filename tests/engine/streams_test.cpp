// SPDX-License-Identifier: Apache-2.0
// Streams: when readers may start, what becomes of them with their producer, who stands still.
#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using namespace std::chrono_literals;

using Controls = std::vector<Controlled>;

dag::Settings stream() {
  dag::Settings settings;
  settings.stream = true;
  return settings;
}

dag::Settings ends_with_readers() {
  dag::Settings settings = stream();
  settings.ends_with_readers = true;
  return settings;
}

Options kept_going(std::uint32_t slots) {
  Options options = keep_going(slots);
  options.slots.is_leased = true;
  return options;
}

Leased holding(std::uint32_t held) {
  Leased fact = lease_of(held);
  fact.holding.at_once = true;
  fact.quantum = 1ms;
  return fact;
}

// A producer that runs, and a reader of it that runs.
void begin_pair(Bench& bench, const dag::Settings& producer = stream(),
                const dag::Settings& reader = {}, std::uint32_t width = 2) {
  bench.node("p", {}, producer).reader("c", "p", reader).begin(keep_going(width));
  bench.start("p");
  bench.start("c");
  bench.forget();
}

TEST_CASE("engine: a reader starts when its producer has started, and not before") {
  Bench bench;
  bench.node("p", {}, stream()).reader("c", "p").begin(width(4));
  CHECK(bench.granted() == Ids{"p"});
  bench.start("p");
  CHECK(bench.examined() == Ids{"p", "c"});
  CHECK(bench.granted() == Ids{"c"});
}

TEST_CASE("engine: a reader waits for all else that it needs") {
  Bench bench;
  bench.node("p", {}, stream()).node("q").reader("c", "p", {}, {"q"}).begin(width(4));
  bench.start("p");
  CHECK(bench.phase("c") == Phase::waiting);
  bench.run("q");
  CHECK(bench.phase("c") == Phase::granted);
}

TEST_CASE("engine: one that is no stream, or is also a dependency, is waited for") {
  Bench bench;
  bench.node("p").reader("c", "p").node("s", {}, stream()).reader("d", "s", {}, {"s"});
  bench.begin(width(8));
  bench.start("p");
  bench.start("s");
  CHECK(bench.phase("c") == Phase::waiting);
  CHECK(bench.phase("d") == Phase::waiting);
}

TEST_CASE("engine: a reader that ends first is completed when its producer is, and not before") {
  Bench bench;
  bench.node("e", {"c"});
  begin_pair(bench);
  bench.end("c");
  CHECK(bench.phase("c") == Phase::unconfirmed);
  CHECK(bench.settled().empty());
  CHECK(bench.granted().empty());
  bench.end("p");
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 2);
  CHECK(settled[0].id == "p");
  CHECK(settled[1].id == "c");
  CHECK(bench.granted() == Ids{"e"});
}

TEST_CASE("engine: a chain of readers is completed from its beginning") {
  Bench bench;
  bench.node("a", {}, stream()).reader("b", "a", stream()).reader("c", "b", stream());
  bench.reader("d", "c").begin(width(4));
  for (const char* id : {"a", "b", "c", "d"}) bench.start(id);
  for (const char* id : {"d", "c", "b"}) bench.end(id);
  CHECK(bench.execution().counts().completed == 0);
  bench.forget();
  bench.end("a");
  Ids order;
  for (const Settled& settled : bench.settled()) order.push_back(settled.id);
  CHECK(order == Ids{"a", "b", "c", "d"});
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: who has not begun when the producer completes is examined anew") {
  Bench bench;
  bench.node("p", {}, stream()).reader("c", "p").begin(width(1));
  bench.start("p");
  CHECK(bench.phase("c") == Phase::queued);
  bench.answers["c"] = FoundReusable{bench.find("c")};
  bench.end("p");
  CHECK(bench.phase("c") == Phase::reused);
}

TEST_CASE("engine: a producer that fails takes its readers along, with its class") {
  Bench bench;
  bench.node("p", {}, stream()).reader("run", "p").reader("done", "p").reader("late", "p");
  bench.node("e", {"done"}).begin(keep_going(3));
  for (const char* id : {"p", "run", "done"}) bench.start(id);
  bench.end("done");
  bench.forget();
  bench.end("p", FailureClass::exit);
  CHECK(bench.controlled() == Controls{{"run", TreeControl::terminate}});
  CHECK(bench.phase("done") == Phase::failed);
  CHECK(bench.phase("e") == Phase::cancelled);
  bench.end("run");  // however it ends
  CHECK(bench.phase("run") == Phase::failed);
  for (const Settled& settled : bench.settled()) {
    if (settled.id != "run" && settled.id != "done") continue;
    CHECK(settled.reason == Reason::dependency_failed);
    CHECK(settled.failure == FailureClass::exit);
    CHECK(settled.because == "p");
  }
  CHECK(bench.ended() == ExecutionStatus::failed);
}

TEST_CASE("engine: failures by a stream do not count towards the failure limit") {
  Bench bench;
  Options options = width(4);
  options.failure_limit = 2;
  bench.node("p", {}, stream()).reader("c", "p").node("x").node("y", {"x"}).begin(options);
  for (const char* id : {"p", "c", "x"}) bench.start(id);
  bench.end("c");
  bench.end("p", FailureClass::exit);
  CHECK(bench.execution().counts().failed == 2);
  bench.end("x");
  CHECK(bench.phase("y") == Phase::granted);
}

TEST_CASE("engine: a retried producer restarts its readers, and no retry of theirs is used up") {
  Bench bench;
  dag::Settings producer = stream();
  producer.max_retries = 1;
  bench.reader("done", "p");
  begin_pair(bench, producer, {}, 3);
  bench.start("done");
  bench.end("done");
  bench.end("p", FailureClass::exit);
  CHECK(bench.phase("done") == Phase::waiting);
  CHECK(bench.controlled() == Controls{{"c", TreeControl::terminate}});
  bench.end("c", FailureClass::signal);
  CHECK(bench.phase("c") == Phase::waiting);
  bench.pass(2s);
  bench.start("p");
  bench.start("c");
  bench.start("done");
  bench.end("p");
  bench.end("c");
  bench.end("done");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a reader that is not idempotent is not restarted") {
  Bench bench;
  dag::Settings producer = stream();
  producer.max_retries = 1;
  dag::Settings once;
  once.idempotent = false;
  begin_pair(bench, producer, once);
  bench.end("p", FailureClass::exit);
  bench.end("c", FailureClass::signal);
  CHECK(bench.phase("c") == Phase::failed);
  CHECK(bench.phase("p") == Phase::backoff);
}

TEST_CASE("engine: a reader that begins although its stream is lost is ended at once") {
  Bench bench;
  bench.node("p", {}, stream()).reader("c", "p").begin(keep_going(2));
  bench.start("p");
  bench.will_begin("c");
  bench.apply(Stop{StopRequest::interrupt});
  bench.end("p", FailureClass::signal);
  bench.forget();
  bench.start("c");
  const Controls expected{{"c", TreeControl::interrupt}, {"c", TreeControl::terminate}};
  CHECK(bench.controlled() == expected);
  bench.end("c");
  CHECK(bench.phase("c") == Phase::cancelled);
  CHECK(bench.ended() == ExecutionStatus::interrupted);
}

TEST_CASE("engine: cancelling a producer cancels its readers, those that have ended too") {
  Bench bench;
  bench.reader("done", "p");
  begin_pair(bench, stream(), {}, 3);
  bench.run("done");
  bench.apply(CancelNode{bench.find("p")});
  bench.end("p", FailureClass::signal);
  bench.end("c", FailureClass::signal);
  CHECK(bench.phase("c") == Phase::cancelled);
  CHECK(bench.phase("done") == Phase::cancelled);
  CHECK(bench.ended() == ExecutionStatus::cancelled);
}

TEST_CASE("engine: a producer ends with its last reader, and is completed however it ends") {
  Bench bench;
  bench.reader("d", "p");
  begin_pair(bench, ends_with_readers(), {}, 3);
  bench.end("c");
  CHECK(bench.controlled().empty());
  bench.run("d");
  CHECK(bench.controlled() == Controls{{"p", TreeControl::terminate}});
  CHECK(bench.execution().is_ended_by_readers(bench.find("p")));
  bench.end("p", FailureClass::signal);
  CHECK(bench.execution().counts().completed == 3);
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: a producer whose result is wanted goes on without readers") {
  SUBCASE("as a goal") {
    Bench bench;
    bench.plan = {{.is_goal = true}};
    begin_pair(bench, ends_with_readers());
    bench.end("c");
    CHECK(bench.controlled().empty());
  }
  SUBCASE("by a node that waits for it") {
    Bench bench;
    bench.node("w", {"p"});
    begin_pair(bench, ends_with_readers());
    bench.end("c");
    CHECK(bench.controlled().empty());
  }
  SUBCASE("outside, until that reader is done") {
    Bench bench;
    bench.plan = {{.is_read_outside = true}};
    begin_pair(bench, ends_with_readers());
    bench.end("c");
    CHECK(bench.controlled().empty());
    bench.apply(OutsideReaderDone{bench.find("p")});
    CHECK(bench.controlled() == Controls{{"p", TreeControl::terminate}});
  }
}

TEST_CASE("engine: a lost result of a reader makes what it read again, if that was not kept") {
  Bench bench;
  begin_pair(bench, ends_with_readers());
  bench.end("c");
  bench.end("p", FailureClass::signal);
  bench.forget();
  bench.apply(ResultLost{bench.find("c"), std::nullopt});
  CHECK(bench.granted() == Ids{"p"});
  bench.start("p");
  CHECK(bench.granted() == Ids{"c"});
}

// A pair, and `x`, which is ready and wants the last free slot and one more.
void begin_pair_beside_wide_node(Bench& bench, const dag::Settings& producer) {
  bench.node("w").node("x", {"w"}, with_slots(2));
  bench.node("p", {}, producer).reader("c", "p").begin(keep_going(3));
  for (const char* id : {"w", "p", "c"}) bench.start(id);
  bench.end("w");
  bench.forget();
}

TEST_CASE("engine: a producer whose readers are behind stands still, and others get its slots") {
  Bench bench;
  dag::Settings producer = stream();
  producer.timeout = 10s;
  begin_pair_beside_wide_node(bench, producer);
  bench.apply(ReadersBehind{bench.find("p")});
  CHECK(bench.controlled() == Controls{{"p", TreeControl::suspend}});
  CHECK(bench.granted() == Ids{"x"});
  bench.run("x");
  bench.pass(60s);
  CHECK(bench.controlled().empty());  // its timeout stands still
  bench.apply(ReadersCaughtUp{bench.find("p")});
  CHECK(bench.controlled() == Controls{{"p", TreeControl::resume}});
}

TEST_CASE("engine: a producer that may not be suspended never stands still for its readers") {
  Bench bench;
  dag::Settings producer = stream();
  producer.preemptible = false;
  begin_pair(bench, producer);
  bench.apply(ReadersBehind{bench.find("p")});
  CHECK(bench.controlled().empty());
}

TEST_CASE("engine: a producer that wants to go on gets the slot of its reader") {
  Bench bench;
  begin_pair_beside_wide_node(bench, stream());
  bench.apply(ReadersBehind{bench.find("p")});
  bench.start("x");  // has its slot now
  bench.forget();
  bench.apply(ReadersCaughtUp{bench.find("p")});
  const Controls expected{{"c", TreeControl::suspend}, {"p", TreeControl::resume}};
  CHECK(bench.controlled() == expected);
  bench.end("x");
  CHECK(bench.controlled() == Controls{{"c", TreeControl::resume}});
}

TEST_CASE("engine: readers are suspended before what they read, and go on after it") {
  Bench bench;
  dag::Settings high;
  high.priority = {10};
  bench.node("p", {}, stream()).reader("c", "p", high).begin(kept_going(2));
  bench.apply(holding(2));
  bench.start("p");
  bench.start("c");
  bench.now += 1s;
  bench.forget();
  bench.apply(holding(1));
  CHECK(bench.controlled() == Controls{{"c", TreeControl::suspend}});
  bench.apply(holding(0));
  CHECK(bench.controlled() == Controls{{"p", TreeControl::suspend}});
  bench.apply(holding(1));
  CHECK(bench.controlled() == Controls{{"p", TreeControl::resume}});
}

TEST_CASE("engine: what a reader needs that may not be suspended is not suspended either") {
  Bench bench;
  dag::Settings reader;
  reader.preemptible = false;
  bench.node("p", {}, stream()).reader("c", "p", reader).begin(kept_going(2));
  bench.apply(holding(2));
  bench.start("p");
  bench.start("c");
  bench.now += 1s;
  bench.forget();
  bench.apply(holding(1));
  CHECK(bench.controlled().empty());
  bench.apply(Paused{});
  CHECK(bench.controlled().empty());
  // It may stand still for that reader itself, and keeps its slot.
  bench.apply(Released{});
  bench.apply(holding(2));
  bench.apply(ReadersBehind{bench.find("p")});
  CHECK(bench.controlled() == Controls{{"p", TreeControl::suspend}});
  CHECK(bench.execution().demand(Execution::Others::waiting).in_use == Slots{2});
  bench.apply(ReadersCaughtUp{bench.find("p")});
  CHECK(bench.controlled() == Controls{{"p", TreeControl::resume}});
}

}  // namespace
}  // namespace dsched::engine
