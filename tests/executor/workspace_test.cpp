// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "executor/files_world.h"
#include "sys/wait_readable.h"

using namespace dsched;
using namespace dsched::executor;
using dsched::testing::FilesWorld;

namespace fs = std::filesystem;

TEST_CASE("executor: inputs are each given once, sorted bytewise, with their hashes") {
  FilesWorld world;
  world.write("b", "B");
  world.write("a/x", "X");
  world.write("a.c", "C");
  CHECK(world.examined({"b", "a", "*", "b"}) == "a.c a/x b");
  CHECK(world.examine_one("b").hash == sha256("B"));
}

TEST_CASE("executor: a missing input is not_found and one outside is refused") {
  FilesWorld world;
  world.temp.write("secret", "s");
  world.link("out", "../secret");
  const std::string_view missing = "nothing";
  auto result = world.workspace->examine(std::span(&missing, 1));
  REQUIRE(std::holds_alternative<InputProblem>(result));
  CHECK(std::get<InputProblem>(result).failure == FailureClass::not_found);
  CHECK(std::get<InputProblem>(result).error == "input nothing: no such file or directory");
  const std::string_view out = "out";
  result = world.workspace->examine(std::span(&out, 1));
  REQUIRE(std::holds_alternative<InputProblem>(result));
  CHECK(std::get<InputProblem>(result).failure == FailureClass::refused);
  CHECK(world.examined({"../secret"}) ==
        "input ../secret: leaves the folder through a link or '..'");
}

TEST_CASE("executor: an absolute input may lie anywhere") {
  FilesWorld world;
  world.temp.write("elsewhere", "E");
  const std::string path = world.temp / "elsewhere";
  CHECK(world.examine_one(path).hash == sha256("E"));
  CHECK(world.examine_one(path).path == path);
}

TEST_CASE("executor: a settled file is not read again, a young one always is") {
  FilesWorld world;
  world.write("f", "one");
  CHECK(world.examine_one("f").hash == sha256("one"));
  CHECK(world.digests->size() == 1);

  FilesWorld young;
  young.keep_files_young();
  young.write("f", "one");
  CHECK(young.examine_one("f").hash == sha256("one"));
  CHECK(young.digests->size() == 0);
}

TEST_CASE("executor: young files are remembered when they have settled") {
  FilesWorld world;
  world.keep_files_young();
  world.write("f", "one");
  const InputFile file = world.examine_one("f");
  world.workspace->settle();
  CHECK(world.digests->size() == 0);
  world.let_files_settle();
  world.workspace->settle();
  CHECK(world.digests->find("f", file.stat) == sha256("one"));
}

TEST_CASE("executor: paths found by a depfile that vanished have a zero hash") {
  FilesWorld world;
  world.write("there.h", "h");
  const std::vector<std::string> paths{"there.h", "gone.h"};
  const auto files = world.workspace->examine_exact(paths);
  REQUIRE(files.size() == 2);
  CHECK(files[0].hash == sha256("h"));
  CHECK(files[1].hash == Digest{});
}

TEST_CASE("executor: prefetched tuples give the same answers as single looks") {
  FilesWorld world;
  world.write("in/a", "A");
  world.write("in/b", "B");
  world.link("linked", "in");
  world.link("in/c", "a");
  world.temp.write("secret", "s");
  world.link("out", "..");
  const std::vector<std::string_view> paths{
      "in/a",       "in/b", "in/c", "linked/a", "in",      "none", "none/x",
      "out/secret", "in/a", "in/*", ".",        "in/a/no", ""};
  std::vector<std::string> before;
  for (const std::string_view path : paths) before.push_back(world.examined({path}));
  world.workspace->prefetch(paths);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CAPTURE(paths[i]);
    CHECK(world.examined({paths[i]}) == before[i]);
  }
}

TEST_CASE("executor: prefetched tuples stand until they are forgotten") {
  FilesWorld world;
  const std::string_view path = "f";
  world.workspace->prefetch(std::span(&path, 1));
  world.write("f", "new");
  CHECK(world.examined({"f"}) == "input f: no such file or directory");
  world.workspace->forget_prefetched();
  CHECK(world.examined({"f"}) == "f");
}

