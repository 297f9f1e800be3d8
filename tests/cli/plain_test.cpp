// SPDX-License-Identifier: Apache-2.0
#include "cli/plain.h"

#include <doctest/doctest.h>

#include "cli/builders.h"

namespace dsched::tests {
namespace {

using namespace std::chrono_literals;
using cli::PlainDisplay;
using session::NodeChange;
using session::NodeReport;

constexpr cli::Style k_uncoloured{.color = false, .symbols = true};

NodeReport report(std::string_view node_id, NodeChange change) {
  NodeReport report;
  report.node_id = node_id;
  report.change = change;
  report.wall = 400ms;
  return report;
}

// A display with its scene; the scene's time passes only when a test says so.
struct World {
  Written written{{.columns = 80, .rows = 24}};
  PlainDisplay display{screen_into(written), k_uncoloured};
  Scene scene;
  World() { display.began(scene.progress()); }
  void node(const NodeReport& report) { display.node(report, scene.progress()); }
  void turn() { display.progress(scene.progress()); }
};

}  // namespace

TEST_CASE("cli: off a terminal every change of a node is one line") {
  World world;
  NodeReport started = report("words", NodeChange::started);
  started.explanation = "input book.txt changed";
  world.node(started);
  world.node(report("words", NodeChange::completed));
  NodeReport retrying = report("flaky", NodeChange::retrying);
  retrying.retry_in = 1s;
  retrying.cause = "exit 1";
  world.node(retrying);
  NodeReport cancelled = report("top", NodeChange::cancelled);
  cancelled.cause = "dependency_failed";
  world.node(cancelled);
  world.turn();
  CHECK(world.written.bytes ==
        "[12/30] words started: input book.txt changed\n"
        "[12/30] words completed in 0.4s\n"
        "[12/30] flaky retries in 1.0s: exit 1 (attempt 1)\n"
        "[12/30] top cancelled: dependency_failed\n");
}

TEST_CASE("cli: the plain lines of one turn are one write") {
  World world;
  for (int i = 0; i < 100; ++i) world.node(report("n", NodeChange::completed));
  world.turn();
  CHECK(world.written.writes == 1);
}

TEST_CASE("cli: a failure is written at once, before its turn is over") {
  World world;
  NodeReport failed = report("top", NodeChange::failed);
  failed.cause = "exit 3";
  failed.command = "sort";
  failed.log_tail = "a\tb\n";
  world.node(failed);
  CHECK(world.written.bytes ==
        "[12/30] top failed after 0.4s: exit 3\n"
        "  command:\n"
        "    sort\n"
        "  log:\n"
        "    a    b\n");
}

TEST_CASE("cli: reused nodes are counted and told once a second") {
  World world;
  for (int i = 0; i < 100000; ++i) world.node(report("n", NodeChange::reused));
  world.turn();
  CHECK(world.written.bytes.empty());
  REQUIRE(world.display.wake_up());
  CHECK(*world.display.wake_up() == at(1s));
  world.scene.now = 1s;
  world.turn();
  CHECK(world.written.bytes == "[12/30] 100,000 nodes reused\n");
}

TEST_CASE("cli: beyond a thousand lines in a second changes are counted") {
  World world;
  for (std::uint32_t i = 0; i < cli::k_lines_per_second_max + 5; ++i)
    world.node(report("n", NodeChange::completed));
  world.scene.now = 1s;
  world.turn();
  CHECK(world.written.bytes.ends_with("n completed in 0.4s\n[12/30] 5 nodes completed\n"));
}

TEST_CASE("cli: after 30 seconds of silence one line names the longest running nodes") {
  World world;
  world.scene.counts.running = 5;
  world.scene.running = {{.node_id = "slow", .started = at(0ms), .expected = {}},
                         {.node_id = "b", .started = at(10s), .expected = {}},
                         {.node_id = "c", .started = at(20s), .expected = {}},
                         {.node_id = "d", .started = at(20s), .expected = {}}};
  CHECK(*world.display.wake_up() == at(30s));
  world.scene.now = 29s;
  world.turn();
  CHECK(world.written.bytes.empty());
  world.scene.now = 30s;
  world.turn();
  CHECK(world.written.bytes == "[12/30] still running: slow (30s), b (20s), c (10s) and 2 more\n");
  CHECK(*world.display.wake_up() == at(60s));
}

TEST_CASE("cli: plain output ends with what is still counted and the summary") {
  World world;
  world.node(report("n", NodeChange::reused));
  world.scene.counts = {.total = 4, .completed = 2, .reused = 1, .failed = 1, .cancelled = 1};
  world.display.ended(world.scene.progress(), "failed", 90s);
  CHECK(world.written.bytes ==
        "[4/4] 1 node reused\n"
        "wordcount failed after 1m30s: 2 of 4 nodes completed (1 reused), 1 failed, 1 cancelled; "
        "execution 17\n");
  CHECK_FALSE(world.display.wake_up());
}

TEST_CASE("cli: notes are lines of dsched-run") {
  World world;
  world.display.note("waiting for execution 16\x1b[2J");
  CHECK(world.written.bytes == "dsched-run: waiting for execution 16\\x1b[2J\n");
}

}  // namespace dsched::tests
