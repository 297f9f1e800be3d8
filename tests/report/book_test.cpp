// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/error.h"
#include "desk.h"
#include "report/load.h"

// What is read from a real store: requests, statistics, nodes, logs.

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Outcome;
using namespace std::chrono_literals;

journal::Summary a_summary() {
  journal::Summary summary;
  summary.completed = 3;
  summary.reused = 1;
  summary.failed = 2;
  summary.cancelled = 1;
  summary.processing = 6s;
  for (int i = 1; i <= 6; ++i) summary.latency.add(std::chrono::milliseconds{i});
  for (int i = 1; i <= 4; ++i) summary.queue.add(std::chrono::milliseconds{i});
  return summary;
}

TEST_CASE("report: requests of a living execution run or are still to do") {
  Desk desk;
  std::vector<Living> living{{desk.record, std::nullopt}};
  const Requests counted = requests_now(desk.book, living, std::nullopt);
  CHECK(counted.active == 1);
  CHECK(counted.queued == 1);
  living[0].live = desk.news();
  living[0].live->nodes.clear();  // what ran has just ended
  const Requests news = requests_now(desk.book, living, std::nullopt);
  CHECK(news.active == 0);
  CHECK(news.queued == 2);
  CHECK(slots_in_use(living) == Slots{1});
}

TEST_CASE("report: requests of one operation are found by the program") {
  Desk desk;
  desk.outcome({2}, Outcome::Kind::completed, 1, {});
  desk.outcome({0}, Outcome::Kind::started, 1, {});
  const std::vector<Living> living{{desk.record, std::nullopt}};
  const Requests shell = requests_now(desk.book, living, "shell");
  CHECK(shell.active == 1);
  CHECK(shell.queued == 1);
  const Requests constant = requests_now(desk.book, living, "const");
  CHECK(constant.active + constant.queued == 0);
}

TEST_CASE("report: statistics sum up what nodes did, in all or of one operation") {
  Desk desk;
  desk.figures(desk.world.clock.wall(), "shell", a_summary());
  desk.figures(desk.world.clock.wall(), "const", a_summary());
  const auto all = statistics_of(desk.book, {});
  CHECK(all.completed == 6);
  CHECK(all.reused == 2);
  CHECK(all.total() == 12);
  CHECK(all.processing == 12s);
  CHECK(all.latency.p50 == 3ms);
  CHECK(all.latency.p99 == 6ms);
  CHECK(all.queue_time.p50 == 2ms);
  CHECK_FALSE(all.tokens_per_second);
  CHECK(statistics_of(desk.book, {.since = {}, .operation = "shell"}).total() == 6);
  CHECK(statistics_of(desk.book, {.since = {}, .operation = "exec"}).total() == 0);
}

TEST_CASE("report: figures and rates are of the time that was asked for") {
  Desk desk;
  const WallTime begin = desk.world.clock.wall();
  desk.figures(begin, "shell", a_summary());
  desk.world.clock.advance(10min);
  desk.figures(desk.world.clock.wall() - 20s, "shell", a_summary());
  const auto minute =
      statistics_of(desk.book, {.since = desk.world.clock.wall() - 60s, .operation = {}});
  CHECK(minute.total() == 6);
  CHECK(minute.requests_per_second == doctest::Approx(0.1));
  const auto all = statistics_of(desk.book, {});
  CHECK(all.total() == 12);
  CHECK(all.requests_per_second == doctest::Approx(0.1));  // still of the last minute
}

TEST_CASE("report: nothing is known of waiting until something was measured") {
  Desk desk;
  std::vector<Living> living{{desk.record, desk.news()}};
  CHECK_FALSE(pending_work(desk.book, living));
  desk.figures(desk.world.clock.wall(), "shell", a_summary());
  {
    journal::Durations durations(desk.store->database(), "d");
    durations.remember("a", 12s);
    sys::Transaction transaction(desk.store->database());
    durations.save(desk.store->database());
    transaction.commit();
  }
  desk.world.clock.advance(5s);
  const auto work = pending_work(desk.book, living);
  REQUIRE(work);
  REQUIRE(work->size() == 1);
  CHECK(work->front().left == 30s);
  CHECK(work->front().ready_nodes == 1);
  REQUIRE(work->front().running.size() == 1);
  CHECK(work->front().running.front().elapsed == 5s);
  CHECK(work->front().running.front().expected == 12s);
}

TEST_CASE("report: the log of an attempt is found, and what has none is told") {
  Desk desk;
  desk.outcome({0}, Outcome::Kind::failed, 1, "first\n");
  desk.outcome({0}, Outcome::Kind::completed, 2, "second\n");
  desk.outcome({2}, Outcome::Kind::completed, 1, {});
  CHECK(log_of(desk.book, desk.record, "a", std::nullopt) == "second\n");
  CHECK(log_of(desk.book, desk.record, "a", 1) == "first\n");
  CHECK(log_of(desk.book, desk.record, "k", std::nullopt).empty());
  CHECK_THROWS_AS((void)log_of(desk.book, desk.record, "a", 3), Error);
  CHECK_THROWS_AS((void)log_of(desk.book, desk.record, "b", std::nullopt), Error);
  CHECK_THROWS_AS((void)log_of(desk.book, desk.record, "z", std::nullopt), Error);
}

TEST_CASE("report: a program that is gone is told as damage") {
  Desk desk;
  desk.record.program.hash = sha256("something else");
  CHECK_THROWS_AS((void)program_of(desk.book, desk.record), Error);
}

}  // namespace
}  // namespace dsched::report
