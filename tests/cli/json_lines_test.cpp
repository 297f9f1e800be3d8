// SPDX-License-Identifier: Apache-2.0
#include "cli/json_lines.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/builders.h"

namespace dsched::tests {

using namespace std::chrono_literals;
using cli::JsonDisplay;

TEST_CASE("cli: a progress line holds the fields of the contract in their order") {
  Scene scene;
  scene.counts = {.total = 30,
                  .completed = 12,
                  .reused = 3,
                  .failed = 1,
                  .cancelled = 2,
                  .running = 4,
                  .pending = 11};
  scene.percentage = 45.678;
  scene.remaining = 90s;
  CHECK(cli::progress_json(scene.progress()) ==
        R"({"dag_id":"wordcount","execution_id":"0199","total_nodes":30,"completed_nodes":12,)"
        R"("failed_nodes":1,"running_nodes":4,"pending_nodes":11,"cancelled_nodes":2,)"
        R"("reused_nodes":3,"progress_percentage":45.6,)"
        R"("estimated_completion":"1970-01-02T00:01:30.000Z"})");
}

TEST_CASE("cli: an unknown time of completion is null") {
  CHECK(cli::progress_json(Scene{}.progress()).ends_with("\"estimated_completion\":null}"));
}

TEST_CASE("cli: progress lines come at most twenty times a second and the last one always") {
  Written written({.columns = 80, .rows = 24});
  JsonDisplay display(screen_into(written));
  Scene scene;
  display.began(scene.progress());
  for (int ms = 1; ms <= 1000; ++ms) {
    scene.now = std::chrono::milliseconds{ms};
    scene.counts.completed = static_cast<std::uint64_t>(ms);
    display.progress(scene.progress());
  }
  CHECK(written.writes == 21);
  scene.counts.completed = 5000;
  display.ended(scene.progress(), "completed", 1s);
  CHECK(written.bytes.find("\"completed_nodes\":5000") != std::string::npos);
  CHECK(std::count(written.bytes.begin(), written.bytes.end(), '\n') == 22);
}

TEST_CASE("cli: a change that came too early is told by the wake-up it asks for") {
  Written written({.columns = 80, .rows = 24});
  JsonDisplay display(screen_into(written));
  Scene scene;
  display.began(scene.progress());
  CHECK_FALSE(display.wake_up());
  scene.now = 10ms;
  scene.counts.completed = 13;
  display.progress(scene.progress());
  CHECK(written.writes == 1);
  REQUIRE(display.wake_up());
  CHECK(*display.wake_up() == at(50ms));
  scene.now = 50ms;
  display.progress(scene.progress());
  CHECK(written.writes == 2);
  CHECK_FALSE(display.wake_up());
}

TEST_CASE("cli: nothing is written when nothing changed") {
  Written written({.columns = 80, .rows = 24});
  JsonDisplay display(screen_into(written));
  Scene scene;
  display.began(scene.progress());
  scene.now = 10s;
  display.progress(scene.progress());
  CHECK(written.writes == 1);
}

}  // namespace dsched::tests
