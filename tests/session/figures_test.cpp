// SPDX-License-Identifier: Apache-2.0
#include "session/figures.h"

#include <doctest/doctest.h>

#include "journal/journal.h"
#include "program/json_program.h"
#include "session/prepare.h"
#include "support/temp_folder.h"

namespace dsched::session {
namespace {

using namespace std::chrono_literals;

struct Ledger {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  journal::Journal journal{database, journal::Journal::Tables::make};
  dag::Dag dag;
  Figures figures{dag};
  const Instant start{};

  explicit Ledger(dag::Dag&& made) : dag(std::move(made)) {}
  Instant at(Nanoseconds after) const { return start + after; }
  journal::Summary sum(std::optional<std::string> operation = {}) {
    figures.write(database, {1}, WallTime{1'700'000'000s});
    return journal::sum_up(database,
                           {.since = {}, .operation = std::move(operation), .execution = {}})
        .figures;
  }
};

dag::Dag three_nodes() {
  RunRequest request;
  request.folder = "/";
  const auto source = program::source_from(
      R"({"nodes":[{"node_id":"a","operation":"shell","parameters":{"command":":"}},
                   {"node_id":"b","operation":"shell","parameters":{"command":":"}},
                   {"node_id":"c","operation":"const","parameters":{"value":1}}]})");
  auto prepared = prepare(source, request);
  return std::move(std::get<Prepared>(prepared).dag);
}

TEST_CASE("session: a node's latency runs from ready to ended, its queue time to its start") {
  Ledger ledger(three_nodes());
  CHECK_FALSE(ledger.figures.has_something());
  ledger.figures.ready({0}, ledger.at(1s));
  CHECK(ledger.figures.ready_since({0}) == ledger.at(1s));
  ledger.figures.attempt_ended({0}, ledger.at(3s), ledger.at(7s));
  CHECK(ledger.figures.waited({0}) == 2s);
  ledger.figures.completed({0});
  CHECK(ledger.figures.has_something());
  CHECK_FALSE(ledger.figures.ready_since({0}));
  const journal::Summary sum = ledger.sum();
  CHECK_FALSE(ledger.figures.has_something());
  CHECK(sum.completed == 1);
  CHECK(sum.processing == 4s);
  CHECK(sum.latency.percentile(50) == 6s);
  CHECK(sum.queue.percentile(50) == 2s);
}

TEST_CASE(
    "session: a retried node is one, ready once and ended once, and each attempt waits anew") {
  Ledger ledger(three_nodes());
  ledger.figures.ready({0}, ledger.at(0s));
  ledger.figures.attempt_ended({0}, ledger.at(1s), ledger.at(2s));
  CHECK(ledger.figures.waited({0}) == 1s);
  ledger.figures.ready({0}, ledger.at(10s));
  ledger.figures.attempt_ended({0}, ledger.at(13s), ledger.at(15s));
  CHECK(ledger.figures.waited({0}) == 3s);
  ledger.figures.failed({0});
  const journal::Summary sum = ledger.sum();
  CHECK(sum.failed == 1);
  CHECK(sum.nodes() == 1);
  CHECK(sum.latency.percentile(50) == 15s);
  CHECK(sum.queue.percentile(50) == 1s);
  CHECK(sum.processing == 2s);
}

TEST_CASE("session: what never was ready has no latency, and cancelled nodes only count") {
  Ledger ledger(three_nodes());
  ledger.figures.failed({0});
  ledger.figures.ready({1}, ledger.at(0s));
  ledger.figures.attempt_ended({1}, ledger.at(1s), ledger.at(2s));
  ledger.figures.cancelled({1});
  const journal::Summary sum = ledger.sum();
  CHECK(sum.failed == 1);
  CHECK(sum.cancelled == 1);
  CHECK(sum.latency.count() == 0);
  CHECK(sum.queue.count() == 0);
  CHECK_FALSE(ledger.figures.ready_since({1}));
}

TEST_CASE("session: figures stand under the operation's name, written once") {
  Ledger ledger(three_nodes());
  ledger.figures.reused({0}, ledger.at(1s), ledger.at(2s));
  ledger.figures.evaluated({2}, 3s);
  CHECK(ledger.sum("shell").reused == 1);
  CHECK(ledger.sum("shell").completed == 1);
  CHECK(ledger.sum("shell").latency.percentile(50) == 1s);
  CHECK(ledger.sum("shell").queue.count() == 0);
  CHECK(ledger.sum("const").completed == 1);
  CHECK(ledger.sum("const").queue.percentile(50) == 3s);
  CHECK(ledger.sum().nodes() == 2);
}

}  // namespace
}  // namespace dsched::session
