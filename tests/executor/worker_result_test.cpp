// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_result.h"

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <string>

#include "support/temp_folder.h"

namespace dsched::executor {
namespace {

// A result file and who writes to it.
struct ResultWorld {
  TempFolder folder;
  sys::PosixFiles files;
  std::function<store::StagedFile()> stage = [this] {
    return store::StagedFile(files.stage(folder.path()));
  };
  ResultFile result{stage};

  void write(const std::string& text) { sys::write_all(result.fd(), text, "test"); }
  void hash_all() {
    while (result.hash_some()) continue;
  }
};

std::string text_of_size(std::size_t size, char first) {
  std::string text(size, first);
  for (std::size_t at = 0; at < size; at += 1000) text[at] = static_cast<char>('a' + at % 26);
  return text;
}

constexpr std::size_t k_large = 3 * 1024 * 1024 + 17;

}  // namespace

TEST_CASE("executor: the hash of a result is that of its bytes, hashed meanwhile or not") {
  for (const bool grows : {false, true}) {
    ResultWorld world;
    if (grows) world.result.only_grow();
    const std::string first = text_of_size(k_large, 'x');
    world.write(first);
    world.hash_all();
    CHECK_FALSE(world.result.hash_some());
    const std::string more = text_of_size(100, 'y');
    world.write(more);
    const Captured captured = world.result.take();
    CHECK(captured.content.hash == sha256(first + more));
    CHECK(captured.content.size == k_large + 100);
    CHECK(captured.file.has_value());
    // The next one is another file.
    world.write("small");
    CHECK(world.result.take().content.hash == sha256("small"));
  }
}

TEST_CASE("executor: what only grows cannot be written over") {
  ResultWorld world;
  world.result.only_grow();
  world.write(text_of_size(k_large, 'x'));
  REQUIRE(::lseek(world.result.fd(), 0, SEEK_SET) == 0);
  world.write("later");
  CHECK(world.result.take().content.hash == sha256(text_of_size(k_large, 'x') + "later"));
}

TEST_CASE("executor: a result that was cut short while it was hashed has the hash of the rest") {
  for (const std::size_t rest : {std::size_t{0}, std::size_t{5}, std::size_t{200'000}}) {
    ResultWorld world;
    world.result.only_grow();
    const std::string whole = text_of_size(k_large, 'x');
    world.write(whole);
    world.hash_all();
    REQUIRE(::ftruncate(world.result.fd(), static_cast<off_t>(rest)) == 0);
    CHECK_FALSE(world.result.hash_some());
    CHECK(world.result.take().content.hash == sha256(whole.substr(0, rest)));
  }
}

}  // namespace dsched::executor
