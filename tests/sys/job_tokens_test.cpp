// SPDX-License-Identifier: Apache-2.0
#include "sys/job_tokens.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "support/temp_folder.h"
#include "sys/keeper.h"
#include "sys/readable_set.h"

namespace dsched::sys {
namespace {

// What make holds.
struct Make {
  explicit Make(const std::string& tokens) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reading = Fd(ends[0]);
    writing = Fd(ends[1]);
    REQUIRE(::write(writing.get(), tokens.data(), tokens.size()) ==
            static_cast<ssize_t>(tokens.size()));
  }
  [[nodiscard]] std::size_t count() const {
    int waiting = 0;
    REQUIRE(::ioctl(reading.get(), FIONREAD, &waiting) == 0);
    return static_cast<std::size_t>(waiting);
  }
  // All that are there, sorted.
  [[nodiscard]] std::string take_all() const {
    std::string tokens(count(), '\0');
    if (!tokens.empty()) {
      REQUIRE(::read(reading.get(), tokens.data(), tokens.size()) ==
              static_cast<ssize_t>(tokens.size()));
    }
    std::sort(tokens.begin(), tokens.end());
    return tokens;
  }
  Fd reading;
  Fd writing;
};

TEST_CASE("sys: no more tokens are taken than there are, and nobody waits for more") {
  const Make make("abc");
  const auto tokens = JobTokens::on_descriptors(make.reading.get(), make.writing.get());
  REQUIRE(tokens);
  CHECK(is_readable(tokens->fd()));
  CHECK(tokens->take(2) == 2);
  CHECK(make.count() == 1);
  CHECK(tokens->take(5) == 1);
  CHECK(tokens->take(1) == 0);
  CHECK(tokens->held() == 3);
  CHECK_FALSE(is_readable(tokens->fd()));
}

TEST_CASE("sys: the same bytes come back") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const Make make(all);
  {
    const auto tokens = JobTokens::on_descriptors(make.reading.get(), make.writing.get());
    REQUIRE(tokens);
    // One at a time: each has a buffer of its own then.
    for (int i = 0; i < 200; ++i) REQUIRE(tokens->take(1) == 1);
    tokens->give_back(90);
    CHECK(tokens->held() == 110);
  }
  std::string sorted = all;
  std::sort(sorted.begin(), sorted.end());
  CHECK(make.take_all() == sorted);
}

TEST_CASE("sys: the keeper writes back what is given back, and in the end the rest") {
  const Make make("abcdefgh");
  const auto tokens = JobTokens::on_descriptors(make.reading.get(), make.writing.get());
  REQUIRE(tokens);
  CHECK(tokens->take(8) == 8);
  {
    AttemptTable table;
    KeeperOptions options;
    options.tokens = tokens->for_keeper();
    const Keeper keeper(table, options);
    tokens->give_back(3);
    while (make.count() < 3) ::usleep(100);
    CHECK(make.count() == 3);
  }
  CHECK(make.take_all() == "abcdefgh");
}

TEST_CASE("sys: what are no ends of one pipe are no jobserver") {
  const Make one("a");
  const Make other("b");
  const int reading = one.reading.get();
  const int writing = one.writing.get();
  CHECK_FALSE(JobTokens::on_descriptors(reading, other.writing.get()));
  CHECK_FALSE(JobTokens::on_descriptors(writing, reading));
  CHECK_FALSE(JobTokens::on_descriptors(-1, writing));
  CHECK_FALSE(JobTokens::on_descriptors(reading, 1'000'000));
  const Fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK_FALSE(JobTokens::on_descriptors(file.get(), file.get()));
  CHECK_FALSE(JobTokens::on_fifo("/dev/null"));
  CHECK_FALSE(JobTokens::on_fifo("/nowhere/fifo"));
}

TEST_CASE("sys: a fifo serves as well") {
  const testing::TempFolder folder;
  const std::string path = folder / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto tokens = JobTokens::on_fifo(path);
  REQUIRE(tokens);
  CHECK(tokens->take(1) == 0);
  const Fd make(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::write(make.get(), "xy", 2) == 2);
  CHECK(tokens->take(9) == 2);
  tokens->give_back(2);
}

}  // namespace
}  // namespace dsched::sys
