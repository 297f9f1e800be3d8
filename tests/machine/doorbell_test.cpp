// SPDX-License-Identifier: Apache-2.0
#include "machine/doorbell.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/temp_folder.h"

namespace dsched::machine {
namespace {

bool is_readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1;
}

void ring_one(const std::string& folder, const std::string& name) {
  ring(folder, std::array{name});
}

TEST_CASE("machine: a doorbell is readable from a ring until it is silenced") {
  testing::TempFolder folder;
  Doorbell bell(folder.path(), "a");
  CHECK_FALSE(is_readable(bell.fd()));
  ring_one(folder.path(), "a");
  CHECK(is_readable(bell.fd()));
  CHECK(bell.silence());
  CHECK_FALSE(is_readable(bell.fd()));
  CHECK_FALSE(bell.silence());
}

TEST_CASE("machine: any number of rings neither blocks nor outlives one silence") {
  testing::TempFolder folder;
  Doorbell bell(folder.path(), "a");
  for (int i = 0; i < 1000; ++i) ring_one(folder.path(), "a");
  CHECK(is_readable(bell.fd()));
  bell.silence();
  CHECK_FALSE(is_readable(bell.fd()));
}

TEST_CASE("machine: only the one whose name is rung hears it") {
  testing::TempFolder folder;
  Doorbell one(folder.path(), "one");
  Doorbell other(folder.path(), "other");
  ring_one(folder.path(), "other");
  CHECK_FALSE(is_readable(one.fd()));
  CHECK(is_readable(other.fd()));
}

TEST_CASE("machine: ringing where nobody is or was is no error") {
  testing::TempFolder folder;
  ring_one(folder.path(), "nobody");
  ring_one(folder / "no folder", "nobody");
  folder.write("file.sock", "no socket");
  ring_one(folder.path(), "file");
  { Doorbell gone(folder.path(), "gone"); }
  CHECK_FALSE(folder.exists("gone.sock"));
  ring_one(folder.path(), "gone");
}

TEST_CASE("machine: a doorbell's folder may have a name longer than a socket's address") {
  testing::TempFolder folder;
  const std::string deep = std::string(100, 'x') + "/" + std::string(200, 'y');
  folder.make_folder(deep);
  Doorbell bell(folder / deep, "0199c8f0-0000-7000-8000-000000000000");
  ring_one(folder / deep, "0199c8f0-0000-7000-8000-000000000000");
  CHECK(is_readable(bell.fd()));
}

TEST_CASE("machine: a doorbell that a dead runner left is replaced") {
  testing::TempFolder folder;
  folder.write("a.sock", "left behind");
  Doorbell bell(folder.path(), "a");
  ring_one(folder.path(), "a");
  CHECK(is_readable(bell.fd()));
}

TEST_CASE("machine: a doorbell is nobody else's") {
  testing::TempFolder folder;
  Doorbell bell(folder.path(), "a");
  struct stat status {};
  REQUIRE(::stat((folder / "a.sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("machine: a doorbell whose folder was made anew is renewed under the same number") {
  testing::TempFolder folder;
  folder.make_folder("machine");
  Doorbell bell(folder / "machine", "a");
  CHECK(bell.is_in_place());
  const int number = bell.fd();
  std::filesystem::remove_all(folder / "machine");
  CHECK_FALSE(bell.is_in_place());
  bell.renew();  // nothing to make it in: it stays away
  CHECK_FALSE(bell.is_in_place());
  folder.make_folder("machine");
  CHECK_FALSE(bell.is_in_place());
  bell.renew();
  CHECK(bell.is_in_place());
  CHECK(bell.fd() == number);
  ring_one(folder / "machine", "a");
  CHECK(is_readable(bell.fd()));
}

TEST_CASE("machine: what could leave the folder is no doorbell's name") {
  for (const std::string name : {"", ".", "..", "../a", "a/b", "/a", ".hidden"}) {
    CAPTURE(name);
    CHECK_FALSE(is_doorbell_name(name));
  }
  CHECK_FALSE(is_doorbell_name(std::string(65, 'a')));
  CHECK_FALSE(is_doorbell_name(std::string("a\0b", 3)));
  CHECK(is_doorbell_name(std::string(64, 'a')));
  testing::TempFolder folder;
  CHECK_THROWS_AS(Doorbell(folder.path(), "../a"), Error);
  CHECK_THROWS_AS(Doorbell(folder / "missing", "a"), Error);
}

}  // namespace
}  // namespace dsched::machine