TEST_CASE("executor: a restored output is seen at once though tuples were prefetched") {
  FilesWorld world;
  world.write("f", "kept");
  const OutputRecord record = world.record("f");
  fs::remove(world.temp / "program/f");
  const std::string_view path = "f";
  world.workspace->prefetch(std::span(&path, 1));
  CHECK_FALSE(world.workspace->in_place(std::span(&record, 1)));
  CHECK_FALSE(world.workspace->restore(std::span(&record, 1)));
  CHECK(world.examine_one("f").hash == sha256("kept"));
}

TEST_CASE("executor: many prefetched files are found whichever thread looked at them") {
  FilesWorld world;
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i)
    names.push_back("d" + std::to_string(i % 7) + "/f" + std::to_string(i));
  for (const std::string& name : names) world.write(name, name);
  const std::vector<std::string_view> paths(names.begin(), names.end());
  world.workspace->prefetch(paths);
  for (const std::string& name : names) {
    if (world.examine_one(name).hash != sha256(name)) FAIL(name);
  }
}

TEST_CASE("executor: an output is in place only with its kind, bit and content") {
  FilesWorld world;
  world.write("f", "content");
  const OutputRecord record = world.record("f");
  const auto in_place = [&](const OutputRecord& is) {
    return world.workspace->in_place(std::span(&is, 1));
  };
  CHECK(in_place(record));
  OutputRecord other = record;
  other.executable = true;
  CHECK_FALSE(in_place(other));
  other = record;
  other.content.hash = sha256("CONTENT");
  CHECK_FALSE(in_place(other));
  other = record;
  other.kind = FileKind::folder;
  CHECK_FALSE(in_place(other));
  world.write("f", "CONTENT");
  CHECK_FALSE(in_place(record));
}

TEST_CASE("executor: what was changed, removed or replaced is put back") {
  FilesWorld world;
  world.write("out/tool", "#!/bin/sh\n");
  fs::permissions(world.temp / "program/out/tool", fs::perms::owner_all);
  world.link("out/link", "tool");
  const std::vector<OutputRecord> records{world.record("out/tool"), world.record("out/link")};
  SUBCASE("removed with its folder") {
    fs::remove_all(world.temp / "program/out");
  }
  SUBCASE("changed") {
    world.write("out/tool", "other");
  }
  SUBCASE("no longer executable") {
    fs::permissions(world.temp / "program/out/tool", fs::perms::owner_read);
  }
  SUBCASE("replaced by a folder") {
    fs::remove_all(world.temp / "program/out");
    world.write("out/tool/deep/file", "x");
    world.write("out/link", "a file");
  }
  CHECK_FALSE(world.workspace->restore(records));
  CHECK(world.read("out/tool") == "#!/bin/sh\n");
  CHECK(fs::read_symlink(world.temp / "program/out/link") == "tool");
  CHECK(world.workspace->in_place(records));
}

TEST_CASE("executor: a folder is put back to exactly its members") {
  FilesWorld world;
  world.write("out/a", "A");
  world.write("out/sub/b", "B");
  world.write("out/sub/tool", "T");
  fs::permissions(world.temp / "program/out/sub/tool", fs::perms::owner_all);
  world.link("out/l", "sub/b");
  world.temp.make_folder("program/out/empty");
  const OutputRecord record = world.record("out");
  CHECK(record.kind == FileKind::folder);
  CHECK(world.workspace->in_place(std::span(&record, 1)));
  SUBCASE("removed") {
    fs::remove_all(world.temp / "program/out");
  }
  SUBCASE("one more file") {
    world.write("out/extra/deep", "x");
  }
  SUBCASE("one changed") {
    world.write("out/sub/b", "b");
  }
  SUBCASE("kinds exchanged") {
    fs::remove_all(world.temp / "program/out/sub");
    world.write("out/sub", "file");
    fs::remove(world.temp / "program/out/a");
    world.write("out/a/folder/now", "x");
  }
  SUBCASE("replaced by a file") {
    fs::remove_all(world.temp / "program/out");
    world.write("out", "file");
  }
  SUBCASE("the empty folder is gone") {
    fs::remove(world.temp / "program/out/empty");
  }
  CHECK_FALSE(world.workspace->in_place(std::span(&record, 1)));
  CHECK_FALSE(world.workspace->restore(std::span(&record, 1)));
  CHECK(world.read("out/a") == "A");
  CHECK(world.read("out/l") == "B");
  CHECK(world.read("out/sub/tool") == "T");
  CHECK_FALSE(world.exists("out/extra"));
  CHECK(world.workspace->in_place(std::span(&record, 1)));
}

