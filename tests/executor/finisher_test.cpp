// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "executor/capture.h"
#include "executor/files_world.h"

using namespace dsched;
using namespace dsched::executor;
using dsched::testing::FilesWorld;

namespace fs = std::filesystem;

namespace {

Attempt attempt_with_outputs(std::vector<std::string> outputs) {
  Attempt attempt;
  attempt.outputs = std::move(outputs);
  return attempt;
}

}  // namespace

TEST_CASE("executor: outputs are captured in the program's order") {
  FilesWorld world;
  world.write("b", "B");
  world.write("a", "A");
  world.link("l", "a");
  const Ended ended = world.finish(attempt_with_outputs({"b", "l", "a"}));
  CHECK(ended.failure == FailureClass::none);
  REQUIRE(ended.outputs.size() == 3);
  CHECK(ended.outputs[0].path == "b");
  CHECK(ended.outputs[0].captured.content == store::Content{sha256("B"), 1});
  CHECK(ended.outputs[1].kind == FileKind::link);
  CHECK(ended.outputs[1].captured.bytes == "a");
  CHECK(ended.outputs[2].captured.bytes == "A");
}

TEST_CASE("executor: small contents come inline, large ones in a staged file") {
  FilesWorld world;
  for (const std::size_t size : {k_inline_max - 1, k_inline_max, k_inline_max + 1}) {
    CAPTURE(size);
    std::string bytes(size, 'x');
    bytes.back() = 'y';
    world.write("f", bytes);
    const Ended ended = world.finish(attempt_with_outputs({"f"}));
    REQUIRE(ended.outputs.size() == 1);
    const Captured& captured = ended.outputs[0].captured;
    CHECK(captured.content == store::Content{sha256(bytes), size});
    CHECK(captured.file.has_value() == (size > k_inline_max));
    CHECK(captured.bytes.empty() == captured.file.has_value());
    if (captured.file) {
      std::string staged(size, '\0');
      CHECK(sys::read_at(captured.file->fd(), 0, staged) == size);
      CHECK(staged == bytes);
    }
  }
}

TEST_CASE("executor: a folder is captured with every file below it") {
  FilesWorld world;
  world.write("out/a.b", "1");
  world.write("out/a/c", "2");
  world.link("out/l", "/anywhere");
  const Ended ended = world.finish(attempt_with_outputs({"out"}));
  REQUIRE(ended.outputs.size() == 1);
  const CapturedOutput& output = ended.outputs[0];
  CHECK(output.kind == FileKind::folder);
  const auto entries = folder_from_manifest(output.captured.bytes);
  REQUIRE(entries);
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0].path == "a");
  CHECK((*entries)[1].path == "a.b");
  CHECK((*entries)[2].path == "a/c");
  CHECK((*entries)[3].link_text == "/anywhere");
  REQUIRE(output.members.size() == 2);
  CHECK(output.members[1].bytes == "2");
}

TEST_CASE("executor: a missing output fails the node as output_missing") {
  FilesWorld world;
  world.write("a", "A");
  const Ended ended = world.finish(attempt_with_outputs({"a", "b"}));
  CHECK(ended.failure == FailureClass::output_missing);
  CHECK(ended.error == "output b was not written");
}

