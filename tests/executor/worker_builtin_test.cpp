// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <csignal>
#include <thread>

#include "process_fixture.h"
#include "sys/copy.h"

namespace dsched::executor {
namespace {

using namespace std::chrono_literals;

// Gives fixed answers and notes what was asked.
class FakeFiles final : public FileAccess {
 public:
  sys::OrProblem<Captured> read(std::string_view path) override {
    if (path != "here") {
      return sys::PathProblem{sys::PathProblem::Kind::missing, 2, std::string(path) + ": missing"};
    }
    Captured captured;
    captured.bytes = "content";
    captured.content = {sha256("content"), 7};
    return captured;
  }
  std::optional<sys::PathProblem> write(const WriteFileWork& work) override {
    if (work.path == "../out") {
      return sys::PathProblem{sys::PathProblem::Kind::refused, 0, "../out: leaves the folder"};
    }
    written = work.path + "=" + work.content;
    return std::nullopt;
  }
  std::string written;
};

class FakeFinisher final : public Finisher {
 public:
  void finish(const Attempt&, Ended& ended) override {
    ++finished;
    if (must_fail) {
      ended.failure = FailureClass::output_missing;
      ended.error = "out: missing";
    }
  }
  void clean_up(const Attempt&) override { ++cleaned; }
  bool must_fail = false;
  int finished = 0;
  int cleaned = 0;
};

}  // namespace

TEST_CASE("executor: a computation gives its bytes, its problem, or ends by a signal") {
  ProcessWorld world(1);
  ComputeWork work;
  work.compute = [](const std::function<bool()>&) -> ComputeWork::Outcome { return "done"; };
  const Ended well = world.run(Work{work});
  CHECK(well.failure == FailureClass::none);
  CHECK(well.result.bytes == "done");
  work.compute = [](const std::function<bool()>&) -> ComputeWork::Outcome {
    return ComputeWork::Problem{"by zero"};
  };
  const Ended failed = world.run(Work{work});
  CHECK(failed.failure == FailureClass::refused);
  CHECK(failed.error == "by zero");
  work.compute = [](const std::function<bool()>& is_over) -> ComputeWork::Outcome {
    while (!is_over()) std::this_thread::yield();
    return "nothing";
  };
  const NodeIndex node = world.start(Work{work});
  world.wait_started(node);
  world.executor().control(node, Control::suspend);
  world.executor().control(node, Control::resume);
  world.executor().control(node, Control::terminate);
  const Ended ended = world.wait(node);
  CHECK(ended.failure == FailureClass::signal);
  CHECK(ended.result.bytes.empty());
}

TEST_CASE("executor: read_file gives the bytes or the problem's class") {
  FakeFiles files;
  ProcessWorld world(1, nullptr, &files);
  CHECK(world.run(Work{ReadFileWork{"here"}}).result.bytes == "content");
  const Ended missing = world.run(Work{ReadFileWork{"there"}});
  CHECK(missing.failure == FailureClass::not_found);
  CHECK(missing.error == "there: missing");
}

TEST_CASE("executor: write_file writes, or is refused") {
  FakeFiles files;
  ProcessWorld world(1, nullptr, &files);
  CHECK(world.run(Work{WriteFileWork{"a", "", "text"}}).failure == FailureClass::none);
  CHECK(files.written == "a=text");
  CHECK(world.run(Work{WriteFileWork{"../out", "", ""}}).failure == FailureClass::refused);
}

TEST_CASE("executor: concat joins texts and files with the separator between them") {
  ProcessWorld world(1);
  const testing::TempFolder folder;
  folder.write("one", "1");
  folder.write("large", std::string(100'000, 'x'));
  const Ended small = world.run(Work{ConcatWork{{{folder / "one", ""}, {"", "2"}, {"", ""}}, "-"}});
  CHECK(small.result.bytes == "1-2-");
  CHECK(small.result.content.hash == sha256("1-2-"));
  const Ended large = world.run(Work{ConcatWork{{{folder / "large", ""}, {"", "y"}}, ""}});
  REQUIRE(large.result.file.has_value());
  CHECK(large.result.content.hash == sha256(std::string(100'000, 'x') + "y"));
}

TEST_CASE("executor: concat of a file that is gone fails as damaged and leaves nothing behind") {
  ProcessWorld world(1);
  const Ended gone = world.run(Work{ConcatWork{{{"", "a"}, {"/no/such/file", ""}}, ""}});
  CHECK(gone.failure == FailureClass::damaged);
  CHECK(world.run(Work{ConcatWork{{{"", "b"}}, ""}}).result.bytes == "b");
}

TEST_CASE("executor: sleep ends by itself") {
  ProcessWorld world(1);
  CHECK(world.run(Work{SleepWork{1ms}}).failure == FailureClass::none);
  CHECK(world.run(Work{SleepWork{0ms}}).failure == FailureClass::none);
}

TEST_CASE("executor: sleep is ended by kill, terminate and interrupt as by a signal") {
  const std::vector<std::pair<Control, int>> table = {
      {Control::kill, SIGKILL}, {Control::terminate, SIGTERM}, {Control::interrupt, SIGINT}};
  ProcessWorld world(1);
  for (const auto& [control, signal] : table) {
    const NodeIndex node = world.start(Work{SleepWork{1000h}});
    world.wait_started(node);
    world.executor().control(node, Control::suspend);
    world.executor().control(node, control);
    CHECK(world.wait(node).signal == signal);
  }
}

TEST_CASE("executor: outputs are captured after success and removed after failure") {
  FakeFinisher finisher;
  ProcessWorld world(1, &finisher);
  CHECK(world.run(":").failure == FailureClass::none);
  CHECK(finisher.finished == 1);
  CHECK(finisher.cleaned == 0);
  CHECK(world.run("exit 1").failure == FailureClass::exit);
  CHECK(finisher.finished == 1);
  CHECK(finisher.cleaned == 1);
  finisher.must_fail = true;
  CHECK(world.run(":").failure == FailureClass::output_missing);
  CHECK(finisher.cleaned == 2);
}

}  // namespace dsched::executor
