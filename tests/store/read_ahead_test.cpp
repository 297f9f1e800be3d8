// SPDX-License-Identifier: Apache-2.0
#include "store/read_ahead.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::record_of;
using test::TestWorld;

constexpr StatTuple k_read_stat{10, 1'000'000'000, 2'000'000'000, 7};
constexpr WallTime k_much_later{std::chrono::seconds{3}};

// Leaves one result and one file digest in the world's store.
void fill(TestWorld& world) {
  const auto store = world.open();
  store->results().put(record_of("a", store->blobs().put("a")));
  store->file_digests().remember("a", k_read_stat, sha256("a"), k_much_later);
  store->file_digests().write();
}

TEST_CASE("store: what was read ahead is what load() and preload() would have read") {
  TestWorld world;
  fill(world);
  auto ahead = ReadAhead::read(world.options(), world.world());
  REQUIRE(ahead != nullptr);
  const auto store = world.open();
  CHECK_FALSE(store->file_digests().find("a", k_read_stat));
  CHECK(ahead->is_current());
  store->adopt(std::move(ahead));
  CHECK(store->file_digests().find("a", k_read_stat) == sha256("a"));
  // Found in memory: the row itself is gone without the store's knowledge.
  store->database().execute("DELETE FROM result");
  const auto found = store->results().find(record_of("a", {}).key);
  REQUIRE(found);
  CHECK(found->node_id == "a");
}

TEST_CASE("store: what was read ahead is dropped when somebody has committed since") {
  TestWorld world;
  fill(world);
  auto ahead = ReadAhead::read(world.options(), world.world());
  REQUIRE(ahead != nullptr);
  const auto store = world.open();
  store->results().remove(record_of("a", {}).key);
  CHECK_FALSE(ahead->is_current());
  store->adopt(std::move(ahead));
  CHECK_FALSE(store->file_digests().find("a", k_read_stat));
  CHECK_FALSE(store->results().find(record_of("a", {}).key));
}

TEST_CASE("store: nothing is read ahead from a store that is not there, and none is made") {
  TestWorld world;
  CHECK(ReadAhead::read(world.options(), world.world()) == nullptr);
  CHECK_FALSE(world.files.info(world.store_path()));
}

TEST_CASE("store: nothing is read ahead from a store that is not trusted") {
  TestWorld world;
  fill(world);
  std::filesystem::remove(world.folder.path() + "/state/key");
  CHECK(ReadAhead::read(world.options(), world.world()) == nullptr);
}

TEST_CASE("store: a row behind the last one found is told from one that only stands there") {
  TestWorld world;
  const auto store = world.open();
  const Content content = store->blobs().put("a");
  for (const char* name : {"a", "b", "c"}) store->results().put(record_of(name, content));
  store->results().preload();
  store->results().remove(record_of("b", {}).key);
  for (const char* name : {"a", "c", "b", "a", "c"}) {
    const auto found = store->results().find(record_of(name, {}).key);
    CHECK(found.has_value() == (std::string_view(name) != "b"));
    if (found) CHECK(found->node_id == name);
  }
}

}  // namespace
}  // namespace dsched