TEST_CASE("executor: nothing in the way is touched when a byte is missing") {
  FilesWorld world;
  world.write("one", "1");
  world.write("dir/two", "2");
  const std::vector<OutputRecord> records{world.record("one"), world.record("dir")};
  world.blobs.remove(sha256("2"));
  world.write("one", "mine");
  world.write("dir/two", "mine too");
  world.write("dir/three", "3");
  const auto why = world.workspace->restore(records);
  REQUIRE(why);
  CHECK(*why == "dir/two: its bytes are not in the store");
  CHECK(world.read("one") == "mine");
  CHECK(world.read("dir/two") == "mine too");
  CHECK(world.exists("dir/three"));
}

TEST_CASE("executor: a recorded path cannot write outside of the folder") {
  FilesWorld world;
  world.temp.write("outside/f", "old");
  const OutputRecord record{"out/f", FileKind::regular, false, world.blobs.put("new")};
  world.link("out", "../outside");
  const auto why = world.workspace->restore(std::span(&record, 1));
  REQUIRE(why);
  CHECK(*why == "out/f: leaves the folder through a link or '..'");
  CHECK(world.temp.read("outside/f") == "old");
}

TEST_CASE("executor: a folder output never writes through a link that took its place") {
  FilesWorld world;
  world.write("out/f", "F");
  const OutputRecord record = world.record("out");
  fs::remove_all(world.temp / "program/out");
  world.write("mine/f", "precious");
  world.link("out", "mine");
  CHECK_FALSE(world.workspace->restore(std::span(&record, 1)));
  CHECK(world.read("mine/f") == "precious");
  CHECK(world.read("out/f") == "F");
}

TEST_CASE("executor: an executable is found as the system would find it") {
  FilesWorld world;
  world.write("bin/tool", "tool");
  world.write("bin/data", "data");
  fs::permissions(world.temp / "program/bin/tool", fs::perms::owner_all);
  fs::permissions(world.temp / "program/bin/data", fs::perms::owner_read);
  const std::string bin = world.temp / "program/bin";
  const auto path_of = [&](std::string_view name, const std::string& search) {
    const auto found = world.workspace->executable(name, search);
    return found ? found->path : "none";
  };
  CHECK(path_of("tool", "/nowhere:" + bin) == bin + "/tool");
  CHECK(path_of("tool", "bin/") == bin + "/tool");
  CHECK(path_of("bin/tool", "") == bin + "/tool");
  CHECK(path_of(bin + "/tool", "") == bin + "/tool");
  CHECK(path_of("data", bin) == "none");
  CHECK(path_of("", bin) == "none");
  CHECK(world.workspace->executable("tool", bin)->hash == sha256("tool"));
}

TEST_CASE("executor: a large file is read in the background, once") {
  using Reading = Workspace::Reading;
  FilesWorld world;
  const std::string bytes(k_long_read, 'x');
  world.write("large", bytes);
  world.write("small", "s");
  const auto begin = [&](std::string_view pattern) {
    return world.workspace->begin_reading(std::span(&pattern, 1));
  };
  CHECK(begin("small") == Reading::nothing);
  CHECK(begin("missing") == Reading::nothing);
  CHECK(begin("l*") == Reading::begun);
  const std::array<int, 1> fds{world.workspace->news_fd()};
  sys::wait_readable(fds, std::nullopt);
  CHECK(world.workspace->take_news());
  CHECK_FALSE(world.workspace->take_news());
  CHECK(world.digests->size() == 1);
  CHECK(begin("l*") == Reading::nothing);
  CHECK(world.examine_one("large").hash == sha256(bytes));
}

TEST_CASE("executor: a large file of the future is not waited for") {
  FilesWorld world;
  world.keep_files_young();
  world.write("large", std::string(k_long_read, 'x'));
  const std::string_view pattern = "large";
  CHECK(world.workspace->begin_reading(std::span(&pattern, 1)) == Workspace::Reading::nothing);
}
