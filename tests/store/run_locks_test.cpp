// SPDX-License-Identifier: Apache-2.0
#include "store/run_locks.h"

#include <doctest/doctest.h>

#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::TestWorld;

const std::string k_one = "01a1fc0f-1345-74fa-8682-7cf6d03a7750";
const std::string k_two = "01a1fc0f-1345-74fa-8682-7cf6d03a7751";

struct Locks {
  TestWorld world;
  std::unique_ptr<Store> store = world.open();

  auto take(const std::string& id) {
    return try_run_lock(*store, {.execution_id = id, .machine_folder = "/run/a b"});
  }
  std::string path(const std::string& id) const {
    return world.store_path() + "/run/" + id + ".lock";
  }
};

TEST_CASE("store: a run lock has one holder, who is named to others, and ends with it") {
  Locks locks;
  {
    const auto lock = locks.take(k_one);
    REQUIRE(std::holds_alternative<RunLock>(lock));
    const auto refused = locks.take(k_one);
    REQUIRE(std::holds_alternative<LockHolder>(refused));
    const auto& holder = std::get<LockHolder>(refused);
    CHECK(holder.pid == sys::process_id());
    CHECK(holder.since);
    CHECK(holder.machine_folder == "/run/a b");
    const auto seen = runner_of(*locks.store, k_one);
    REQUIRE(seen);
    CHECK(seen->pid == holder.pid);
    CHECK(seen->since == holder.since);
  }
  CHECK_FALSE(runner_of(*locks.store, k_one));
  CHECK_FALSE(locks.world.files.info(locks.path(k_one)));
  CHECK(std::holds_alternative<RunLock>(locks.take(k_one)));
}

TEST_CASE("store: each execution has a run lock of its own, and all that are held are listed") {
  Locks locks;
  CHECK(all_running(*locks.store).empty());
  const auto one = locks.take(k_one);
  const auto two = locks.take(k_two);
  REQUIRE(std::holds_alternative<RunLock>(one));
  REQUIRE(std::holds_alternative<RunLock>(two));
  const std::vector<Running> all = all_running(*locks.store);
  REQUIRE(all.size() == 2);
  CHECK(all[0].execution_id == k_one);
  CHECK(all[1].execution_id == k_two);
  CHECK(all[1].holder.machine_folder == "/run/a b");
}

TEST_CASE("store: a lock file that is there means nothing while nobody holds it") {
  Locks locks;
  locks.world.folder.write(".dsched/run/" + k_one + ".lock", "1 2026-01-01T00:00:00Z /m\n");
  CHECK_FALSE(runner_of(*locks.store, k_one));
  CHECK(all_running(*locks.store).empty());
  CHECK(std::holds_alternative<RunLock>(locks.take(k_one)));
}

TEST_CASE("store: asking for runners takes no lock and writes nothing, also in a read-only store") {
  Locks locks;
  Options options = locks.world.options();
  options.mode = Mode::read_only;
  const auto reader = locks.world.open(options);
  CHECK_FALSE(runner_of(*reader, k_one));
  CHECK_FALSE(locks.world.files.info(locks.path(k_one)));
  const auto lock = locks.take(k_one);
  REQUIRE(std::holds_alternative<RunLock>(lock));
  CHECK(runner_of(*reader, k_one)->pid == sys::process_id());
  CHECK(all_running(*reader).size() == 1);
}

TEST_CASE("store: a lock whose note makes no sense is held all the same") {
  Locks locks;
  for (const char* note : {"", "x", "12", "12 now", "12 now \n", "99999999999999 x y\n", "a b c\n",
                           "\n \n ", "  \n"}) {
    CAPTURE(note);
    auto lock = locks.take(k_one);
    REQUIRE(std::holds_alternative<RunLock>(lock));
    locks.world.folder.write(".dsched/run/" + k_one + ".lock", note);
    const auto holder = runner_of(*locks.store, k_one);
    REQUIRE(holder);
    CHECK_FALSE(holder->since);
  }
}

TEST_CASE("store: a lock on a file that was removed keeps nobody out, and is not given out") {
  Locks locks;
  auto first = locks.take(k_one);
  REQUIRE(std::holds_alternative<RunLock>(first));
  CHECK(locks.world.files.remove(locks.path(k_one)));
  const auto second = locks.take(k_one);
  CHECK(std::holds_alternative<RunLock>(second));
  CHECK(runner_of(*locks.store, k_one));
}

}  // namespace
}  // namespace dsched
