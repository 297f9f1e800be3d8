// SPDX-License-Identifier: Apache-2.0
#include "store/file_digests.h"

#include <doctest/doctest.h>

#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::TestWorld;

constexpr StatTuple k_stat{10, 1'000'000'000, 2'000'000'000, 7};
constexpr WallTime k_later{std::chrono::seconds{3}};

TEST_CASE("store: a file digest is found again only for the very same stat tuple") {
  TestWorld world;
  const auto store = world.open();
  store->file_digests().remember("a", k_stat, sha256("a"), k_later);
  store->file_digests().write();
  FileDigests fresh(store->database());
  fresh.load();
  CHECK(fresh.find("a", k_stat) == sha256("a"));
  CHECK_FALSE(fresh.find("b", k_stat));
  for (const StatTuple& other :
       {StatTuple{11, 1'000'000'000, 2'000'000'000, 7}, StatTuple{10, 1, 2'000'000'000, 7},
        StatTuple{10, 1'000'000'000, 1, 7}, StatTuple{10, 1'000'000'000, 2'000'000'000, 8}}) {
    CHECK_FALSE(fresh.find("a", other));
  }
}

TEST_CASE("store: a file as young as the clock's grain is not remembered") {
  TestWorld world;
  const auto store = world.open();
  const WallTime changed{Nanoseconds{k_stat.ctime_ns}};
  store->file_digests().remember("young", k_stat, sha256("a"), changed + k_grain - Nanoseconds{1});
  store->file_digests().remember("settled", k_stat, sha256("a"), changed + k_grain);
  store->file_digests().remember("future", k_stat, sha256("a"), changed - std::chrono::hours{1});
  CHECK_FALSE(store->file_digests().find("young", k_stat));
  CHECK(store->file_digests().find("settled", k_stat));
  CHECK_FALSE(store->file_digests().find("future", k_stat));
}

TEST_CASE("store: queued file digests are written once, the newest of a path") {
  TestWorld world;
  const auto store = world.open();
  StatTuple newer = k_stat;
  newer.size = 11;
  store->file_digests().remember("a", k_stat, sha256("old"), k_later);
  store->file_digests().remember("a", newer, sha256("new"), k_later);
  CHECK(store->file_digests().has_queued());
  store->file_digests().write();
  CHECK_FALSE(store->file_digests().has_queued());
  FileDigests fresh(store->database());
  fresh.load();
  CHECK(fresh.size() == 1);
  CHECK(fresh.find("a", newer) == sha256("new"));
}

}  // namespace
}  // namespace dsched
