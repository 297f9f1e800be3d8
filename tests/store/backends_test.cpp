// SPDX-License-Identifier: Apache-2.0
// The laws that hold for all three backends alike, with and without compression.
#include <doctest/doctest.h>

#include "base/error.h"
#include "store/test_world.h"

namespace dsched {
namespace {

using namespace store;
using test::noise;
using test::record_of;
using test::TestWorld;

struct Variant {
  Backend backend;
  Compression compression;
};
constexpr Variant k_variants[] = {
    {Backend::hybrid, Compression::off},       {Backend::sqlite, Compression::off},
    {Backend::filesystem, Compression::off},   {Backend::hybrid, Compression::zstd},
    {Backend::sqlite, Compression::zstd},      {Backend::filesystem, Compression::zstd},
    {Backend::hybrid, Compression::automatic},
};

// Runs a law in a fresh world for each variant.
template <class Law>
void for_each_variant(const Law& law) {
  for (const Variant& variant : k_variants) {
    CAPTURE(name_of(variant.backend));
    CAPTURE(static_cast<int>(variant.compression));
    TestWorld world;
    Options options = world.options(variant.backend);
    options.compression = variant.compression;
    law(world, options);
  }
}

// Sizes around every threshold.
constexpr std::size_t k_sizes[] = {0,
                                   1,
                                   4095,
                                   k_file_min - 1,
                                   k_file_min,
                                   k_file_min + 1,
                                   k_chunked_min - 1,
                                   k_chunked_min,
                                   k_chunked_min + 1,
                                   5 * k_chunked_min + 17};

StagedFile staged_with(Store& store, std::string_view bytes) {
  StagedFile file = store.stage();
  sys::write_all(file.fd(), bytes, "test");
  return file;
}

TEST_CASE("store: bytes of any size come back as they were put, also after reopening") {
  for_each_variant([](TestWorld& world, const Options& options) {
    std::vector<Content> contents;
    {
      const auto store = world.open(options);
      for (const std::size_t size : k_sizes) contents.push_back(store->blobs().put(noise(size)));
      for (const Content& content : contents) {
        CHECK(read_blob(store->blobs(), content.hash) == noise(content.size));
      }
    }
    const auto store = world.open(options);
    for (const Content& content : contents) {
      CAPTURE(content.size);
      CHECK(read_blob(store->blobs(), content.hash) == noise(content.size));
    }
  });
}

TEST_CASE("store: a staged file that is kept gives the same blob as its bytes") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    for (const std::size_t size : k_sizes) {
      CAPTURE(size);
      const std::string bytes = noise(size);
      const Content content{sha256(bytes), size};
      store->blobs().keep(staged_with(*store, bytes), content);
      CHECK(read_blob(store->blobs(), content.hash) == bytes);
      CHECK(store->blobs().put(bytes) == content);
    }
  });
}

TEST_CASE("store: equal content is stored once") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    for (int round = 0; round < 3; ++round) {
      for (const std::size_t size : k_sizes) {
        (void)store->blobs().put(noise(size));
        store->blobs().keep(staged_with(*store, noise(size)), {sha256(noise(size)), size});
      }
    }
    std::size_t count = 0;
    store->blobs().each([&](const BlobInfo&) { ++count; });
    CHECK(count == std::size(k_sizes));
  });
}

TEST_CASE("store: a part of a blob can be read from any offset") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    const std::string bytes = noise(3 * k_chunked_min + 5);
    const Content content = store->blobs().put(bytes);
    const auto reader = store->blobs().open(content.hash);
    REQUIRE(reader);
    CHECK(reader->size() == bytes.size());
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{65535},
                                     std::size_t{65537}, std::size_t{2'000'000}}) {
      std::string part(70'000, '\0');
      REQUIRE(reader->read(offset, part) == part.size());
      CHECK(part == bytes.substr(offset, part.size()));
    }
    std::string tail(100, '\0');
    CHECK(reader->read(bytes.size() - 3, tail) == 3);
    CHECK(reader->read(bytes.size() + 3, tail) == 0);
  });
}

TEST_CASE("store: what is removed is absent, and removing it again answers false") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    for (const std::size_t size : k_sizes) {
      const Content content = store->blobs().put(noise(size));
      CHECK(store->blobs().contains(content.hash));
      CHECK(store->blobs().remove(content.hash));
      CHECK_FALSE(store->blobs().contains(content.hash));
      CHECK_FALSE(store->blobs().open(content.hash));
      CHECK_FALSE(store->blobs().remove(content.hash));
    }
  });
}

TEST_CASE("store: nothing of a transaction that is not committed remains in the database") {
  for (const Backend backend : {Backend::hybrid, Backend::sqlite}) {
    TestWorld world;
    const auto store = world.open(backend);
    const std::string bytes = noise(2 * k_chunked_min);
    {
      const sys::Transaction transaction(store->database());
      const Content content = store->blobs().put("small");
      store->results().put(record_of("a", content));
      (void)store->blobs().put(bytes);
    }
    CHECK_FALSE(store->results().find(sha256("key of a")));
    std::size_t count = 0;
    store->blobs().each([&](const BlobInfo&) { ++count; });
    CHECK(count == 0);
    CHECK(store->blobs().put(bytes).size == bytes.size());
  }
}

