// SPDX-License-Identifier: Apache-2.0
// A store file with a flipped byte or cut short never gives wrong bytes and never a crash: each
// read gives the right answer, nothing, or an Error.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "store/storage.h"
#include "store/test_world.h"
#include "store/verify.h"

namespace dsched {
namespace {

using namespace store;
using test::record_of;
using test::TestWorld;
namespace fs = std::filesystem;

using Snapshot = std::map<std::string, std::string>;  // path -> bytes

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Snapshot take_snapshot(const std::string& folder) {
  Snapshot snapshot;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) snapshot[entry.path()] = bytes_of(entry.path());
  }
  return snapshot;
}

// Writes in place, so that inodes stay and the store remains a trusted one.
void overwrite(const std::string& path, const std::string& bytes) {
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

void restore(const std::string& folder, const Snapshot& snapshot) {
  std::vector<fs::path> extra;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && !snapshot.contains(entry.path())) extra.push_back(entry.path());
  }
  for (const fs::path& path : extra) fs::remove(path);
  for (const auto& [path, bytes] : snapshot) {
    if (!fs::exists(path)) std::ofstream(path).flush();
    overwrite(path, bytes);
  }
}

struct Expected {
  Record record;
  std::string bytes;
};

// A small store with something of every kind in it.
std::vector<Expected> fill(Store& store) {
  std::vector<Expected> all;
  const std::string large = "large " + test::noise(k_file_min / 4, 3);
  for (const std::string& bytes :
       {std::string("tiny"), std::string(), test::noise(300, 5), large}) {
    Expected expected{record_of("node " + std::to_string(all.size()), store.blobs().put(bytes)),
                      bytes};
    expected.record.outputs = {{"out", 0, true, store.blobs().put("output"), {}}};
    expected.record.metadata = "{\"a\":1}";
    store.results().put(expected.record);
    all.push_back(std::move(expected));
  }
  store.file_digests().remember("/a", {1, 2, 3, 4}, sha256("file"), store.world().clock.wall());
  store.file_digests().write();
  return all;
}

void check_record(Store& store, const Expected& expected) {
  const std::optional<Record> found = store.results().details(expected.record.key);
  if (!found) return;
  CHECK(found->content == expected.record.content);
  CHECK(found->digest == expected.record.digest);
  CHECK(found->outputs == expected.record.outputs);
  CHECK(found->node_id == expected.record.node_id);
  CHECK((found->metadata == expected.record.metadata || found->metadata.empty()));
  CHECK((found->key_text == expected.record.key_text || found->key_text.empty()));
}

// Runs one read; an Error may only say that the store is damaged or no longer provably ours.
template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    CAPTURE(error.what());
    CHECK((error.kind() == ErrorKind::damaged || error.kind() == ErrorKind::untrusted_store));
  }
}

void check_reads(TestWorld& world, const Options& options, const std::vector<Expected>& all) {
  attempt([&] {
    const auto store = world.open(options);
    for (const Expected& expected : all) {
      attempt([&] { check_record(*store, expected); });
      attempt([&] {
        const auto bytes = read_blob(store->blobs(), expected.record.content.hash);
        if (bytes) CHECK(*bytes == expected.bytes);
      });
    }
    attempt([&] {
      store->file_digests().load();
      const auto hash = store->file_digests().find("/a", {1, 2, 3, 4});
      if (hash) CHECK(*hash == sha256("file"));
    });
    attempt([&] {
      store->results().preload();
      for (const Expected& expected : all) {
        const auto found = store->results().find(expected.record.key);
        if (found) CHECK(found->content == expected.record.content);
      }
    });
    attempt([&] {
      const auto latest = store->results().latest("dag", "node 0");
      if (latest) CHECK(latest->key == all[0].record.key);
    });
    attempt([&] { (void)verify(*store, Repair::none); });
  });
}

// How far apart damages lie in a file: about 60 per file, each at another place within its page;
// with DSCHED_TEST_THOROUGH set, every byte (minutes).
std::size_t step_for(std::size_t size) {
  if (std::getenv("DSCHED_TEST_THOROUGH") != nullptr) return 1;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return size / 15 + 1;  // several times slower
#else
  return size / 60 + 1;
#endif
}

// Most of a database is empty space, so a step that lands on a zero looks for something better.
std::size_t worth_flipping(const std::string& bytes, std::size_t at, std::size_t step) {
  for (std::size_t i = at; i < std::min(bytes.size(), at + step); ++i) {
    if (bytes[i] != 0) return i;
  }
  return at;
}

