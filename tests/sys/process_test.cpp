// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <variant>
#include <vector>

#include "sys/event_queue.h"
#include "sys/process_list.h"

namespace dsched::sys {
namespace {

SpawnOutcome spawn(const std::vector<std::string>& argv, const std::vector<std::string>& files,
                   AttemptSlot* slot = nullptr, const std::string& folder = "") {
  Spawner spawner;
  Spawn request;
  request.argv = argv;
  request.files = files;
  request.folder = folder;
  request.slot = slot;
  return spawner.spawn(request);
}

}  // namespace

TEST_CASE("sys: a child's exit code and signal are reported exactly") {
  for (const int code : {0, 1, 255}) {
    const SpawnOutcome outcome = spawn({"sh", "-c", "exit " + std::to_string(code)}, {"/bin/sh"});
    const ProcessEnd end = reap(std::get<Child>(outcome));
    CHECK(end.exit_code == code);
    CHECK_FALSE(end.signal.has_value());
  }
  const SpawnOutcome outcome = spawn({"sleep", "1000"}, {"/bin/sleep"});
  CHECK(send_signal(std::get<Child>(outcome).pidfd, SIGUSR2));
  CHECK(reap(std::get<Child>(outcome)).signal == SIGUSR2);
}

TEST_CASE("sys: the reason why nothing could be executed is the system's own") {
  const auto error_of = [](const SpawnOutcome& outcome) {
    return std::get<SpawnFailure>(outcome).error_number;
  };
  CHECK(error_of(spawn({"x"}, {"/no/such/file"})) == ENOENT);
  CHECK(error_of(spawn({"x"}, {"/etc/passwd"})) == EACCES);
  CHECK(error_of(spawn({"x"}, {"/etc/passwd", "/no/such/file"})) == EACCES);
  CHECK(error_of(spawn({"x", std::string(300'000, 'x')}, {"/bin/true"})) == E2BIG);
  const SpawnOutcome outcome = spawn({"x"}, {"/bin/true"}, nullptr, "/no/such/folder");
  CHECK(std::get<SpawnFailure>(outcome).step == SpawnFailure::Step::folder);
}

TEST_CASE("sys: a child has written its id into its slot before it executes anything") {
  AttemptTable table;
  const SpawnOutcome outcome = spawn({"true"}, {"/bin/true"}, &table.slot(3));
  const Child& child = std::get<Child>(outcome);
  CHECK(table.slot(3).pid.load() == child.pid);
  CHECK(table.knows(child.pid));
  CHECK(table.used() == 4);
  static_cast<void>(reap(child));
}

TEST_CASE("sys: a slot is free again when nothing could be executed") {
  AttemptTable table;
  CHECK(std::holds_alternative<SpawnFailure>(spawn({"x"}, {"/no/such/file"}, &table.slot(0))));
  CHECK(table.slot(0).pid.load() == 0);
}

TEST_CASE("sys: streams are placed right whatever descriptors they come from") {
  // The three lowest descriptors, rotated: each must be moved before it is overwritten.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reading(ends[0]);
  const Fd writing(ends[1]);
  Spawner spawner;
  const std::vector<std::string> argv = {"sh", "-c", "echo out; echo err >&2"};
  const std::vector<std::string> files = {"/bin/sh"};
  Spawn request;
  request.argv = argv;
  request.files = files;
  request.stdin_fd = 2;
  request.stdout_fd = writing.get();
  request.stderr_fd = writing.get();
  const SpawnOutcome outcome = spawner.spawn(request);
  CHECK(reap(std::get<Child>(outcome)).exit_code == 0);
  char buffer[16];
  CHECK(::read(reading.get(), buffer, sizeof buffer) == 8);
  CHECK(std::string(buffer, 8) == "out\nerr\n");
}

TEST_CASE("sys: a name is searched in the PATH of the environment, a path is taken as it is") {
  using Words = std::vector<std::string>;
  const Words environment = {"PATH=/a::/b/"};
  CHECK(search_path("x", environment) == Words{"/a/x", "./x", "/b//x"});
  CHECK(search_path("./x", environment) == Words{"./x"});
  CHECK(search_path("x", Words{"PATH="}) == Words{"./x"});
  CHECK(search_path("", environment).empty());
}

TEST_CASE("sys: a process is known by its start time as well as its id") {
  std::optional<ProcessInfo> self = process_info(::getpid());
  REQUIRE(self.has_value());
  CHECK(self->parent == ::getppid());
  CHECK(self->group == ::getpgrp());
  CHECK(self->session == ::getsid(0));
  CHECK(self->start_ticks <= ticks_from_boot_ns(boot_time_ns()));
  CHECK(signal_process(*self, 0));
  ++self->start_ticks;
  CHECK_FALSE(signal_process(*self, SIGKILL));
}

TEST_CASE("sys: an event queue is readable once something rang, until all was taken") {
  EventQueue<int> queue;
  const auto is_readable = [&queue] {
    pollfd item{queue.fd(), POLLIN, 0};
    return ::poll(&item, 1, 0) == 1;
  };
  std::vector<int> out;
  CHECK_FALSE(is_readable());
  queue.push(1);
  queue.push_quietly(2, 3);
  CHECK(is_readable());
  queue.take(out);
  CHECK(out == std::vector<int>{1, 2, 3});
  CHECK_FALSE(is_readable());

  queue.ring();  // for nothing
  CHECK_FALSE(is_readable());
  queue.push_quietly(4, 5);
  CHECK_FALSE(is_readable());
  SUBCASE("rung for what was quiet") {
    queue.ring();
    CHECK(is_readable());
  }
  SUBCASE("what is pushed behind rings for all") {
    queue.push(6);
    CHECK(is_readable());
  }
  SUBCASE("what was quiet is there for who looks") {}
  queue.take(out);
  CHECK(out.size() >= 5);
  CHECK_FALSE(is_readable());
  queue.push(7);
  CHECK(is_readable());
}

}  // namespace dsched::sys