TEST_CASE("store: a record comes back whole, by key, in bulk and in detail") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    Record record = record_of("words", store->blobs().put("result"));
    record.metadata = "{\"a\":1}";
    record.data_type = DataType::nested;
    record.duration = std::chrono::milliseconds{5};
    const Content member = store->blobs().put("member");
    record.outputs = {{"out/a", 0, true, store->blobs().put("a"), {}},
                      {"out/folder", 2, false, store->blobs().put("manifest"), {member, member}}};
    store->results().put(record);
    const auto same = [&](const std::optional<Record>& found) {
      REQUIRE(found);
      CHECK(found->node_id == record.node_id);
      CHECK(found->dag_id == record.dag_id);
      CHECK(found->content == record.content);
      CHECK(found->digest == record.digest);
      CHECK(found->outputs == record.outputs);
      CHECK(found->data_type == record.data_type);
      CHECK(found->duration == record.duration);
      CHECK(found->created_at == record.created_at);
    };
    same(store->results().find(record.key));
    const auto detailed = store->results().details(record.key);
    same(detailed);
    CHECK(detailed->key_text == record.key_text);
    CHECK(detailed->metadata == record.metadata);
    store->results().preload();
    same(store->results().find(record.key));
    CHECK_FALSE(store->results().find(sha256("another key")));
  });
}

TEST_CASE("store: results are found by prefix, by base key and as the latest of a node") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    const Content content = store->blobs().put("x");
    Record first = record_of("n", content);
    first.depfile_inputs = {{"a.h", sha256("old")}};
    first.key = key_with_inputs(first.base_key, first.depfile_inputs);
    Record second = first;
    second.depfile_inputs = {{"a.h", sha256("new")}};
    second.key = key_with_inputs(second.base_key, second.depfile_inputs);
    second.created_at += std::chrono::seconds{1};
    for (const bool preloaded : {false, true}) {
      if (preloaded) store->results().preload();
      store->results().put(first);
      store->results().put(second);
      const auto candidates = store->results().find_candidates(first.base_key);
      REQUIRE(candidates.size() == 2);
      CHECK(candidates[0].key == second.key);
      CHECK(candidates[0].depfile_inputs == second.depfile_inputs);
      CHECK(candidates[1].key == first.key);
      const auto latest = store->results().latest("dag", "n");
      REQUIRE(latest);
      CHECK(latest->key == second.key);
      CHECK(latest->key_text == second.key_text);
      CHECK_FALSE(store->results().latest("other", "n"));
      CHECK(store->results().with_prefix(to_hex(first.key).substr(0, 13), 10) ==
            std::vector{first.key});
      CHECK(store->results().with_prefix("", 10).size() == 2);
      CHECK(store->results().with_prefix("xyz", 10).empty());
    }
  });
}

TEST_CASE("store: metadata can be changed and everything else of the record stays") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    const Record record = record_of("n", store->blobs().put("x"));
    CHECK_FALSE(store->results().update_metadata(record.key, "{}"));
    store->results().put(record);
    CHECK(store->results().update_metadata(record.key, "{\"b\":2}"));
    const auto found = store->results().details(record.key);
    REQUIRE(found);
    CHECK(found->metadata == "{\"b\":2}");
    CHECK(found->key_text == record.key_text);
    CHECK(found->content == record.content);
  });
}

TEST_CASE("store: use is noted at most once a day") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    const Record record = record_of("n", store->blobs().put("x"));
    store->results().put(record);
    store->results().touch(record, record.last_used_at + std::chrono::hours{23});
    CHECK(store->results().find(record.key)->last_used_at == record.last_used_at);
    const WallTime later = record.last_used_at + std::chrono::hours{25};
    store->results().touch(record, later);
    CHECK(store->results().find(record.key)->last_used_at == later);
  });
}

TEST_CASE("store: a large uncompressed blob can be read by its path") {
  for (const Backend backend : {Backend::hybrid, Backend::filesystem}) {
    TestWorld world;
    const auto store = world.open(backend);
    const std::string bytes = noise(k_file_min);
    const Content content = store->blobs().put(bytes);
    const auto path = store->blobs().file_path(content.hash);
    REQUIRE(path);
    const sys::Fd fd = world.files.open(*path);
    std::string found(bytes.size() + 1, '\0');
    found.resize(sys::read_at(fd.get(), 0, found));
    CHECK(found == bytes);
    CHECK(world.files.info(*path)->mode == 0444);
  }
}

TEST_CASE("store: what one backend wrote another can read") {
  TestWorld world;
  std::vector<Content> contents;
  for (const Backend backend : {Backend::hybrid, Backend::sqlite, Backend::filesystem}) {
    const auto store = world.open(backend);
    for (const std::size_t size : k_sizes) {
      contents.push_back(store->blobs().put(noise(size, static_cast<std::uint64_t>(backend) + 1)));
    }
  }
  const auto store = world.open();
  for (const Content& content : contents) CHECK(read_blob(store->blobs(), content.hash));
}

TEST_CASE("store: a staged file that changed after it was hashed is refused") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    const Content content{sha256("first"), 5};
    CHECK_THROWS_AS(store->blobs().keep(staged_with(*store, "second"), content), Error);
    CHECK_FALSE(store->blobs().contains(content.hash));
  });
}

TEST_CASE("store: no leftovers remain in tmp after staged files were abandoned or kept") {
  for_each_variant([](TestWorld& world, const Options& options) {
    const auto store = world.open(options);
    { const StagedFile abandoned = staged_with(*store, "x"); }
    store->blobs().keep(staged_with(*store, noise(100'000)), {sha256(noise(100'000)), 100'000});
    CHECK(world.files.list(world.store_path() + "/tmp").empty());
  });
}

}  // namespace
}  // namespace dsched
