// SPDX-License-Identifier: Apache-2.0
#include "sys/notifier.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/types.h>

#include <fstream>
#include <memory>

#include "support/temp_folder.h"
#include "sys/clock.h"
#include "sys/process_list.h"
#include "sys/wait_readable.h"

namespace dsched::sys {
namespace {

using namespace std::chrono_literals;

// All that goes wrong until nothing is under way any more.
std::vector<std::string> settle_notifier(Notifier& notifier) {
  std::vector<std::string> problems = notifier.take_problems();
  while (notifier.under_way() > 0) {
    const int fd = notifier.fd();
    wait_readable({&fd, 1}, std::nullopt);
    for (std::string& problem : notifier.take_problems()) problems.push_back(std::move(problem));
  }
  return problems;
}

using Lines = std::vector<std::string>;

// Looks again and again; false when it never holds.
template <class Condition>
bool becomes_true(Condition condition) {
  const PosixClock clock;
  const Instant end = clock.now() + 60s;
  while (!condition()) {
    if (clock.now() > end) return false;
    wait_readable({}, clock.now() + 5ms);
  }
  return true;
}

TEST_CASE("sys: a notifier gives each event to its command, in order, as standard input") {
  const testing::TempFolder folder;
  Notifier notifier("cat >> '" + (folder / "events") + "'; echo >> '" + (folder / "events") + "'");
  notifier.tell("one; $(touch pasted) `touch pasted`");
  notifier.tell("two");
  CHECK(settle_notifier(notifier).empty());
  CHECK(folder.read("events") == "one; $(touch pasted) `touch pasted`\ntwo\n");
}

TEST_CASE("sys: what a notifier's command does wrong is told with its last line") {
  const std::pair<const char*, const char*> table[] = {
      {"exit 3", "exit 3"},
      {"echo first; echo 'no route to chat' >&2; exit 7", "exit 7: no route to chat"},
      {"kill -9 $$", "signal 9"},
      {"yes | head -c 1000000; echo; echo end; exit 1", "exit 1: end"},
      {"exec /nowhere/at/all 2>/dev/null", "exit 127"},
  };
  for (const auto& [command, problem] : table) {
    CAPTURE(command);
    Notifier notifier(command);
    notifier.tell("event");
    CHECK(settle_notifier(notifier) == Lines{problem});
  }
}

TEST_CASE("sys: a notifier's command that hangs is killed, and the next event is delivered") {
  const testing::TempFolder folder;
  Notifier notifier(
      "read word; case $word in hang) sleep 1000;; *) : > '" + (folder / "done") + "';; esac",
      {.command = 50ms, .waiting = 10});
  notifier.tell("hang\n");
  CHECK(settle_notifier(notifier) == Lines{"it did not end within 0 s and was killed"});
  // On a busy machine it may need more than one try to be quick enough.
  CHECK(becomes_true([&] {
    notifier.tell("go\n");
    static_cast<void>(settle_notifier(notifier));
    return folder.exists("done");
  }));
}

TEST_CASE("sys: events beyond a notifier's limit are not delivered, and that is told") {
  const testing::TempFolder folder;
  Notifier notifier("until [ -e '" + (folder / "go") + "' ]; do sleep 0.01; done",
                    {.command = 100s, .waiting = 2});
  for (int i = 0; i < 10; ++i) notifier.tell("event");
  Lines problems;
  const auto take = [&] {
    for (std::string& problem : notifier.take_problems()) problems.push_back(std::move(problem));
    return problems.size() == 7;  // one runs, two wait
  };
  CHECK(becomes_true(take));
  for (const std::string& problem : problems) CHECK(problem == "more than 2 events wait");
  folder.write("go", "");
  CHECK(settle_notifier(notifier).empty());
  notifier.tell(std::string(Notifier::k_event_bytes_max + 1, 'x'));
  CHECK(notifier.under_way() == 0);
  CHECK(settle_notifier(notifier).size() == 1);
}

TEST_CASE("sys: a notifier delivers what it was told when nobody listens any more") {
  const testing::TempFolder folder;
  {
    Notifier notifier("until [ -e '" + (folder / "go") + "' ]; do sleep 0.01; done; cat >> '" +
                      (folder / "events") + "'");
    notifier.tell("one");
    notifier.tell("two");
  }
  folder.write("go", "");
  CHECK(becomes_true([&] { return folder.read("events") == "onetwo"; }));
}

TEST_CASE("sys: who tells a notifier that was killed learns it") {
  const testing::TempFolder folder;
  Notifier notifier("echo $PPID > '" + (folder / "pid") + "'");
  notifier.tell("event");
  CHECK(settle_notifier(notifier).empty());
  const pid_t pid = std::stoi(folder.read("pid"));
  REQUIRE(program_name(pid) == "dsched-notify");
  REQUIRE(::kill(pid, SIGKILL) == 0);
  const int fd = notifier.fd();
  wait_readable({&fd, 1}, std::nullopt);  // until its end is seen
  notifier.tell("event");
  CHECK(settle_notifier(notifier).size() == 1);
}

}  // namespace
}  // namespace dsched::sys
