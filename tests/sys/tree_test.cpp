// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "support/temp_folder.h"
#include "sys/process.h"
#include "sys/process_tree.h"

namespace dsched::sys {
namespace {

// One attempt, started as a worker would.
class TreeWorld {
 public:
  TreeWorld() : trees(table) {}
  ~TreeWorld() {
    if (child.pid == 0) return;
    trees.signal_tree(root, SIGKILL);
    static_cast<void>(trees.end_survivors(root));
    static_cast<void>(reap(child));
  }
  TreeWorld(const TreeWorld&) = delete;
  TreeWorld& operator=(const TreeWorld&) = delete;

  void start(const std::string& command) {
    const std::vector<std::string> argv = {"/bin/sh", "-c", command};
    const std::vector<std::string> files = {"/bin/sh"};
    const std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "DSCHED_ATTEMPT_ID=tree-1"};
    Spawn request;
    request.argv = argv;
    request.files = files;
    request.environment = environment;
    request.folder = folder.path();
    request.slot = &table.slot(0);
    root.attempt_id = "tree-1";
    root.spawned_ns = boot_time_ns();
    table.slot(0).spawned_ns.store(root.spawned_ns);
    SpawnOutcome outcome = spawner.spawn(request);
    child = std::move(std::get<Child>(outcome));
    root.main = child.pid;
  }
  // The process whose id the command writes to `name`.
  [[nodiscard]] ProcessInfo process_in(const std::string& name) const {
    for (;;) {
      std::ifstream file(folder / name);
      pid_t pid = 0;
      if (file >> pid && file.get() == '\n') return process_info(pid).value();
      ::sched_yield();
    }
  }
  [[nodiscard]] bool has_member(const ProcessInfo& process) const {
    const std::vector<ProcessInfo> members = trees.members(root);
    return std::any_of(members.begin(), members.end(),
                       [&](const ProcessInfo& member) { return member.pid == process.pid; });
  }

  testing::TempFolder folder;
  AttemptTable table;
  AttemptTrees trees;
  Spawner spawner;
  Child child;
  TreeRoot root;
};

}  // namespace

TEST_CASE("sys: a tree holds children, sessions and daemons of its own, and nobody else") {
  TreeWorld world;
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    for (;;) ::pause();
  }
  world.trees.exempt(stranger);
  world.start(
      "sh -c 'echo $$ >child; exec sleep 1000' & setsid sh -c 'echo $$ >session; exec sleep 1000' "
      "& "
      "env -i /usr/bin/setsid -f /bin/sh -c 'echo $$ >daemon; exec /bin/sleep 1000'; exec sleep "
      "1000");
  CHECK(world.has_member(world.process_in("child")));
  CHECK(world.has_member(world.process_in("session")));
  CHECK(world.has_member(world.process_in("daemon")));
  CHECK(world.trees.members(world.root).front().pid == world.root.main);
  CHECK_FALSE(world.has_member(process_info(stranger).value()));
  CHECK_FALSE(world.has_member(process_info(::getpid()).value()));
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

TEST_CASE("sys: a stopped tree has no running member") {
  TreeWorld world;
  world.start("setsid sh -c 'echo $$ >session; while :; do :; done' & while :; do :; done");
  const ProcessInfo session = world.process_in("session");
  world.trees.signal_tree(world.root, SIGSTOP);
  while (process_info(session.pid)->state != 'T') ::sched_yield();
  while (process_info(world.root.main)->state != 'T') ::sched_yield();
  for (const ProcessInfo& member : world.trees.members(world.root)) CHECK(member.state == 'T');
}

TEST_CASE("sys: ended orphans of a running attempt are reaped") {
  TreeWorld world;
  world.start("setsid -f sh -c 'echo $$ >orphan'; echo $$ >up; exec sleep 1000");
  const auto orphan = [&] {
    for (;;) {
      std::ifstream file(world.folder / "orphan");
      pid_t pid = 0;
      if (file >> pid && file.get() == '\n') return pid;
      ::sched_yield();
    }
  }();
  while (process_info(orphan).has_value()) world.trees.reap_orphans();
  CHECK(process_info(world.root.main).has_value());
}

TEST_CASE("sys: a daemon that nothing names belongs to the only attempt that was running") {
  TreeWorld world;
  world.start(
      "env -i /usr/bin/setsid -f /bin/sh -c 'echo $$ >daemon; exec /bin/sleep 1000' </dev/null "
      ">/dev/null 2>&1; exec sleep 1000");
  const ProcessInfo daemon = world.process_in("daemon");
  while (process_info(daemon.pid)->parent != ::getpid()) ::sched_yield();
  CHECK(world.has_member(daemon));
  // With a second attempt that also began before it, nobody can say whose it is.
  world.table.slot(1).pid.store(::getppid());
  world.table.slot(1).spawned_ns.store(world.root.spawned_ns);
  CHECK_FALSE(world.has_member(daemon));
  world.table.slot(1).pid.store(0);
  CHECK(world.has_member(daemon));
}

TEST_CASE("sys: a daemon that kept its environment belongs to its attempt whatever else runs") {
  TreeWorld world;
  world.start(
      "setsid -f sh -c 'echo $$ >daemon; sleep 1000; :' </dev/null >/dev/null 2>&1; "
      "exec sleep 1000");
  const ProcessInfo daemon = world.process_in("daemon");
  while (process_info(daemon.pid)->parent != ::getpid()) ::sched_yield();
  world.table.slot(1).pid.store(::getppid());
  world.table.slot(1).spawned_ns.store(world.root.spawned_ns);
  CHECK(world.has_member(daemon));
  // An id that only begins like it is another attempt's.
  world.root.attempt_id = "tree-";
  CHECK_FALSE(world.has_member(daemon));
  world.root.attempt_id = "tree-1";
  world.table.slot(1).pid.store(0);
}

TEST_CASE("sys: an environment is asked for whole entries or for a beginning") {
  TreeWorld world;
  world.start("echo $$ >main; sleep 1000; :");
  const pid_t pid = world.process_in("main").pid;
  const auto has = [&](const std::vector<std::string>& entries) {
    return environment_has_all(pid, entries);
  };
  CHECK(has({"DSCHED_ATTEMPT_ID=tree-1"}));
  CHECK(has({"DSCHED_ATTEMPT_ID=tree-1", "PATH=/usr/bin:/bin"}));
  CHECK_FALSE(has({"DSCHED_ATTEMPT_ID=tree-"}));
  CHECK_FALSE(has({"DSCHED_ATTEMPT_ID=tree-1", "PATH=/bin"}));
  CHECK(environment_has(pid, "DSCHED_ATTEMPT_ID=tree-"));
  CHECK_FALSE(environment_has(pid, "DSCHED_ATTEMPT_ID=tree-12"));
}

}  // namespace dsched::sys
