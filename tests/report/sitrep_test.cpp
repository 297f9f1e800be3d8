// SPDX-License-Identifier: Apache-2.0
#include "report/sitrep.h"

#include <doctest/doctest.h>

#include "desk.h"
#include "store/run_locks.h"

namespace dsched::report {
namespace {

using namespace std::chrono_literals;
using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Outcome;

// With a runner, or without one.
struct Situation : Desk {
  void take_lock() {
    auto taken = store::try_run_lock(
        *store, {.execution_id = to_text(record.id), .machine_folder = world.folder.path()});
    lock.emplace(std::get<store::RunLock>(std::move(taken)));
  }
  void tell(const journal::LiveState& live) {
    sys::Transaction transaction(store->database());
    journal::put_live(store->database(), record.number, live);
    transaction.commit();
  }
  // Another execution of the same DAG, which completed.
  void add_completed(Nanoseconds took) {
    journal::ExecutionRecord other = record;
    other.id.bytes[0] ^= 1;
    other.status = ExecutionStatus::completed;
    other.started_at = world.clock.wall();
    other.finished_at = world.clock.wall() + took;
    sys::Transaction transaction(store->database());
    journal.submit(other);
    transaction.commit();
  }
  wire::SitrepAnswer report(std::optional<sys::DiskSpace> disk = std::nullopt) {
    return sitrep_of(book, {.recent = 5, .user = "ann", .store_option = {}, .disk = disk});
  }
  std::optional<store::RunLock> lock;
};

std::vector<std::string> kinds_of(const wire::SitrepAnswer& answer) {
  std::vector<std::string> kinds;
  for (const wire::WatchItem& item : answer.watch) kinds.emplace_back(item.kind);
  return kinds;
}

std::string still_in(const wire::SitrepAnswer& answer) {
  return answer.still.empty() ? "moves" : std::string(answer.still.front().reason);
}

using Kinds = std::vector<std::string>;

TEST_CASE("report: an execution stands still for the reason that its runner's news give") {
  Situation scene;
  scene.take_lock();
  journal::LiveState live = scene.news();
  const auto reason = [&] {
    scene.tell(live);
    return still_in(scene.report());
  };
  CHECK(reason() == "moves");
  live.nodes[0].reason = Reason::suspended;
  live.ready_nodes = 0;
  CHECK(reason() == "no_slot");
  live.nodes[0].state = NodeState::pending;
  live.nodes[0].reason = Reason::backoff;
  live.nodes[0].until = live.at + 1h;
  CHECK(reason() == "backoff");
  CHECK(scene.report().health == wire::Health::degraded);
  live.nodes[0].reason = Reason::awaiting_approval;
  CHECK(reason() == "approval");
  live.ready_nodes = 3;
  CHECK(reason() == "no_slot");
  live.is_paused = true;
  CHECK(reason() == "paused");
}

TEST_CASE("report: what runs far longer than it did, or is near its limit, is worth a look") {
  Situation scene;
  scene.add_completed(2s);
  scene.take_lock();
  scene.tell(scene.news());
  {
    journal::Durations durations(scene.store->database(), "d");
    durations.remember("a", 3s);
    sys::Transaction transaction(scene.store->database());
    durations.save(scene.store->database());
    transaction.commit();
  }
  CHECK(kinds_of(scene.report()).empty());
  scene.world.clock.advance(7s);
  CHECK(kinds_of(scene.report()) == Kinds{"slow_execution"});
  scene.world.clock.advance(3s);
  CHECK(kinds_of(scene.report()) == Kinds{"slow_execution", "slow_node"});
}

TEST_CASE("report: a batch whose runner is gone can only be given up") {
  Situation scene;
  scene.record.settings = R"({"batch":true})";
  scene.update();
  const wire::SitrepAnswer answer = scene.report();
  CHECK(answer.health == wire::Health::critical);
  CHECK(still_in(answer) == "runner_gone");
  REQUIRE(answer.actions.size() == 1);
  CHECK(answer.actions[0].command == "dsched-cancel 1");
}

TEST_CASE("report: a node whose stored data was damaged is critical, and made again") {
  Situation scene;
  scene.outcome({0}, Outcome::Kind::failed, 1, {}, FailureClass::damaged);
  scene.record.status = ExecutionStatus::failed;
  scene.record.counts = {.total = 3, .failed = 1, .cancelled = 1};
  scene.update();
  const wire::SitrepAnswer answer = scene.report();
  CHECK(answer.health == wire::Health::critical);
  REQUIRE(answer.actions.size() == 1);
  CHECK(answer.actions[0].command == "dsched-fixit --target 1/a");
}

TEST_CASE("report: a disk that fills up is watched, and is critical when it is nearly full") {
  Situation scene;
  scene.record.status = ExecutionStatus::completed;
  scene.update();
  constexpr std::uint64_t k_gibibyte = std::uint64_t{1} << 30;
  const auto health = [&](std::uint64_t available) {
    return scene.report(sys::DiskSpace{.size = 100 * k_gibibyte, .available = available});
  };
  CHECK(health(50 * k_gibibyte).watch.empty());
  CHECK(kinds_of(health(5 * k_gibibyte)) == Kinds{"disk"});
  CHECK(health(k_gibibyte / 2).health == wire::Health::critical);
}

}  // namespace
}  // namespace dsched::report