template <class Damage>
void for_each_damage(Backend backend, const Damage& damage) {
  TestWorld world;
  const Options options = world.options(backend);
  std::vector<Expected> all;
  Snapshot snapshot;
  {
    const auto store = world.open(options);
    all = fill(*store);
    store->sync();
    if (backend != Backend::hybrid) snapshot = take_snapshot(world.store_path());  // with its log
  }
  if (backend == Backend::hybrid) snapshot = take_snapshot(world.store_path());
  for (const auto& [path, bytes] : snapshot) {
    if (path.ends_with(".lock") || path.ends_with("-shm")) continue;  // say nothing that counts
    damage(path, bytes, [&](const std::string& damaged) {
      restore(world.store_path(), snapshot);
      overwrite(path, damaged);
      check_reads(world, options, all);
    });
  }
}

TEST_CASE("store: a flipped byte anywhere never gives wrong bytes") {
  for (const Backend backend : {Backend::hybrid, Backend::sqlite, Backend::filesystem}) {
    CAPTURE(name_of(backend));
    for_each_damage(backend, [](const std::string& path, std::string bytes, const auto& check) {
      const std::size_t step = step_for(bytes.size());
      for (std::size_t start = 0; start < bytes.size(); start += step) {
        const std::size_t at = worth_flipping(bytes, start, step);
        CAPTURE(path);
        CAPTURE(at);
        const char bit = static_cast<char>(1U << (at % 8));
        bytes[at] = static_cast<char>(bytes[at] ^ bit);
        check(bytes);
        bytes[at] = static_cast<char>(bytes[at] ^ bit);
      }
    });
  }
}

TEST_CASE("store: a file cut short anywhere never gives wrong bytes") {
  for (const Backend backend : {Backend::hybrid, Backend::sqlite, Backend::filesystem}) {
    CAPTURE(name_of(backend));
    for_each_damage(backend,
                    [](const std::string& path, const std::string& bytes, const auto& check) {
                      const std::size_t step = step_for(bytes.size());
                      for (std::size_t size = 0; size < bytes.size(); size += step) {
                        CAPTURE(path);
                        CAPTURE(size);
                        check(bytes.substr(0, size));
                      }
                    });
  }
}

TEST_CASE("store: verify names a damaged blob and repair drops it with its result") {
  for (const Backend backend : {Backend::hybrid, Backend::filesystem}) {
    TestWorld world;
    const auto store = world.open(backend);
    const Content content = store->blobs().put(test::noise(k_file_min));
    store->results().put(record_of("n", content));
    store->results().put(record_of("whole", store->blobs().put("whole")));
    const std::string path = *store->blobs().file_path(content.hash);
    CHECK(verify(*store, Repair::none).damage.empty());
    overwrite(path, test::noise(k_file_min, 99));
    const Verification found = verify(*store, Repair::none);
    REQUIRE(found.damage.size() == 2);
    CHECK(found.damage[0].kind == Damage::Kind::blob);
    CHECK(found.damage[1].kind == Damage::Kind::missing_blob);
    const Verification repaired = verify(*store, Repair::drop);
    CHECK(repaired.repaired == repaired.damage.size());
    CHECK(verify(*store, Repair::none).damage.empty());
    CHECK_FALSE(store->results().find(sha256("key of n")));
    CHECK(store->results().find(sha256("key of whole")));
  }
}

TEST_CASE("store: a damaged blob heals when its bytes are put again") {
  for (const Backend backend : {Backend::hybrid, Backend::filesystem}) {
    TestWorld world;
    const auto store = world.open(backend);
    const std::string bytes = test::noise(k_file_min);
    const Content content = store->blobs().put(bytes);
    overwrite(*store->blobs().file_path(content.hash), "short");
    CHECK_THROWS_AS((void)store->blobs().open(content.hash), Error);
    (void)store->blobs().put(bytes);
    CHECK(read_blob(store->blobs(), content.hash) == bytes);
  }
}

TEST_CASE("store: a damaged chunk is noticed, and heals when the bytes are put again") {
  TestWorld world;
  const auto store = world.open(Backend::sqlite);
  const std::string bytes = test::noise(2 * k_chunked_min);
  const Content content = store->blobs().put(bytes);
  store->database().execute("UPDATE chunk SET data=zeroblob(65536) WHERE id%16777216=3");
  CHECK_THROWS_AS((void)store->blobs().open(content.hash), Error);
  CHECK(verify(*store, Repair::none).damage.size() == 1);
  (void)store->blobs().put(bytes);
  CHECK(read_blob(store->blobs(), content.hash) == bytes);
  CHECK(verify(*store, Repair::none).damage.empty());
}

TEST_CASE("store: a database that cannot be opened can be discarded, and file blobs are kept") {
  TestWorld world;
  Content content;
  {
    const auto store = world.open();
    content = store->blobs().put(test::noise(k_file_min));
  }
  overwrite(world.store_path() + "/store.db", "not a database, and longer than a header is");
  CHECK_THROWS_AS((void)world.open(), Error);
  CHECK_FALSE(discard_database(world.options(), world.world()).empty());
  const auto store = world.open();
  CHECK(read_blob(store->blobs(), content.hash) == test::noise(k_file_min));
}

}  // namespace
}  // namespace dsched
