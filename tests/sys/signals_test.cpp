// SPDX-License-Identifier: Apache-2.0
#include "sys/signals.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace dsched::sys {

TEST_CASE("sys: a signal from a process is an event of that origin") {
  Signals signals;
  ::kill(::getpid(), SIGTERM);
  pollfd item{signals.fd(), POLLIN, 0};
  CHECK(::poll(&item, 1, -1) == 1);
  const std::vector<SignalEvent> events = signals.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].signal == SIGTERM);
  CHECK(events[0].origin == SignalEvent::Origin::process);
  CHECK(signals.take().empty());
}

TEST_CASE("sys: writing to a pipe without a reader is an error, not the end") {
  const Signals signals;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK(::write(ends[1], "x", 1) == -1);
  ::close(ends[1]);
}

TEST_CASE("sys: a signal that was ignored at the start stays ignored") {
  ::signal(SIGHUP, SIG_IGN);
  {
    Signals signals;
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGTERM);
    pollfd item{signals.fd(), POLLIN, 0};
    REQUIRE(::poll(&item, 1, -1) == 1);
    const std::vector<SignalEvent> events = signals.take();
    REQUIRE(events.size() == 1);
    CHECK(events[0].signal == SIGTERM);
  }
  ::signal(SIGHUP, SIG_DFL);
}

TEST_CASE("sys: a process that stops itself is seen as stopped, and goes on when continued") {
  const pid_t child = ::fork();
  if (child == 0) {
    Signals signals;
    stop_self();
    ::_exit(signals.take().empty() ? 7 : 8);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
  CHECK(WIFSTOPPED(status));
  ::kill(child, SIGCONT);
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("sys: a process that ends itself by a signal is seen as ended by it") {
  const pid_t child = ::fork();
  if (child == 0) {
    const Signals signals;
    end_self_by(SIGINT);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}

}  // namespace dsched::sys
