// SPDX-License-Identifier: Apache-2.0
// How long do 2,000 trivial commands take through the executor alone, two at a time, beside ninja?
//
// Skipped unless asked for: executor_test --no-skip --test-case='*bench*'. A tiny run of the same
// code is part of every test run, so that it cannot rot.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "process_fixture.h"

namespace dsched::executor {
namespace {

double seconds_of(ProcessWorld& world, const ProcessWork& work, int count) {
  const auto before = std::chrono::steady_clock::now();
  std::vector<NodeIndex> nodes;
  int next = 0;
  // One is granted ahead of the two that run.
  for (; next < std::min(3, count); ++next) nodes.push_back(world.start(work));
  for (std::size_t done = 0; done < static_cast<std::size_t>(count); ++done) {
    const Ended ended = world.wait(nodes[done]);
    REQUIRE(ended.failure == FailureClass::none);
    if (next++ < count) nodes.push_back(world.start(work));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  return took.count();
}

double seconds_of_ninja(const std::string& folder, const std::string& command, int count) {
  std::ofstream file(folder + "/build.ninja");
  file << "rule r\n  command = " << command << "\n";
  for (int index = 0; index < count; ++index) file << "build o" << index << ": r\n";
  file.close();
  const std::string run = "cd " + folder + " && rm -f .ninja_log && ninja -j2 >/dev/null 2>&1";
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(std::system(run.c_str()) == 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  return took.count();
}

ProcessWork direct_true(const ProcessWorld& world) {
  ProcessWork work = world.shell("");
  work.argv = {"/bin/true"};
  work.file = "/bin/true";
  return work;
}

}  // namespace

TEST_CASE("executor: the bench's own loop runs every command once") {
  ProcessWorld world;
  CHECK(seconds_of(world, world.shell(":"), 20) > 0);
}

TEST_CASE("executor: bench of 2,000 commands beside ninja" * doctest::skip()) {
  const testing::TempFolder folder;
  for (int round = 0; round < 5; ++round) {
    ProcessWorld world;
    const double colon = seconds_of(world, world.shell(":"), 2000);
    const double ninja_colon = seconds_of_ninja(folder.path(), ":", 2000);
    const double direct = seconds_of(world, direct_true(world), 2000);
    const double ninja_true = seconds_of_ninja(folder.path(), "/bin/true", 2000);
    std::printf("`:` %.3f s, ninja %.3f s; /bin/true %.3f s, ninja %.3f s\n", colon, ninja_colon,
                direct, ninja_true);
  }
}

}  // namespace dsched::executor
