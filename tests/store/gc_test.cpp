// SPDX-License-Identifier: Apache-2.0
// What gc removes, and what it must leave alone.
#include <doctest/doctest.h>

#include "store/gc.h"
#include "store/run_locks.h"
#include "store/test_world.h"
#include "store/verify.h"

namespace dsched {
namespace {

constexpr const char* k_id = "00000000-0000-7000-8000-000000000001";
constexpr const char* k_other_id = "00000000-0000-7000-8000-000000000002";

using namespace store;
using std::chrono::hours;
using test::noise;
using test::record_of;
using test::TestWorld;

constexpr Backend k_backends[] = {Backend::hybrid, Backend::sqlite, Backend::filesystem};

// A result of `size` bytes, used now.
Digest add(TestWorld& world, Store& store, const std::string& name, std::size_t size) {
  Record record = record_of(name, store.blobs().put(noise(size, name.front() + size)));
  record.created_at = world.clock.wall();
  record.last_used_at = world.clock.wall();
  store.results().put(record);
  return record.key;
}

TEST_CASE("store: gc to an age removes what was last used before, and its bytes") {
  for (const Backend backend : k_backends) {
    TestWorld world;
    const auto store = world.open(backend);
    const Digest old = add(world, *store, "old", k_file_min);
    world.clock.advance(hours{100});
    const Digest young = add(world, *store, "young", k_file_min);
    const GcResult result = collect_garbage(*store, {hours{50}, {}}, {});
    CHECK(result.results_removed == 1);
    CHECK(result.blobs_removed == 1);
    CHECK_FALSE(store->results().find(old));
    REQUIRE(store->results().find(young));
    CHECK(store->blobs().open(store->results().find(young)->content.hash));
    CHECK(verify(*store, Repair::none).damage.empty());
    CHECK(verify(*store, Repair::none).leftovers == 0);
  }
}

TEST_CASE("store: gc to a size removes the oldest first and stops when it fits") {
  for (const Backend backend : k_backends) {
    TestWorld world;
    const auto store = world.open(backend);
    std::vector<Digest> keys;
    for (const char* name : {"a", "b", "c", "d"}) {
      keys.push_back(add(world, *store, name, 100'000));
      world.clock.advance(hours{1});
    }
    const GcResult result = collect_garbage(*store, {{}, 250'000}, {});
    CHECK(result.results_removed == 2);
    CHECK(result.bytes_left <= 250'000);
    CHECK_FALSE(store->results().find(keys[0]));
    CHECK_FALSE(store->results().find(keys[1]));
    CHECK(store->results().find(keys[2]));
    CHECK(store->results().find(keys[3]));
  }
}

TEST_CASE("store: gc leaves what the journal names") {
  for (const Backend backend : k_backends) {
    TestWorld world;
    const auto store = world.open(backend);
    const Digest named = add(world, *store, "named", 10);
    const Content log = store->blobs().put("a log");
    const Content loose = store->blobs().put("nobody's");
    world.clock.advance(hours{1000});
    const Protected things{{named}, {log.hash}};
    CHECK(collect_garbage(*store, {hours{1}, 0}, things).blobs_removed == 1);
    CHECK(store->results().find(named));
    CHECK(store->blobs().contains(log.hash));
    CHECK_FALSE(store->blobs().contains(loose.hash));
  }
}

TEST_CASE("store: gc leaves bytes that another result still names") {
  TestWorld world;
  const auto store = world.open();
  Record old = record_of("old", store->blobs().put("shared"));
  old.last_used_at = world.clock.wall();
  store->results().put(old);
  world.clock.advance(hours{100});
  Record young = record_of("young", old.content);
  young.last_used_at = world.clock.wall();
  store->results().put(young);
  CHECK(collect_garbage(*store, {hours{50}, {}}, {}).results_removed == 1);
  CHECK(read_blob(store->blobs(), old.content.hash) == "shared");
}

TEST_CASE("store: gc leaves bytes that were put a moment ago, and old ones that were put again") {
  for (const Backend backend : k_backends) {
    TestWorld world;
    const auto store = world.open(backend);
    const std::string bytes = noise(k_file_min);
    const Content content = store->blobs().put(bytes);
    world.clock.advance(hours{1000});
    (void)store->blobs().put(bytes);
    const Content fresh = store->blobs().put("fresh");
    CHECK(collect_garbage(*store, {hours{1}, 0}, {}).blobs_removed == 0);
    CHECK(read_blob(store->blobs(), content.hash) == bytes);
    CHECK(read_blob(store->blobs(), fresh.hash) == "fresh");
  }
}

TEST_CASE("store: gc leaves what was used within a day before a running execution began") {
  TestWorld world;
  const auto store = world.open();
  const Digest older = add(world, *store, "older", 10);
  world.clock.advance(hours{30});
  const Digest used = add(world, *store, "used", 10);
  world.clock.advance(hours{20});
  const auto runner = world.open();
  const auto lock = try_run_lock(*runner, {.execution_id = k_id, .machine_folder = {}});
  REQUIRE(std::holds_alternative<RunLock>(lock));
  world.clock.advance(hours{1000});
  CHECK(collect_garbage(*store, {hours{1}, 0}, {}).results_removed == 1);
  CHECK_FALSE(store->results().find(older));
  CHECK(store->results().find(used));
}

TEST_CASE("store: gc goes by the oldest of several runners, and by none that has ended") {
  TestWorld world;
  const auto store = world.open();
  const Digest first = add(world, *store, "first", 10);
  world.clock.advance(hours{100});
  auto older = try_run_lock(*store, {.execution_id = k_id, .machine_folder = {}});
  world.clock.advance(hours{100});
  const Digest second = add(world, *store, "second", 10);
  world.clock.advance(hours{100});
  const auto newer = try_run_lock(*store, {.execution_id = k_other_id, .machine_folder = {}});
  world.clock.advance(hours{1000});
  CHECK(collect_garbage(*store, {hours{1}, 0}, {}).results_removed == 1);
  CHECK_FALSE(store->results().find(first));
  CHECK(store->results().find(second));
  older = LockHolder{};  // it ends
  CHECK(collect_garbage(*store, {hours{1}, 0}, {}).results_removed == 1);
  CHECK_FALSE(store->results().find(second));
}

TEST_CASE("store: a blob whose use was noted stays for a while, as if it had been put again") {
  TestWorld world;
  const auto store = world.open();
  const Digest noted = store->blobs().put(noise(k_file_min, 1)).hash;
  const Digest other = store->blobs().put(noise(k_file_min, 2)).hash;
  world.clock.advance(hours{10});
  CHECK(store->blobs().note_use(noted));
  CHECK_FALSE(store->blobs().note_use(sha256("never put")));
  CHECK(collect_garbage(*store, {}, {}).blobs_removed == 1);
  CHECK(store->blobs().contains(noted));
  CHECK_FALSE(store->blobs().contains(other));
}

}  // namespace
}  // namespace dsched
