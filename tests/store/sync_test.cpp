// SPDX-License-Identifier: Apache-2.0
// What several writers of one store may say of what has been synced.
#include <doctest/doctest.h>

#include "store/recovery.h"
#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::noise;
using test::TestWorld;

std::vector<Digest> listed(Store& store) {
  std::vector<Digest> hashes;
  for (const Unsynced::Blob& blob : unsynced_blobs(store.database()).blobs) {
    hashes.push_back(blob.hash);
  }
  return hashes;
}

TEST_CASE("store: a sync covers the file blobs of every writer, and those made later come next") {
  TestWorld world;
  const auto one = world.open();
  const auto other = world.open();
  const Digest first = one->blobs().put(noise(k_file_min, 1)).hash;
  const Digest second = other->blobs().put(noise(k_file_min, 2)).hash;
  (void)other->blobs().put("no file");
  CHECK(listed(*one) == std::vector<Digest>{first, second});
  one->sync();
  CHECK(listed(*one).empty());
  CHECK(listed(*other).empty());
  const Digest third = other->blobs().put(noise(k_file_min, 3)).hash;
  CHECK(listed(*one) == std::vector<Digest>{third});
}

TEST_CASE("store: a blob that came while others were synced does not count as synced") {
  TestWorld world;
  const auto one = world.open();
  const auto other = world.open();
  (void)one->blobs().put(noise(k_file_min, 1));
  const Digest second = one->blobs().put(noise(k_file_min, 2)).hash;
  const Unsynced covered = unsynced_blobs(one->database());
  CHECK(covered.blobs.size() == 2);
  // The third gets the number that the second had.
  CHECK(other->blobs().remove(second));
  const Digest third = other->blobs().put(noise(k_file_min, 3)).hash;
  const Digest fourth = other->blobs().put(noise(k_file_min, 4)).hash;
  CHECK(unsynced_blobs(one->database()).blobs[1].id == covered.blobs[1].id);
  note_synced(one->database(), covered);
  CHECK(listed(*one) == std::vector<Digest>{third, fourth});
}

TEST_CASE("store: a note never goes back") {
  TestWorld world;
  const auto one = world.open();
  const Unsynced early = unsynced_blobs(one->database());
  (void)one->blobs().put(noise(k_file_min, 1));
  one->sync();
  note_synced(one->database(), early);
  CHECK(listed(*one).empty());
}

TEST_CASE("store: a blob whose row has gone since it was asked for is absent, not damaged") {
  TestWorld world;
  const auto one = world.open();
  const auto other = world.open();
  const Digest hash = one->blobs().put(noise(k_file_min, 1)).hash;
  CHECK(other->blobs().remove(hash));
  CHECK(one->blobs().open(hash) == nullptr);
  CHECK_FALSE(one->blobs().file_path(hash));
}

}  // namespace
}  // namespace dsched
