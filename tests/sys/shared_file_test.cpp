// SPDX-License-Identifier: Apache-2.0
#include "sys/shared_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/temp_folder.h"
#include "sys/clock.h"

namespace dsched::sys {
namespace {

constexpr std::uint64_t k_far = std::uint64_t{1} << 40;

// A process that holds a byte of the file until it is killed.
pid_t start_holder(const std::string& path, std::uint64_t byte) {
  int told[2];
  REQUIRE(::pipe(told) == 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    SharedFile file(path);
    const char held = file.try_lock(byte) ? 'y' : 'n';
    if (::write(told[1], &held, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char held = 0;
  REQUIRE(::read(told[0], &held, 1) == 1);
  REQUIRE(held == 'y');
  ::close(told[0]);
  ::close(told[1]);
  return holder;
}

void end(pid_t process) {
  ::kill(process, SIGKILL);
  REQUIRE(::waitpid(process, nullptr, 0) == process);
}

TEST_CASE("sys: what one opener of a shared file writes another reads, and no more") {
  testing::TempFolder folder;
  SharedFile one(folder / "shared");
  SharedFile other(folder / "shared");
  one.write(5000, "words");
  CHECK(other.read(5000, 5) == "words");
  CHECK(other.read(5003, 100) == "ds");
  CHECK(other.read(9000, 10).empty());
  CHECK(other.read(0, 2) == std::string(2, '\0'));
  struct stat status {};
  REQUIRE(::stat((folder / "shared").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  one.sync();
}

TEST_CASE("sys: a byte of a shared file is held by one opener at a time, in threads too") {
  testing::TempFolder folder;
  SharedFile one(folder / "shared");
  CHECK(one.try_lock(k_far));
  CHECK(one.try_lock(k_far));  // its own already
  CHECK_FALSE(one.is_locked(k_far));
  std::thread([&] {
    SharedFile other(folder / "shared");
    CHECK_FALSE(other.try_lock(k_far));
    CHECK(other.is_locked(k_far));
    CHECK_FALSE(other.is_locked(k_far + 1));
    CHECK(other.try_lock(k_far + 1));
  }).join();
  CHECK(one.try_lock(k_far + 1));  // the other is closed
  one.unlock(k_far);
  SharedFile third(folder / "shared");
  CHECK(third.try_lock(k_far));
  CHECK_FALSE(third.try_lock(k_far + 1));
}

TEST_CASE("sys: a byte that a process held is free when it was killed") {
  testing::TempFolder folder;
  SharedFile file(folder / "shared");
  const pid_t holder = start_holder(folder / "shared", k_far);
  CHECK(file.is_locked(k_far));
  CHECK_FALSE(file.try_lock(k_far));
  end(holder);
  CHECK_FALSE(file.is_locked(k_far));
  CHECK(file.try_lock(k_far));
}

TEST_CASE("sys: waiting for a byte ends with the patience, whatever its holder does") {
  testing::TempFolder folder;
  SharedFile file(folder / "shared");
  const pid_t holder = start_holder(folder / "shared", k_far);
  ::kill(holder, SIGSTOP);
  const PosixClock clock;
  const Instant before = clock.now();
  CHECK_FALSE(file.lock(k_far, std::chrono::milliseconds{20}));
  CHECK(clock.now() - before >= std::chrono::milliseconds{20});
  end(holder);
  CHECK(file.lock(k_far, std::chrono::milliseconds{20}));
}

TEST_CASE("sys: a shared file whose name was removed or given away is not in place") {
  testing::TempFolder folder;
  SharedFile file(folder / "shared");
  CHECK(file.is_in_place());
  SUBCASE("removed") {
    file.remove();
    CHECK_FALSE(folder.exists("shared"));
  }
  SUBCASE("replaced") {
    folder.write("other", "x");
    REQUIRE(std::rename((folder / "other").c_str(), (folder / "shared").c_str()) == 0);
    file.remove();  // not ours any more
    CHECK(folder.read("shared") == "x");
  }
  CHECK_FALSE(file.is_in_place());
  file.write(0, "still usable");
  CHECK(file.read(0, 5) == "still");
}

TEST_CASE("sys: links and folders are no shared files") {
  testing::TempFolder folder;
  folder.write("file", "x");
  folder.link("link", "file");
  folder.make_folder("folder");
  CHECK_THROWS_AS(SharedFile(folder / "link"), Error);
  CHECK_THROWS_AS(SharedFile(folder / "folder"), Error);
  CHECK_THROWS_AS(SharedFile(folder / "missing/file"), Error);
  CHECK_THROWS_AS(SharedFile("/dev/null"), Error);
}

}  // namespace
}  // namespace dsched::sys
