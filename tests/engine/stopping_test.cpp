// SPDX-License-Identifier: Apache-2.0
// Retries, timeouts, suspension and stopping: everything that time and people do to an execution.
#include <doctest/doctest.h>

#include "bench.h"

namespace dsched::engine {
namespace {

using namespace test;
using namespace std::chrono_literals;

TEST_CASE("engine: a failed attempt is followed by another one when its delay is over") {
  Bench bench;
  bench.node("flaky", {}, with_retries(2)).begin(width(1));
  bench.start("flaky");
  bench.end("flaky", FailureClass::exit, 0.4);
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 1);
  CHECK(settled[0].state == NodeState::pending);
  CHECK(settled[0].reason == Reason::backoff);
  CHECK(settled[0].failure == FailureClass::exit);
  CHECK(settled[0].retry_in == 1100ms);
  bench.forget();
  CHECK(bench.execution().next_deadline() == bench.now + 1100ms);
  bench.pass(1099ms);
  CHECK(bench.granted().empty());
  bench.pass(1ms);
  CHECK(bench.granted() == Ids{"flaky"});
  CHECK(bench.number("flaky") == 2);
  bench.run("flaky");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: after its last retry a node has failed") {
  Bench bench;
  bench.node("bad", {}, with_retries(2)).begin(width(1));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    bench.run("bad", FailureClass::signal);
    bench.pass(60s);
  }
  CHECK(bench.phase("bad") == Phase::failed);
  CHECK(bench.execution().attempts(bench.find("bad")) == 3);
  CHECK(bench.ended() == ExecutionStatus::failed);
}

TEST_CASE("engine: a node that does not say has the execution's retries") {
  for (const bool says : {true, false}) {
    Bench bench;
    bench.node("n", {}, says ? with_retries(0) : dag::Settings{});
    Options options = width(1);
    options.retries = 1;
    bench.begin(options);
    bench.run("n", FailureClass::exit);
    CHECK(bench.phase("n") == (says ? Phase::failed : Phase::backoff));
  }
}

TEST_CASE("engine: what cannot become different is not tried again") {
  Bench bench;
  bench.node("n", {}, with_retries(5)).begin(width(1));
  bench.run("n", FailureClass::refused);
  CHECK(bench.phase("n") == Phase::failed);
}

TEST_CASE("engine: a node that is not idempotent is never tried again") {
  Bench bench;
  dag::Settings once = with_retries(5);
  once.idempotent = false;
  bench.node("n", {}, once).begin(width(1));
  bench.run("n", FailureClass::exit);
  CHECK(bench.phase("n") == Phase::failed);
}

TEST_CASE("engine: attempts of earlier runners count on but use up no retry") {
  Bench bench;
  bench.node("n", {}, with_retries(1));
  bench.prepare(width(1));
  bench.execution().recall_attempts(bench.find("n"), 4);
  bench.begin();
  CHECK(bench.number("n") == 5);
  bench.start("n");
  bench.end("n", FailureClass::exit);
  CHECK(bench.settled().back().retry_in == 1s);  // the first retry of this runner
  bench.pass(2s);
  CHECK(bench.number("n") == 6);
  bench.run("n", FailureClass::exit);
  CHECK(bench.phase("n") == Phase::failed);
}

TEST_CASE("engine: a node in backoff holds neither slot nor pool") {
  Bench bench;
  const PoolIndex pool = bench.pool("p", 1);
  dag::Settings flaky = in_pool(pool);
  flaky.max_retries = 1;
  bench.node("flaky", {}, flaky).node("other", {}, in_pool(pool)).begin(width(1));
  bench.forget();
  bench.run("flaky", FailureClass::exit);
  CHECK(bench.granted() == Ids{"other"});
}

