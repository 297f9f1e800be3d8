// SPDX-License-Identifier: Apache-2.0
// Requests to real processes, through the executor.
#include <doctest/doctest.h>

#include "executor/process_fixture.h"

namespace dsched::executor {
namespace {

// Answers each line with the text that was asked for, which is the whole body of a request.
constexpr const char* k_echo =
    R"(while read -r line; do n=${line#*:}; n=${n%%[,\}]*};
       case $line in *crash*) echo last words >&2; kill -9 $$;; *hang*) ;;
       *cancel*) echo "{\"requestId\":$n,\"wasCancelled\":true}";;
       *) echo "{\"requestId\":$n,\"output\":\"$n\"}";; esac; done)";

WorkerCommand worker_of(const std::string& script, std::uint32_t instances = 1) {
  WorkerCommand command;
  command.name = "w";
  command.argv = {"/bin/sh", "-c", script};
  command.environment = {"PATH=/usr/bin:/bin"};
  command.max_batch = 64;
  command.idle_timeout = std::chrono::hours{1};
  for (std::uint32_t i = 0; i < instances; ++i) {
    command.attempt_ids.push_back("test-w" + std::to_string(i));
  }
  return command;
}

WorkerRequestWork ask(const std::string& what, std::uint32_t instance = 0) {
  return {0, instance, "\"parameters\":{\"" + what + "\":1}"};
}

TEST_CASE("executor: many requests go to one process and each gets its answer") {
  ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(k_echo)});
  std::vector<NodeIndex> nodes;
  for (int i = 0; i < 500; ++i) nodes.push_back(world.start(ask("x")));
  world.executor().hand_over();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Ended ended = world.wait(nodes[i]);
    CHECK(ended.failure == FailureClass::none);
    CHECK(ended.result.bytes == std::to_string(i + 1));
    REQUIRE(ended.worker_use);
  }
}

// Has every file, at once.
class ReadyFiles final : public FileAccess {
 public:
  sys::OrProblem<Captured> read(std::string_view path) override {
    Captured captured;
    captured.bytes = path;
    captured.content = {sha256(path), path.size()};
    return captured;
  }
  std::optional<sys::PathProblem> write(const WriteFileWork&) override { return std::nullopt; }
};

// Two threads tell of it; ProcessWorld sees to the order.
TEST_CASE("executor: a request whose result is a file has started before it has ended") {
  constexpr const char* k_names_a_file =
      R"(while read -r line; do n=${line#*:}; n=${n%%[,\}]*};
         echo "{\"requestId\":$n,\"result\":{\"path\":\"f$n\"}}"; done)";
  ReadyFiles files;
  ProcessWorld world(1, nullptr, &files, {0, 1, 2}, {worker_of(k_names_a_file)});
  for (int i = 1; i <= 500; ++i) {
    const NodeIndex node = world.start(ask("x"));
    world.executor().hand_over();
    CHECK(world.wait(node).result.bytes == "f" + std::to_string(i));
  }
}

TEST_CASE("executor: a crash loses what is in flight, with the last words, and nothing else") {
  ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(k_echo, 2)});
  const NodeIndex held = world.start(ask("hang"));
  const NodeIndex bad = world.start(ask("crash"));
  const NodeIndex other = world.start(ask("x", 1));
  world.executor().hand_over();
  for (const NodeIndex node : {held, bad}) {
    const Ended ended = world.wait(node);
    CHECK(ended.failure == FailureClass::lost);
    CHECK(ended.error == "worker w: signal 9 (KILL)");
    CHECK(ended.log == "last words\n");
    CHECK_FALSE(ended.is_innocent);
  }
  CHECK(world.wait(other).failure == FailureClass::none);
  const NodeIndex next = world.start(ask("x"));
  world.executor().hand_over();
  CHECK(world.wait(next).failure == FailureClass::none);
}

TEST_CASE("executor: who is killed for the sake of another is innocent") {
  ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(k_echo)});
  const NodeIndex stuck = world.start(ask("hang"));
  const NodeIndex other = world.start(ask("hang"));
  world.executor().hand_over();
  world.wait_started(stuck);
  world.wait_started(other);
  world.executor().control(stuck, Control::kill);
  CHECK_FALSE(world.wait(stuck).is_innocent);
  CHECK(world.wait(other).is_innocent);
}

TEST_CASE("executor: a request that is given up costs no process") {
  ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(k_echo)});
  const NodeIndex stuck = world.start(ask("hang"));
  const NodeIndex other = world.start(ask("hang"));
  world.executor().hand_over();
  world.wait_started(stuck);
  world.executor().control(stuck, Control::cancel);
  const Ended ended = world.wait(stuck);
  CHECK(ended.failure == FailureClass::lost);
  CHECK(ended.error == "worker w: gave the request up");
  world.wait_started(other);
  world.executor().control(other, Control::cancel);
  CHECK(world.wait(other).error == "worker w: gave the request up");
}

TEST_CASE("executor: a request that was not handed over can be taken back") {
  ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(k_echo)});
  const NodeIndex node = world.start(ask("x"));
  CHECK(world.executor().withdraw(node));
  CHECK_FALSE(world.executor().withdraw(node));
}

TEST_CASE("executor: an executor that ends takes its workers along, whatever they do") {
  for (const char* script : {"read x; trap '' TERM INT; while :; do sleep 1000; done", k_echo}) {
    ProcessWorld world(1, nullptr, nullptr, {0, 1, 2}, {worker_of(script)});
    const NodeIndex node = world.start(ask("hang"));
    world.executor().hand_over();
    world.wait_started(node);
  }
}

}  // namespace
}  // namespace dsched::executor