TEST_CASE("executor: outputs outside the folder and special files are refused") {
  FilesWorld world;
  world.temp.write("outside/f", "");
  world.link("out", "../outside");
  REQUIRE(::mkfifo((world.temp / "program/fifo").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((world.temp / "program/fifo2").c_str(), 0600) == 0);
  world.temp.make_folder("program/dir");
  fs::rename(world.temp / "program/fifo2", world.temp / "program/dir/fifo");
  for (const char* path : {"out/f", "fifo", "dir"}) {
    CAPTURE(path);
    const Ended ended = world.finish(attempt_with_outputs({path}));
    CHECK(ended.failure == FailureClass::refused);
    CHECK(ended.error.starts_with("output " + std::string(path)));
  }
}

TEST_CASE("executor: the executable bit of an output is captured") {
  FilesWorld world;
  world.write("tool", "");
  fs::permissions(world.temp / "program/tool", fs::perms::owner_all);
  CHECK(world.record("tool").executable);
}

TEST_CASE("executor: a captured output need not be read again") {
  FilesWorld world;
  world.write("f", "content");
  const Ended ended = world.finish(attempt_with_outputs({"f"}));
  REQUIRE(ended.outputs.size() == 1);
  CHECK(world.digests->find("f", ended.outputs[0].stat) == sha256("content"));
}

TEST_CASE("executor: an input that changed meanwhile is noticed") {
  FilesWorld world;
  world.write("in", "before");
  Attempt attempt;
  attempt.inputs = {world.examine_one("in")};
  CHECK_FALSE(world.finish(attempt).inputs_changed);
  SUBCASE("other bytes") {
    world.write("in", "behind");
  }
  SUBCASE("removed") {
    fs::remove(world.temp / "program/in");
  }
  CHECK(world.finish(attempt).inputs_changed);
}

TEST_CASE("executor: a young input whose tuple stayed the same is compared by content") {
  FilesWorld world;
  world.keep_files_young();
  world.write("in", "before");
  Attempt attempt;
  attempt.inputs = {world.examine_one("in")};
  CHECK_FALSE(world.finish(attempt).inputs_changed);
  attempt.inputs[0].hash = sha256("as it was a moment ago, within one tick of the clock");
  CHECK(world.finish(attempt).inputs_changed);
}

TEST_CASE(
    "executor: inputs named by the depfile are examined, declared ones and repeats left out") {
  FilesWorld world;
  world.write("a.c", "c");
  world.write("x.h", "x");
  world.temp.write("system.h", "s");
  const std::string system = world.temp / "system.h";
  world.write("a.d", "a.o: a.c ./x.h x.h gone.h ../system.h " + system + "\n");
  Attempt attempt;
  attempt.inputs = {world.examine_one("a.c")};
  attempt.depfile = "a.d";
  const Ended ended = world.finish(attempt);
  CHECK(ended.failure == FailureClass::none);
  REQUIRE(ended.depfile_inputs.size() == 4);
  CHECK(ended.depfile_inputs[0].path == world.temp / "program/../system.h");
  CHECK(ended.depfile_inputs[0].hash == sha256("s"));
  CHECK(ended.depfile_inputs[1].path == system);
  CHECK(ended.depfile_inputs[2].path == "gone.h");
  CHECK(ended.depfile_inputs[2].hash == Digest{});
  CHECK(ended.depfile_inputs[3].path == "x.h");
  CHECK_FALSE(ended.inputs_changed);
}

TEST_CASE(
    "executor: a header written after the attempt began counts as changed, unless it is its own "
    "output") {
  FilesWorld world;
  world.keep_files_young();
  world.write("x.h", "x");
  world.write("a.d", "a.o: x.h\n");
  Attempt attempt;
  attempt.depfile = "a.d";
  CHECK(world.finish(attempt).inputs_changed);
  attempt.outputs = {"x.h"};
  CHECK_FALSE(world.finish(attempt).inputs_changed);
}

TEST_CASE("executor: a depfile that is missing or cannot be read fails the node") {
  FilesWorld world;
  Attempt attempt;
  attempt.depfile = "a.d";
  CHECK(world.finish(attempt).failure == FailureClass::output_missing);
  CHECK(world.finish(attempt).error == "depfile a.d was not written");
  world.write("a.d", "no rule\n");
  CHECK(world.finish(attempt).failure == FailureClass::refused);
  CHECK(world.finish(attempt).error == "depfile a.d:1: no ':' after the targets");
}

TEST_CASE("executor: cleaning up removes outputs and nothing outside the folder") {
  FilesWorld world;
  world.write("f", "");
  world.write("dir/a/b", "");
  world.write("other", "");
  world.temp.write("outside/f", "kept");
  world.link("out", "../outside");
  world.finisher->clean_up(attempt_with_outputs({"f", "dir", "none", "out/f"}));
  CHECK_FALSE(world.exists("f"));
  CHECK_FALSE(world.exists("dir"));
  CHECK(world.exists("other"));
  CHECK(world.temp.read("outside/f") == "kept");
}

TEST_CASE("executor: write_file replaces a file whole, below the folder only") {
  FilesWorld world;
  CHECK_FALSE(world.access->write({.path = "a/b", .content_file = "", .content = "text"}));
  CHECK(world.read("a/b") == "text");
  world.write("from", "bytes of a file");
  const std::string from = world.temp / "program/from";
  CHECK_FALSE(world.access->write({.path = "a/b", .content_file = from, .content = ""}));
  CHECK(world.read("a/b") == "bytes of a file");
  const auto why = world.access->write({.path = "../x", .content_file = "", .content = "x"});
  REQUIRE(why);
  CHECK(why->kind == sys::PathProblem::Kind::refused);
  CHECK_FALSE(world.temp.exists("x"));
}

TEST_CASE("executor: read_file gives bytes and refuses what is no file") {
  FilesWorld world;
  world.write("f", "bytes");
  world.link("l", "f");
  auto read = world.access->read("l");
  REQUIRE(std::holds_alternative<Captured>(read));
  CHECK(std::get<Captured>(read).bytes == "bytes");
  read = world.access->read(".");
  REQUIRE(std::holds_alternative<sys::PathProblem>(read));
  CHECK(std::get<sys::PathProblem>(read).kind == sys::PathProblem::Kind::refused);
  read = world.access->read("none");
  REQUIRE(std::holds_alternative<sys::PathProblem>(read));
  CHECK(std::get<sys::PathProblem>(read).error == "none: no such file or directory");
}