TEST_CASE(
    "engine: an attempt whose time is over is terminated, and killed after the grace period") {
  Bench bench;
  bench.node("slow", {}, with_timeout(10s)).begin(width(1));
  bench.start("slow");
  bench.pass(9999ms);
  CHECK(bench.controlled().empty());
  bench.pass(1ms);
  CHECK(bench.controlled() == std::vector<Controlled>{{"slow", TreeControl::terminate}});
  CHECK(bench.execution().is_timed_out(bench.find("slow")));
  bench.pass(4999ms);
  CHECK(bench.controlled().empty());
  bench.pass(1ms);
  CHECK(bench.controlled() == std::vector<Controlled>{{"slow", TreeControl::kill}});
  bench.forget();
  bench.end("slow", FailureClass::signal);
  const auto settled = bench.settled();
  REQUIRE(settled.size() == 1);
  CHECK(settled[0].reason == Reason::timeout);
  CHECK(settled[0].failure == FailureClass::timeout);
}

TEST_CASE("engine: an attempt that ends well after its time was over has failed") {
  Bench bench;
  bench.node("slow", {}, with_timeout(1s)).begin(width(1));
  bench.start("slow");
  bench.pass(1s);
  bench.end("slow");
  CHECK(bench.phase("slow") == Phase::failed);
}

TEST_CASE("engine: each attempt has the whole time") {
  Bench bench;
  dag::Settings settings = with_timeout(2s);
  settings.max_retries = 1;
  bench.node("n", {}, settings).begin(width(1));
  bench.start("n");
  bench.pass(1s);
  bench.end("n", FailureClass::exit);
  bench.pass(1s);
  bench.start("n");
  bench.pass(1900ms);
  CHECK(bench.controlled().empty());
  bench.pass(100ms);
  CHECK(bench.controlled().size() == 1);
}

TEST_CASE("engine: the clock of a timeout stands still while everything is suspended") {
  Bench bench;
  bench.node("slow", {}, with_timeout(10s)).begin(width(1));
  bench.start("slow");
  bench.pass(4s);
  bench.apply(Suspended{});
  CHECK(bench.controlled() == std::vector<Controlled>{{"slow", TreeControl::suspend}});
  CHECK_FALSE(bench.execution().next_deadline());
  bench.pass(1h);
  CHECK(bench.controlled().empty());
  bench.apply(Continued{});
  CHECK(bench.controlled() == std::vector<Controlled>{{"slow", TreeControl::resume}});
  bench.pass(5999ms);
  CHECK(bench.controlled().empty());
  bench.pass(1ms);
  CHECK(bench.controlled().size() == 1);
}

TEST_CASE("engine: while suspended nothing is handed over, and what was comes back") {
  Bench bench;
  bench.node("a").node("b").node("c").begin(width(1));
  bench.start("a");
  bench.forget();
  bench.apply(Suspended{});
  CHECK(bench.withdrawn() == Ids{"b", "c"});
  bench.end("a");
  CHECK(bench.granted().empty());
  bench.apply(Continued{});
  CHECK(bench.granted() == Ids{"b", "c"});
}

TEST_CASE("engine: an attempt that begins while everything is suspended stands still at once") {
  Bench bench;
  bench.node("a").begin(width(1));
  bench.will_begin("a");
  bench.apply(Suspended{});
  CHECK(bench.controlled().empty());
  bench.start("a");
  CHECK(bench.controlled() == std::vector<Controlled>{{"a", TreeControl::suspend}});
  bench.apply(Continued{});
  CHECK(bench.controlled() == std::vector<Controlled>{{"a", TreeControl::resume}});
}

