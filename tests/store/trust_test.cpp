// SPDX-License-Identifier: Apache-2.0
// Which stores may be used, and what an opening makes.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::record_of;
using test::TestWorld;
namespace fs = std::filesystem;

std::optional<ErrorKind> kind_of_opening(TestWorld& world, const Options& options) {
  try {
    world.open(options);
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

std::optional<ErrorKind> kind_of_opening(TestWorld& world) {
  return kind_of_opening(world, world.options());
}

TEST_CASE("store: an opening makes a private folder that backups and git leave out") {
  TestWorld world;
  const auto store = world.open();
  CHECK(world.files.info(world.store_path())->mode == 0700);
  CHECK(world.folder.read(".dsched/.gitignore") == "*\n");
  CHECK(world.folder.read(".dsched/CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172"));
  CHECK(world.files.info(world.folder.path() + "/state/key")->mode == 0600);
  CHECK(store->identity().id.size() == 32);
  CHECK(store->identity().secret.size() == 32);
}

TEST_CASE("store: id, secret and backend are the same at the next opening") {
  TestWorld world;
  const auto first = world.open(Backend::sqlite);
  const Store::Identity identity = first->identity();
  Options options = world.options();
  options.backend.reset();
  const auto second = world.open(options);
  CHECK(identity.is_new);
  CHECK_FALSE(second->identity().is_new);
  CHECK(second->identity().id == identity.id);
  CHECK(second->identity().secret == identity.secret);
  CHECK(second->identity().backend == Backend::sqlite);
}

// Replaces the store by a copy of itself, as cp -r makes it.
void copy_store(TestWorld& world) {
  const std::string original = world.folder.path() + "/original";
  fs::rename(world.store_path(), original);
  fs::copy(original, world.store_path(), fs::copy_options::recursive);
}

// As a clone makes it: git knows no private modes.
void publish_modes(TestWorld& world) {
  using fs::perms;
  const perms all_read =
      perms::owner_read | perms::owner_write | perms::group_read | perms::others_read;
  for (const char* name : {"/identity", "/store.db"}) {
    fs::permissions(world.store_path() + name, all_read);
  }
  const perms all_enter = all_read | perms::owner_exec | perms::group_exec | perms::others_exec;
  fs::permissions(world.store_path(), all_enter);
}

TEST_CASE("store: a private copy of one's own store is trusted, and marked anew") {
  TestWorld world;
  { (void)world.open()->blobs().put("x"); }
  copy_store(world);
  CHECK_FALSE(kind_of_opening(world));
  // Marked: it is now an original, beneath which nothing may be exchanged.
  const std::string database = world.store_path() + "/store.db";
  fs::copy(database, world.folder.path() + "/planted");
  fs::rename(world.folder.path() + "/planted", database);
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: a clone of a store is refused until it is adopted, and then trusted for good") {
  TestWorld world;
  { (void)world.open()->blobs().put("x"); }
  copy_store(world);
  publish_modes(world);
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
  Options options = world.options();
  options.mode = Mode::read_only;
  CHECK(kind_of_opening(world, options) == ErrorKind::untrusted_store);
  options.mode = Mode::create;
  options.trust = Trust::adopt;
  CHECK_FALSE(kind_of_opening(world, options));
  CHECK_FALSE(kind_of_opening(world));
}

TEST_CASE("store: a copy of another user's store is refused, however private") {
  TestWorld world;
  { (void)world.open()->blobs().put("x"); }
  copy_store(world);
  world.host.states = {world.folder.path() + "/other_state"};
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: a store that was moved is still trusted") {
  TestWorld world;
  { (void)world.open()->blobs().put("x"); }
  const std::string moved = world.folder.path() + "/moved";
  fs::rename(world.store_path(), moved);
  Options options = world.options();
  options.folder = moved;
  CHECK_FALSE(kind_of_opening(world, options));
}

TEST_CASE("store: a database exchanged beneath a good identity is refused") {
  TestWorld world;
  { (void)world.open(); }
  const std::string database = world.store_path() + "/store.db";
  fs::copy(database, world.folder.path() + "/planted");
  fs::rename(world.folder.path() + "/planted", database);
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: a database without an identity is refused, whatever it holds") {
  TestWorld world;
  { (void)world.open(); }
  fs::remove(world.store_path() + "/identity");
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: another user's key does not open a store") {
  TestWorld world;
  { (void)world.open(); }
  world.host.states = {world.folder.path() + "/other_state"};
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: a store that others can write is refused") {
  for (const char* name : {"", "/store.db", "/blobs", "/identity", "/run"}) {
    CAPTURE(name);
    TestWorld world;
    { (void)world.open(); }
    fs::permissions(world.store_path() + name, fs::perms::group_write, fs::perm_options::add);
    CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
  }
}

TEST_CASE("store: a link inside a store is refused") {
  for (const char* name : {"/store.db", "/blobs", "/tmp", "/run", "/blobs/00"}) {
    CAPTURE(name);
    TestWorld world;
    { (void)world.open(); }
    const std::string elsewhere = world.folder.path() + "/elsewhere";
    if (fs::exists(world.store_path() + name)) fs::rename(world.store_path() + name, elsewhere);
    fs::create_symlink(elsewhere, world.store_path() + name);
    CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
  }
}

TEST_CASE("store: the store's own path may be a link of the same user") {
  TestWorld world;
  { (void)world.open(); }
  const std::string moved = world.folder.path() + "/moved";
  fs::rename(world.store_path(), moved);
  fs::create_symlink(moved, world.store_path());
  CHECK_FALSE(kind_of_opening(world));
}

TEST_CASE("store: a store of another user is refused") {
  TestWorld world;
  { (void)world.open(); }
  world.host.user_number = 4'000'000;
  CHECK(kind_of_opening(world) == ErrorKind::untrusted_store);
}

TEST_CASE("store: a folder with other files is refused and left as it was") {
  TestWorld world;
  world.folder.write(".dsched/letter.txt", "dear");
  fs::permissions(world.store_path(), fs::perms::owner_all);
  CHECK(kind_of_opening(world) == ErrorKind::environment);
  CHECK(world.files.list(world.store_path()) == std::vector<std::string>{"letter.txt"});
}

TEST_CASE("store: a network file system is refused with advice, and nothing is made") {
  TestWorld world;
  world.host.network = "nfs";
  CHECK(kind_of_opening(world) == ErrorKind::environment);
  CHECK_FALSE(world.files.info(world.store_path()));
}

TEST_CASE("store: opening an existing store makes none") {
  TestWorld world;
  Options options = world.options();
  options.mode = Mode::existing;
  CHECK(kind_of_opening(world, options) == ErrorKind::not_found);
  CHECK_FALSE(world.files.info(world.store_path()));
}

TEST_CASE("store: reading without a store makes nothing and finds nothing") {
  TestWorld world;
  Options options = world.options();
  options.mode = Mode::read_only;
  const auto store = world.open(options);
  CHECK_FALSE(store->results().find(sha256("key")));
  CHECK_FALSE(store->blobs().open(sha256("bytes")));
  CHECK(world.files.list(world.folder.path()).empty());
}

TEST_CASE("store: reading a store changes no file of it") {
  TestWorld world;
  {
    const auto store = world.open();
    store->results().put(record_of("n", store->blobs().put("x")));
    (void)store->blobs().put(test::noise(k_file_min));
  }
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(world.store_path())) {
      all.push_back(entry.path().string() + " " +
                    std::to_string(world.files.info(entry.path().string())->mtime_ns));
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto before = names();
  Options options = world.options();
  options.mode = Mode::read_only;
  {
    const auto store = world.open(options);
    CHECK(store->results().find(sha256("key of n")));
    CHECK(store->blobs().open(sha256("x")));
    CHECK(store->blobs().open(sha256(test::noise(k_file_min))));
  }
  CHECK(names() == before);
}

TEST_CASE("store: a key that others can read is an error, not a key") {
  TestWorld world;
  { (void)world.open(); }
  fs::permissions(world.folder.path() + "/state/key", fs::perms::group_read, fs::perm_options::add);
  CHECK(kind_of_opening(world) == ErrorKind::environment);
}

TEST_CASE("store: the next state folder serves when the first cannot be made") {
  TestWorld world;
  world.folder.write("file", "");
  world.host.states = {world.folder.path() + "/file/below", world.folder.path() + "/second"};
  CHECK_FALSE(kind_of_opening(world));
  CHECK(world.files.info(world.folder.path() + "/second/key"));
}

TEST_CASE("store: leftovers in tmp go at the next opening, unless somebody has the store open") {
  TestWorld world;
  auto first = world.open();
  world.folder.write(".dsched/tmp/leftover", "x");
  { (void)world.open(); }
  CHECK(world.folder.exists(".dsched/tmp/leftover"));
  first.reset();
  { (void)world.open(); }
  CHECK_FALSE(world.folder.exists(".dsched/tmp/leftover"));
}

}  // namespace
}  // namespace dsched
