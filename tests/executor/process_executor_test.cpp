// SPDX-License-Identifier: Apache-2.0
#include "executor/process_executor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "process_fixture.h"
#include "sys/fd.h"
#include "sys/process_list.h"

namespace dsched::executor {
namespace {

using namespace std::chrono_literals;

// Waits until the file has content, which a command of the test writes.
std::string wait_for_file(const std::string& path) {
  for (;;) {
    std::ifstream file(path);
    std::string text;
    if (std::getline(file, text) && !file.eof()) return text;
    ::sched_yield();
  }
}

bool is_running(pid_t pid) {
  const std::optional<sys::ProcessInfo> info = sys::process_info(pid);
  return info && !info->ended();
}

pid_t pid_in(const std::string& path) {
  return std::stoi(wait_for_file(path));
}

}  // namespace

TEST_CASE("executor: stdout is the result, with its hash and size") {
  ProcessWorld world;
  const Ended ended = world.run("printf 'a\\0b'");
  CHECK(ended.failure == FailureClass::none);
  CHECK(ended.exit_code == 0);
  CHECK(ended.result.bytes == std::string("a\0b", 3));
  CHECK(ended.result.content.size == 3);
  CHECK(ended.result.content.hash == sha256(std::string("a\0b", 3)));
  CHECK(ended.started <= ended.ended);
}

TEST_CASE("executor: results of one worker do not run into each other") {
  ProcessWorld world(1);
  CHECK(world.run("echo a long first result").result.bytes == "a long first result\n");
  CHECK(world.run("echo 2").result.bytes == "2\n");
  CHECK(world.run("exit 1").failure == FailureClass::exit);
  CHECK(world.run(":").result.bytes.empty());
}

TEST_CASE("executor: a result above 64 KiB leaves in its file, hashed") {
  ProcessWorld world(1);
  Ended ended = world.run("head -c 100000 /dev/zero");
  REQUIRE(ended.result.file.has_value());
  CHECK(ended.result.bytes.empty());
  CHECK(ended.result.content.size == 100000);
  CHECK(ended.result.content.hash == sha256(std::string(100000, '\0')));
  CHECK(world.run("echo next").result.bytes == "next\n");
  CHECK(sys::info_of(ended.result.file->fd()).size == 100000);
}

TEST_CASE("executor: exit codes are reported exactly") {
  ProcessWorld world;
  for (const int code : {1, 2, 77, 126, 127, 128, 255}) {
    const Ended ended = world.run("exit " + std::to_string(code));
    CHECK(ended.failure == FailureClass::exit);
    CHECK(ended.exit_code == code);
    CHECK(ended.error == "exit " + std::to_string(code));
  }
}

TEST_CASE("executor: the signal that ended a command is reported exactly") {
  ProcessWorld world;
  for (const int number : {SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1}) {
    const Ended ended = world.run("kill -" + std::to_string(number) + " $$");
    CHECK(ended.failure == FailureClass::signal);
    CHECK(ended.signal == number);
    CHECK_FALSE(ended.exit_code.has_value());
  }
  CHECK(world.run("kill -9 $$").error == "signal 9 (killed)");
}

TEST_CASE("executor: stderr is the log and no part of the result") {
  ProcessWorld world;
  const Ended ended = world.run("echo out; echo err >&2; exit 3");
  CHECK(ended.log == "err\n");
  CHECK(world.run("echo out; echo err >&2").result.bytes == "out\n");
}

TEST_CASE("executor: a log beyond its limit keeps head and tail") {
  ProcessWorld world;
  const Ended ended = world.run("echo first >&2; head -c 12000000 /dev/zero >&2; echo last >&2");
  CHECK(ended.failure == FailureClass::none);
  CHECK(ended.log.size() < 10 * 1024 * 1024 + 100);
  CHECK(ended.log.starts_with("first\n"));
  CHECK(ended.log.ends_with("last\n"));
  CHECK(ended.log.find(" bytes of this log were left out]") != std::string::npos);
}

TEST_CASE("executor: a command sees descriptors 0, 1 and 2 and no other") {
  const int leak = ::open("/dev/null", O_RDONLY);  // as if the caller had left it open
  ProcessWorld world;
  // ls itself opens one more to read the folder.
  CHECK(world.run("exec ls /proc/self/fd").result.bytes == "0\n1\n2\n3\n");
  ::close(leak);
}

TEST_CASE("executor: standard input is empty by default") {
  ProcessWorld world;
  CHECK(world.run("readlink /proc/self/fd/0; cat").result.bytes == "/dev/null\n");
}

TEST_CASE("executor: standard input is the text or the file that is named") {
  ProcessWorld world;
  ProcessWork work = world.shell("cat");
  work.stdin_text = "hello";
  CHECK(world.run(work).result.bytes == "hello");
  work.stdin_text.clear();
  work.stdin_file = world.folder() + "/in";
  std::ofstream(work.stdin_file) << "from a file";
  CHECK(world.run(work).result.bytes == "from a file");
}

TEST_CASE("executor: standard input that cannot be opened fails as not_found") {
  ProcessWorld world;
  ProcessWork work = world.shell("cat");
  work.stdin_file = "/no/such/file";
  const Ended ended = world.run(work);
  CHECK(ended.failure == FailureClass::not_found);
  CHECK(ended.error == "/no/such/file: no such file or directory");
}

TEST_CASE("executor: signals are at their defaults and unblocked in a command") {
  ::signal(SIGUSR1, SIG_IGN);
  ProcessWorld world;
  const Ended ended = world.run("sed -n 's/^Sig[BIC][lg][knt]:.//p' /proc/self/status | uniq");
  ::signal(SIGUSR1, SIG_DFL);
  CHECK(ended.result.bytes == "0000000000000000\n");
}

TEST_CASE("executor: a command runs in its folder and in a group of its own") {
  ProcessWorld world;
  const Ended ended = world.run("pwd -P; ps -o pgid= -p $$ | tr -d ' '; echo $$");
  const std::string& text = ended.result.bytes;
  const std::size_t line = text.find('\n');
  CHECK(text.substr(0, line) == world.folder());
  const std::string rest = text.substr(line + 1);
  CHECK(rest.substr(0, rest.find('\n')) + "\n" == rest.substr(rest.find('\n') + 1));
}

TEST_CASE("executor: an executable that does not exist fails as not_found, with its name") {
  ProcessWorld world;
  ProcessWork work = world.shell("");
  work.argv = {"no-such-program"};
  work.file = "no-such-program";
  const Ended ended = world.run(work);
  CHECK(ended.failure == FailureClass::not_found);
  CHECK(ended.error == "no-such-program: no such file or directory");
}

TEST_CASE("executor: the fallback runs when the file cannot be executed") {
  ProcessWorld world;
  ProcessWork work = world.shell("");
  work.argv = {"no-such-program"};
  work.file = "no-such-program";
  work.fallback = {"/bin/sh", "-c", "no-such-program"};
  const Ended ended = world.run(work);
  CHECK(ended.failure == FailureClass::exit);
  CHECK(ended.exit_code == 127);
  CHECK(ended.log.find("not found") != std::string::npos);
}

TEST_CASE("executor: a script without an interpreter line is run by the fallback shell") {
  ProcessWorld world;
  const std::string script = world.folder() + "/script";
  std::ofstream(script) << "echo script\n";
  REQUIRE(::chmod(script.c_str(), 0755) == 0);
  ProcessWork work = world.shell("");
  work.argv = {script};
  work.file = script;
  work.fallback = {"/bin/sh", "-c", script};
  CHECK(world.run(work).result.bytes == "script\n");
}

TEST_CASE("executor: a folder that is gone fails as not_found") {
  ProcessWorld world;
  ProcessWork work = world.shell(":");
  work.folder = "/no/such/folder";
  CHECK(world.run(work).failure == FailureClass::not_found);
}

TEST_CASE("executor: user and system time and peak memory are measured") {
  ProcessWorld world;
  const Ended ended = world.run("head -c 20000000 /dev/zero | sha256sum");
  CHECK(ended.usage.user + ended.usage.system > 0ns);
  CHECK(ended.usage.peak_memory_kib > 0);
}

TEST_CASE("executor: what a command left in the background is ended before the result is read") {
  ProcessWorld world;
  const Ended ended = world.run("sleep 1000 & echo $!");
  CHECK(ended.failure == FailureClass::none);
  CHECK_FALSE(is_running(std::stoi(ended.result.bytes)));
}

TEST_CASE("executor: daemons that left group, session, streams and environment are ended") {
  ProcessWorld world;
  const std::string file = world.folder() + "/pid";
  const std::string daemon =
      "env -i /usr/bin/setsid /bin/sh -c '(echo $$ >" + file +
      "; exec /bin/sleep 1000 >/dev/null 2>&1 </dev/null) & exit' >/dev/null 2>&1 </dev/null; "
      "while ! [ -s " +
      file + " ]; do :; done";
  CHECK(world.run(daemon).failure == FailureClass::none);
  const Ended ended = world.run(
      "env -i /usr/bin/setsid -f /bin/sh -c 'echo $$ >two; exec sleep 1000' >/dev/null 2>&1; "
      "while ! [ -s two ]; do :; done");
  CHECK(ended.failure == FailureClass::none);
  CHECK_FALSE(is_running(pid_in(world.folder() + "/two")));
}

TEST_CASE("executor: an attempt's end leaves other attempts and their daemons alone") {
  ProcessWorld world(2);
  const NodeIndex other = world.start(
      world.shell("setsid -f /bin/sh -c 'echo $$ >daemon; exec sleep 1000'; sleep 1000"));
  const pid_t daemon = pid_in(world.folder() + "/daemon");
  for (int round = 0; round < 5; ++round) {
    CHECK(world.run("sleep 1000 & :").failure == FailureClass::none);
  }
  CHECK(is_running(daemon));
  world.executor().control(other, Control::kill);
  CHECK(world.wait(other).signal == SIGKILL);
  CHECK_FALSE(is_running(daemon));
}

TEST_CASE("executor: kill ends children of timeout(1) and of setsid(1) too") {
  ProcessWorld world;
  const NodeIndex node = world.start(world.shell(
      "timeout 1000 sh -c 'echo $$ >one; sleep 1000' & setsid sh -c 'echo $$ >two; sleep 1000'"));
  const pid_t one = pid_in(world.folder() + "/one");
  const pid_t two = pid_in(world.folder() + "/two");
  world.executor().control(node, Control::kill);
  const Ended ended = world.wait(node);
  CHECK(ended.signal == SIGKILL);
  CHECK_FALSE(is_running(one));
  CHECK_FALSE(is_running(two));
}

TEST_CASE("executor: interrupt reaches the group, so a trap can clean up") {
  ProcessWorld world;
  const NodeIndex node = world.start(
      world.shell("trap 'echo trapped; exit 5' INT; echo 1 >up; while :; do sleep 0.01; done"));
  static_cast<void>(wait_for_file(world.folder() + "/up"));
  world.executor().control(node, Control::interrupt);
  CHECK(world.wait(node).exit_code == 5);
}

TEST_CASE("executor: a suspended tree stands still as a whole until it is resumed") {
  ProcessWorld world;
  const NodeIndex node = world.start(
      world.shell("setsid sh -c 'echo $$ >two; while [ ! -e go ]; do :; done'; echo done"));
  const pid_t inner = pid_in(world.folder() + "/two");
  world.executor().control(node, Control::suspend);
  while (sys::process_info(inner)->state != 'T') ::sched_yield();
  std::ofstream(world.folder() + "/go") << "go";
  world.executor().control(node, Control::resume);
  CHECK(world.wait(node).result.bytes == "done\n");
}

TEST_CASE("executor: terminate ends a tree that was suspended") {
  ProcessWorld world;
  const NodeIndex node = world.start(world.shell("echo 1 >up; sleep 1000"));
  static_cast<void>(wait_for_file(world.folder() + "/up"));
  world.executor().control(node, Control::suspend);
  world.executor().control(node, Control::terminate);
  CHECK(world.wait(node).signal == SIGTERM);
}

TEST_CASE("executor: an attempt that waits can be withdrawn, one that runs cannot") {
  ProcessWorld world(1);
  const NodeIndex first = world.start(world.shell("while [ ! -e go ]; do sleep 0.01; done"));
  world.wait_started(first);
  const NodeIndex second = world.start(world.shell(":"));
  CHECK_FALSE(world.executor().withdraw(first));
  CHECK(world.executor().withdraw(second));
  CHECK_FALSE(world.executor().withdraw(second));
  std::ofstream(world.folder() + "/go") << "go";
  CHECK(world.wait(first).failure == FailureClass::none);
}

TEST_CASE("executor: 1,025 attempts at once all end well, none mixed with another") {
  ProcessWorld world(1025);
  // Opening it for reading waits until somebody has it open for writing.
  REQUIRE(::mkfifo((world.folder() + "/gate").c_str(), 0600) == 0);
  std::vector<NodeIndex> nodes;
  for (int index = 0; index < 1025; ++index) {
    nodes.push_back(world.start(world.shell(": <gate; echo " + std::to_string(index))));
  }
  for (const NodeIndex node : nodes) world.wait_started(node);
  const sys::Fd gate(::open((world.folder() + "/gate").c_str(), O_WRONLY));
  for (std::size_t index = 0; index < nodes.size(); ++index) {
    CHECK(world.wait(nodes[index]).result.bytes == std::to_string(index) + "\n");
  }
}

TEST_CASE("executor: its destructor ends what is still running") {
  pid_t pid = 0;
  {
    ProcessWorld world;
    static_cast<void>(world.start(world.shell("echo $$ >pid; sleep 1000")));
    pid = pid_in(world.folder() + "/pid");
  }
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("executor: shown streams pass through as they come and are recorded") {
  int out[2], err[2];
  REQUIRE(::pipe(out) == 0);
  REQUIRE(::pipe(err) == 0);
  const int input = ::open("/dev/null", O_RDONLY);
  {
    ProcessWorld world(1, nullptr, nullptr, {input, out[1], err[1]});
    ProcessWork work = world.shell("echo out; echo err >&2");
    work.streams = ProcessWork::Streams::shown;
    const Ended ended = world.run(work);
    CHECK(ended.result.bytes == "out\n");
    CHECK(ended.log == "err\n");
  }
  char buffer[16];
  CHECK(::read(out[0], buffer, sizeof buffer) == 4);
  CHECK(::read(err[0], buffer, sizeof buffer) == 4);
  for (const int fd : {out[0], out[1], err[0], err[1], input}) ::close(fd);
}

TEST_CASE("executor: a command whose shown reader has gone gets SIGPIPE") {
  int out[2];
  REQUIRE(::pipe(out) == 0);
  ::close(out[0]);
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  {
    ProcessWorld world(1, nullptr, nullptr, {0, out[1], 2});
    ProcessWork work = world.shell("exec yes");
    work.streams = ProcessWork::Streams::shown;
    CHECK(world.run(work).signal == SIGPIPE);
  }
  ::signal(SIGPIPE, before);
  ::close(out[1]);
}

TEST_CASE("executor: a command whose shown reader does not read can be killed") {
  int out[2];
  REQUIRE(::pipe(out) == 0);
  {
    ProcessWorld world(1, nullptr, nullptr, {0, out[1], 2});
    ProcessWork work = world.shell("exec yes");
    work.streams = ProcessWork::Streams::shown;
    const NodeIndex node = world.start(work);
    world.wait_started(node);
    world.executor().control(node, Control::kill);
    CHECK(world.wait(node).signal == SIGKILL);
  }
  ::close(out[0]);
  ::close(out[1]);
}

}  // namespace dsched::executor
