// SPDX-License-Identifier: Apache-2.0
#include "sys/beneath.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/temp_folder.h"
#include "sys/copy.h"
#include "sys/files.h"

using namespace dsched;
using dsched::testing::TempFolder;
using Kind = sys::PathProblem::Kind;

namespace {

// A folder with a neighbour that holds a secret; the tests try to reach it.
struct World {
  TempFolder temp;
  sys::Folder folder;
  World() : folder((temp.make_folder("inside"), temp / "inside")) {
    temp.write("outside/secret", "secret");
  }
  [[nodiscard]] std::string read(std::string_view path) const {
    auto opened = sys::open_beneath(folder, path, O_RDONLY);
    const auto* why = std::get_if<sys::PathProblem>(&opened);
    return why != nullptr ? why->error : sys::read_all(std::get<sys::Fd>(opened).get(), "test");
  }
  [[nodiscard]] std::optional<Kind> kind_of_reading(std::string_view path) const {
    auto opened = sys::open_beneath(folder, path, O_RDONLY);
    const auto* why = std::get_if<sys::PathProblem>(&opened);
    return why != nullptr ? std::optional(why->kind) : std::nullopt;
  }
  std::optional<sys::PathProblem> put(std::string_view path, std::string_view bytes,
                                      sys::Executable executable = sys::Executable::no) const {
    auto made = sys::NewFile::beside(folder, path);
    if (auto* why = std::get_if<sys::PathProblem>(&made)) return std::move(*why);
    sys::write_all(std::get<sys::NewFile>(made).fd(), bytes, "test");
    return std::get<sys::NewFile>(made).commit(executable);
  }
};

}  // namespace

TEST_CASE("sys: reading follows links that stay inside the folder") {
  World world;
  world.temp.write("inside/data/a", "A");
  world.temp.link("inside/to-a", "data/a");
  world.temp.link("inside/to-data", "data");
  world.temp.link("inside/data/up", "../data/a");
  CHECK(world.read("to-a") == "A");
  CHECK(world.read("to-data/a") == "A");
  CHECK(world.read("data/up") == "A");
}

TEST_CASE("sys: no path and no link leads a reader out of the folder") {
  World world;
  world.temp.link("inside/file", "../outside/secret");
  world.temp.link("inside/absolute", world.temp / "outside/secret");
  world.temp.link("inside/up", "..");
  world.temp.link("inside/magic", "/proc/self/cwd");
  for (const char* path : {"../outside/secret", "/etc/passwd", "file", "absolute",
                           "up/outside/secret", "magic", "magic/etc"}) {
    CAPTURE(path);
    CHECK(world.kind_of_reading(path) == Kind::refused);
  }
  CHECK(world.read("file") == "file: leaves the folder through a link or '..'");
}

TEST_CASE("sys: what does not exist is missing, not refused") {
  World world;
  world.temp.write("inside/file", "");
  for (const char* path : {"nothing", "no/thing", "file/below"}) {
    CAPTURE(path);
    CHECK(world.kind_of_reading(path) == Kind::missing);
  }
}

TEST_CASE("sys: a path with a NUL never means the path before it") {
  World world;
  world.temp.write("inside/file", "");
  CHECK(world.kind_of_reading(std::string_view("file\0x", 6)) == Kind::failed);
}

TEST_CASE("sys: a loop of links is refused") {
  World world;
  world.temp.link("inside/a", "b");
  world.temp.link("inside/b", "a");
  CHECK(world.kind_of_reading("a") == Kind::refused);
}

TEST_CASE("sys: no link leads a writer out of the folder") {
  World world;
  world.temp.link("inside/out", "../outside");
  const auto why = world.put("out/new", "x");
  REQUIRE(why);
  CHECK(why->kind == Kind::refused);
  CHECK(why->error == "out/new: leaves the folder through a link or '..'");
  CHECK_FALSE(world.temp.exists("outside/new"));
  const auto made = sys::make_folders_beneath(world.folder, "out/sub/folder");
  REQUIRE(made);
  CHECK(made->kind == Kind::refused);
  CHECK_FALSE(world.temp.exists("outside/sub"));
  CHECK(sys::remove_beneath(world.folder, "out/secret"));
  CHECK(world.temp.read("outside/secret") == "secret");
}

TEST_CASE("sys: a new file replaces a link, never what the link points to") {
  World world;
  world.temp.link("inside/out", "../outside/secret");
  CHECK_FALSE(world.put("out", "new"));
  CHECK(world.temp.read("outside/secret") == "secret");
  CHECK(world.temp.read("inside/out") == "new");
}

