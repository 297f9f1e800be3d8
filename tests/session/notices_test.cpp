// SPDX-License-Identifier: Apache-2.0
#include "session/notices.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "support/temp_folder.h"

namespace dsched::session {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Nanoseconds k_notice_patience = 60s;

struct NoticesHeard final : Observer {
  void began(const Progress&) override { ++calls; }
  void node(const NodeReport&, const Progress&) override { ++calls; }
  void progress(const Progress&) override { ++calls; }
  void waits(std::span<const WaitingNode>, const Progress&) override { ++calls; }
  void note(std::string_view line) override { notes.emplace_back(line); }
  [[nodiscard]] std::optional<Instant> wake_up() const override { return wake; }
  void ended(const Progress&, std::string_view, Nanoseconds) override { ++calls; }
  int calls = 0;
  std::optional<Instant> wake;
  std::vector<std::string> notes;
};

struct NoticeScene {
  explicit NoticeScene(const std::string& command = {})
      : notifier(command.empty()
                     ? "cat >> '" + (folder / "events") + "'; echo >> '" + (folder / "events") + "'"
                     : command) {
    progress.dag_id = "d";
    progress.execution_id = "id";
    progress.execution = 3;
    progress.counts.total = 2;
  }
  // Once all is delivered.
  std::vector<json> events() {
    CHECK(wait_for_notifier(notifier, k_notice_patience).empty());
    std::vector<json> found;
    std::istringstream lines(folder.exists("events") ? folder.read("events") : "");
    for (std::string line; std::getline(lines, line);) found.push_back(json::parse(line));
    return found;
  }
  testing::TempFolder folder;
  sys::Notifier notifier;
  NoticesHeard heard;
  Progress progress;
};

TEST_CASE("session: notices pass on what they hear, and tell of the end once") {
  NoticeScene scene;
  {
    Notices notices(scene.heard, scene.notifier, "/s");
    notices.began(scene.progress);
    NodeReport report;
    report.node_id = "n";
    report.change = NodeChange::failed;
    report.cause = "exit 3";
    notices.node(report, scene.progress);
    scene.progress.counts.failed = 1;
    notices.progress(scene.progress);
    notices.note("a line");
    notices.ended(scene.progress, "failed", 1s);
  }
  CHECK(scene.heard.calls == 4);
  CHECK(scene.heard.notes == std::vector<std::string>{"a line"});
  const std::vector<json> events = scene.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["event"] == "execution_failed");
  CHECK(events[0]["failed"][0]["error"] == "exit 3");
}

TEST_CASE("session: an execution that began and was given up has failed") {
  NoticeScene scene;
  {
    Notices notices(scene.heard, scene.notifier, "/s");
    notices.began(scene.progress);
  }
  const std::vector<json> events = scene.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["event"] == "execution_failed");
  CHECK(events[0]["status"] == "interrupted");
}

TEST_CASE("session: what never began, was interrupted or cancelled is no event") {
  NoticeScene scene;
  {
    Notices notices(scene.heard, scene.notifier, "/s");
    for (const char* status : {"interrupted", "cancelled", "waiting"}) {
      notices.began(scene.progress);
      notices.ended(scene.progress, status, 1s);
    }
  }
  { const Notices notices(scene.heard, scene.notifier, "/s"); }
  CHECK(scene.events().empty());
}

TEST_CASE("session: notices look again while an event is under way, and note what went wrong") {
  NoticeScene scene("echo no chat; exit 2");
  Notices notices(scene.heard, scene.notifier, "/s");
  notices.began(scene.progress);
  CHECK(!notices.wake_up());
  const WaitingNode node{
      .node_id = "gate", .reason = {}, .command = "c", .expires_at = {}, .digest = {}};
  notices.waits({&node, 1}, scene.progress);
  const sys::PosixClock clock;
  const Instant end = clock.now() + k_notice_patience;
  while (scene.heard.notes.empty() && clock.now() < end) {
    CHECK(notices.wake_up() == scene.progress.now + 200ms);
    notices.progress(scene.progress);
  }
  CHECK(scene.heard.notes == std::vector<std::string>{"warning: --notify: exit 2: no chat"});
  CHECK(!notices.wake_up());
  notices.ended(scene.progress, "cancelled", 1s);
}

}  // namespace
}  // namespace dsched::session
