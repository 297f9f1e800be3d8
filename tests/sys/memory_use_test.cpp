// SPDX-License-Identifier: Apache-2.0
#include "sys/memory_use.h"

#include <doctest/doctest.h>

namespace dsched::sys {
namespace {

TEST_CASE("sys: memory in use is what is not available") {
  const auto use =
      memory_use_from("MemTotal:        1000 kB\nMemFree:   1 kB\nMemAvailable: 250 kB\n");
  REQUIRE(use);
  CHECK(use->total == 1000 * 1024);
  CHECK(use->used == 750 * 1024);
  CHECK(use->utilization() == 0.75);
}

TEST_CASE("sys: memory is unknown where the kernel does not tell") {
  CHECK_FALSE(memory_use_from(""));
  CHECK_FALSE(memory_use_from("MemTotal: 1000 kB\n"));
  CHECK_FALSE(memory_use_from("MemTotal: x\nMemAvailable: 1 kB\n"));
  CHECK(MemoryUse{}.utilization() == 0);
}

TEST_CASE("sys: a number is found by the whole name at the start of a line") {
  CHECK(number_after("inactive_file_x 1\nx inactive_file 2\ninactive_file 3", "inactive_file") ==
        3);
  CHECK_FALSE(number_after("inactive 1", "inactive_file"));
}

TEST_CASE("sys: this machine has memory, and not all of it is in use") {
  const MemoryUse use = memory_use();
  CHECK(use.total > 0);
  CHECK(use.used > 0);
  CHECK(use.utilization() <= 1);
}

}  // namespace
}  // namespace dsched::sys