TEST_CASE("sys: a new file makes its folders and takes the place of a folder in its way") {
  World world;
  world.temp.write("inside/a/b/c/deep", "old");
  CHECK_FALSE(world.put("a/b", "file"));
  CHECK(world.temp.read("inside/a/b") == "file");
  CHECK_FALSE(world.put("x/y/z", "deep"));
  CHECK(world.temp.read("inside/x/y/z") == "deep");
}

TEST_CASE("sys: a new file is invisible until it is committed and leaves nothing behind") {
  World world;
  {
    auto made = sys::NewFile::beside(world.folder, "sub/file");
    REQUIRE(std::holds_alternative<sys::NewFile>(made));
    CHECK_FALSE(world.temp.exists("inside/sub/file"));
  }
  CHECK(std::filesystem::is_empty(world.temp / "inside/sub"));
}

TEST_CASE("sys: an executable new file may be executed by whoever may read it") {
  World world;
  CHECK_FALSE(world.put("tool", "#!/bin/sh\n", sys::Executable::yes));
  struct stat status {};
  REQUIRE(::stat((world.temp / "inside/tool").c_str(), &status) == 0);
  CHECK(((status.st_mode & 0444) >> 2) == (status.st_mode & 0111));
  CHECK((status.st_mode & S_IXUSR) != 0);
}

TEST_CASE("sys: removing takes a whole tree and stops at links") {
  World world;
  world.temp.write("inside/tree/a/b/c", "");
  world.temp.write("inside/tree/a/d", "");
  world.temp.link("inside/tree/out", "../../outside");
  CHECK_FALSE(sys::remove_beneath(world.folder, "tree"));
  CHECK_FALSE(world.temp.exists("inside/tree"));
  CHECK(world.temp.read("outside/secret") == "secret");
}

TEST_CASE("sys: removing what is not there is no problem") {
  World world;
  CHECK_FALSE(sys::remove_beneath(world.folder, "nothing"));
  CHECK_FALSE(sys::remove_beneath(world.folder, "no/thing"));
}

TEST_CASE("sys: the folder itself is never removed or replaced") {
  World world;
  CHECK(sys::remove_beneath(world.folder, "."));
  CHECK(sys::remove_beneath(world.folder, ".."));
  CHECK(sys::remove_beneath(world.folder, "a/.."));
  CHECK(world.put(".", "x"));
  CHECK(world.temp.exists("inside"));
}

TEST_CASE("sys: making folders succeeds when they exist and fails on a file in the way") {
  World world;
  world.temp.write("inside/file", "");
  CHECK_FALSE(sys::make_folders_beneath(world.folder, "a/b/c"));
  CHECK_FALSE(sys::make_folders_beneath(world.folder, "a/b/c"));
  CHECK(world.temp.exists("inside/a/b/c"));
  CHECK(sys::make_folders_beneath(world.folder, "file/x"));
}

TEST_CASE("sys: a link is made in place of what has its name") {
  World world;
  world.temp.write("inside/name/inner", "");
  CHECK_FALSE(sys::make_link_beneath(world.folder, "name", "target"));
  const auto text = sys::read_link_beneath(world.folder, "name");
  REQUIRE(std::holds_alternative<std::string>(text));
  CHECK(std::get<std::string>(text) == "target");
}

TEST_CASE("sys: entries are listed sorted bytewise") {
  World world;
  for (const char* name : {"b", "a.b", "B", "\xc3\xa4", ".hidden"}) {
    world.temp.write(std::string("inside/") + name, "");
  }
  world.temp.make_folder("inside/a");
  auto listed = sys::list_beneath(world.folder, ".");
  REQUIRE(std::holds_alternative<std::vector<sys::Entry>>(listed));
  std::vector<std::string> names;
  for (const sys::Entry& entry : std::get<std::vector<sys::Entry>>(listed)) {
    names.push_back(entry.name);
  }
  CHECK(names == std::vector<std::string>{".hidden", "B", "a", "a.b", "b", "\xc3\xa4"});
}

TEST_CASE("sys: opening a FIFO that nobody writes does not wait") {
  World world;
  REQUIRE(::mkfifo((world.temp / "inside/fifo").c_str(), 0600) == 0);
  CHECK_FALSE(world.kind_of_reading("fifo"));
}
