// SPDX-License-Identifier: Apache-2.0
#include "sys/keeper.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "support/temp_folder.h"
#include "sys/process.h"
#include "sys/process_list.h"
#include "sys/process_tree.h"

namespace dsched::sys {
namespace {

constexpr auto k_deadline = std::chrono::seconds(20);

bool is_running(const ProcessInfo& process) {
  const std::optional<ProcessInfo> now = process_info(process.pid);
  return now && now->start_ticks == process.start_ticks && !now->ended();
}

// Looks again and again until it holds; false when it never does.
template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + k_deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::sched_yield();
  }
  return true;
}

std::optional<ProcessInfo> process_in(const testing::TempFolder& folder, const std::string& name) {
  std::ifstream file(folder / name);
  pid_t pid = 0;
  if (!(file >> pid) || file.get() != '\n') return std::nullopt;
  return process_info(pid);
}

// A runner in a process of its own: starts `command` as an attempt, then stands still.
pid_t start_runner(const testing::TempFolder& folder, const std::string& command) {
  const pid_t runner = ::fork();
  if (runner != 0) return runner;
  AttemptTable table;
  KeeperOptions options;
  options.environment_mark = "DSCHED_ATTEMPT_ID=" + folder.path();
  options.temporary_folder = folder / "temporary";
  options.snapshot_interval = std::chrono::milliseconds(10);
  Keeper keeper(table, options);
  folder.write("keeper", std::to_string(keeper.pid()) + "\n");
  AttemptTrees trees(table);
  Spawner spawner;
  const std::vector<std::string> argv = {"/bin/sh", "-c", command};
  const std::vector<std::string> files = {"/bin/sh"};
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin",
                                                "DSCHED_ATTEMPT_ID=" + folder.path() + "-1"};
  Spawn request;
  request.argv = argv;
  request.files = files;
  request.environment = environment;
  request.folder = folder.path();
  request.slot = &table.slot(0);
  table.slot(0).spawned_ns.store(boot_time_ns());
  const SpawnOutcome outcome = spawner.spawn(request);
  keeper.wake();
  for (;;) ::pause();
}

// Kills a runner and tells whether all named processes, and the keeper, then go.
void check_nothing_is_left(const testing::TempFolder& folder, pid_t runner,
                           const std::vector<std::string>& names) {
  std::vector<ProcessInfo> processes;
  for (const std::string& name : names) {
    std::optional<ProcessInfo> found;
    REQUIRE(comes_true([&] { return (found = process_in(folder, name)).has_value(); }));
    processes.push_back(*found);
  }
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  for (const ProcessInfo& process : processes) {
    CAPTURE(process.pid);
    CHECK(comes_true([&] { return !is_running(process); }));
  }
}

}  // namespace

TEST_CASE("sys: when a runner is killed its attempts' whole trees are ended by the keeper") {
  const testing::TempFolder folder;
  const pid_t runner = start_runner(folder,
                                    "echo $$ >main; (echo $(exec sh -c 'echo $PPID') >job; "
                                    "exec sleep 1000) & "
                                    "timeout 1000 sh -c 'echo $$ >timed; sleep 1000' & "
                                    "setsid sh -c 'echo $$ >session; sleep 1000' & "
                                    "setsid -f sh -c 'echo $$ >daemon; sleep 1000'; sleep 1000");
  check_nothing_is_left(folder, runner, {"keeper", "main", "job", "timed", "session", "daemon"});
}

TEST_CASE("sys: the keeper ends a background process whose main process has ended") {
  const testing::TempFolder folder;
  const pid_t runner =
      start_runner(folder, "env -i /bin/sh -c 'echo $$ >job; exec /bin/sleep 1000' & :");
  check_nothing_is_left(folder, runner, {"keeper", "job"});
}

TEST_CASE("sys: the keeper knows a daemon with an empty environment from its snapshots") {
  const testing::TempFolder folder;
  const pid_t runner = start_runner(
      folder,
      "env -i /usr/bin/setsid -f /bin/sh -c 'echo $$ >daemon; exec /bin/sleep 1000' </dev/null "
      ">/dev/null 2>&1; sleep 1000");
  std::optional<ProcessInfo> keeper;
  std::optional<ProcessInfo> daemon;
  REQUIRE(comes_true([&] { return (keeper = process_in(folder, "keeper")).has_value(); }));
  REQUIRE(comes_true([&] { return (daemon = process_in(folder, "daemon")).has_value(); }));
  // Two ticks of the keeper after the daemon is there: it has then been listed. The keeper's CPU
  // time cannot tell, its voluntary context switches can.
  const auto switches = [&] {
    std::ifstream status("/proc/" + std::to_string(keeper->pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) return std::stol(line.substr(24));
    }
    return 0L;
  };
  const long before = switches();
  REQUIRE(comes_true([&] { return switches() >= before + 3; }));
  check_nothing_is_left(folder, runner, {"keeper", "daemon"});
}

TEST_CASE("sys: the keeper removes the folder of temporary files, and no link's target") {
  const testing::TempFolder folder;
  folder.write("kept/file", "x");
  folder.write("temporary/a/b/file", "x");
  folder.link("temporary/a/link", folder / "kept");
  const pid_t runner = start_runner(folder, "echo $$ >main; sleep 1000");
  check_nothing_is_left(folder, runner, {"keeper", "main"});
  CHECK_FALSE(folder.exists("temporary"));
  CHECK(folder.read("kept/file") == "x");
}

TEST_CASE("sys: the keeper leaves processes alone that are not the runner's") {
  const testing::TempFolder folder;
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    for (;;) ::pause();
  }
  const pid_t runner = start_runner(folder, "echo $$ >main; sleep 1000");
  check_nothing_is_left(folder, runner, {"keeper", "main"});
  CHECK(::waitpid(stranger, nullptr, WNOHANG) == 0);
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

TEST_CASE("sys: a keeper ends with its owner and holds nothing of the runner's open") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  AttemptTable table;
  {
    const Keeper keeper(table, {});
    CHECK(table.knows(keeper.pid()));
    writing.reset();
    char byte = 0;
    // End of file although the keeper lives: a reader of the runner's output sees the end.
    CHECK(::read(reading.get(), &byte, 1) == 0);
    CHECK(process_info(keeper.pid()).has_value());
  }
  CHECK(table.keeper().load() == 0);
}

TEST_CASE("sys: a keeper ignores what a terminal sends") {
  AttemptTable table;
  const Keeper keeper(table, {});
  const auto is_ready = [&] {
    const std::optional<ProcessInfo> info = process_info(keeper.pid());
    return info && info->session == keeper.pid() && table.keeper_asleep().load();
  };
  REQUIRE(comes_true(is_ready));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGQUIT}) {
    ::kill(keeper.pid(), signal);
  }
  const std::optional<ProcessInfo> info = process_info(keeper.pid());
  REQUIRE(info.has_value());
  CHECK_FALSE(info->ended());
  CHECK(info->state != 'T');
}

}  // namespace dsched::sys