TEST_CASE("engine: each kind of stop reaches what runs and takes back what does not") {
  struct Row {
    StopRequest request;
    TreeControl control;
  };
  for (const Row& row : {Row{StopRequest::interrupt, TreeControl::interrupt},
                         Row{StopRequest::terminate, TreeControl::terminate},
                         Row{StopRequest::kill, TreeControl::kill}}) {
    Bench bench;
    bench.node("a").node("b").node("c").begin(width(1));
    bench.start("a");
    bench.forget();
    bench.apply(Stop{row.request});
    CHECK(bench.controlled() == std::vector<Controlled>{{"a", row.control}});
    CHECK(bench.withdrawn() == Ids{"b", "c"});
    CHECK_FALSE(bench.ended());
    bench.end("a", FailureClass::signal);
    CHECK(bench.phase("a") == Phase::cancelled);
    CHECK(bench.granted().empty());
    CHECK(bench.ended() == ExecutionStatus::interrupted);
    CHECK(bench.execution().counts().pending() == 2);
  }
}

TEST_CASE("engine: an attempt that begins in spite of a stop is told like all others") {
  struct Row {
    StopRequest request;
    TreeControl control;
  };
  for (const Row& row : {Row{StopRequest::interrupt, TreeControl::interrupt},
                         Row{StopRequest::terminate, TreeControl::terminate},
                         Row{StopRequest::kill, TreeControl::kill}}) {
    Bench bench;
    bench.node("a").begin(width(1));
    bench.will_begin("a");
    bench.apply(Stop{row.request});
    CHECK(bench.controlled().empty());
    bench.start("a");
    CHECK(bench.controlled() == std::vector<Controlled>{{"a", row.control}});
  }
}

TEST_CASE("engine: what ends well in spite of a stop is completed") {
  Bench bench;
  bench.node("a").node("b", {"a"}).begin(width(1));
  bench.start("a");
  bench.apply(Stop{StopRequest::interrupt});
  bench.end("a");
  CHECK(bench.phase("a") == Phase::completed);
  CHECK(bench.phase("b") == Phase::waiting);
  CHECK(bench.ended() == ExecutionStatus::interrupted);
}

TEST_CASE("engine: a stop whose last node ends well is a completed execution") {
  Bench bench;
  bench.node("a").begin(width(1));
  bench.start("a");
  bench.apply(Stop{StopRequest::interrupt});
  bench.end("a");
  CHECK(bench.ended() == ExecutionStatus::completed);
}

TEST_CASE("engine: terminate ends by force after the grace period, interrupt never") {
  for (const StopRequest request : {StopRequest::interrupt, StopRequest::terminate}) {
    Bench bench;
    bench.node("stubborn").begin(width(1));
    bench.start("stubborn");
    bench.apply(Stop{request});
    bench.forget();
    bench.pass(1h);
    const bool by_force = request == StopRequest::terminate;
    CHECK(bench.controlled().size() == (by_force ? 1 : 0));
  }
}

TEST_CASE("engine: a stronger stop replaces a weaker one, and not the other way round") {
  Bench bench;
  bench.node("a").begin(width(1));
  bench.start("a");
  bench.apply(Stop{StopRequest::interrupt});
  bench.apply(Stop{StopRequest::kill});
  bench.apply(Stop{StopRequest::terminate});
  bench.apply(Stop{StopRequest::interrupt});
  CHECK(bench.controlled() ==
        std::vector<Controlled>{{"a", TreeControl::interrupt}, {"a", TreeControl::kill}});
}

TEST_CASE("engine: a stop during a backoff does not wait for the retry") {
  Bench bench;
  bench.node("flaky", {}, with_retries(3)).begin(width(1));
  bench.run("flaky", FailureClass::exit);
  bench.forget();
  bench.apply(Stop{StopRequest::interrupt});
  CHECK(bench.ended() == ExecutionStatus::interrupted);
}

TEST_CASE("engine: facts and options alone decide: the same ones give the same effects") {
  const auto story = [] {
    Bench bench;
    for (const char* id : {"a", "b", "c", "d"}) bench.node(id, {}, with_retries(1));
    bench.begin(keep_going(2));
    bench.start("a");
    bench.start("b");
    bench.end("b", FailureClass::exit, 0.5);
    bench.end("a");
    bench.pass(3s);
    return bench.granted();
  };
  CHECK(story() == story());
}

}  // namespace
}  // namespace dsched::engine
