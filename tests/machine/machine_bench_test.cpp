// SPDX-License-Identifier: Apache-2.0
// What does a machine cost a lone execution (join and leave, one report), and what with others?
//
// Skipped unless asked for: machine_test --no-skip --test-case='*bench*'. A tiny run of the same
// code is part of every test run, so that it cannot rot.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "machine_world.h"

namespace dsched::machine {
namespace {

struct Spread {
  double least;
  double median;
  double most;
};

// Microseconds per call.
Spread time_of(int calls, const std::function<void()>& work) {
  std::vector<double> took;
  for (int i = 0; i < calls; ++i) {
    const auto before = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::micro> each =
        std::chrono::steady_clock::now() - before;
    took.push_back(each.count());
  }
  std::sort(took.begin(), took.end());
  return {took.front(), took[took.size() / 2], took.back()};
}

struct Figures {
  Spread join_and_leave;
  Spread report;
};

Figures measure(int calls, int others) {
  const testing::TempFolder temporary;
  const sys::PosixClock clock;
  sys::PosixHost host;
  const std::string folder = temporary / "machine";
  const auto join = [&](const std::string& name) {
    Member member = member_named(name);
    member.cpus = 0;  // as a runner that must find out
    return std::make_unique<Membership>(folder, clock, host, member, Priority{});
  };
  std::vector<std::unique_ptr<Membership>> present;
  for (int i = 0; i < others; ++i) present.push_back(join("other" + std::to_string(i)));
  Figures figures{};
  figures.join_and_leave = time_of(calls, [&] { (void)join("0199c8f0-0000-7000-8000-00000000"); });
  const auto member = join("measured");
  figures.report = time_of(calls, [&] { (void)member->report(demand_of(2, 2)); });
  CHECK(member->report(demand_of(1)).is_alone == (others == 0));
  return figures;
}

}  // namespace

TEST_CASE("machine: the bench's own loop joins, reports and leaves") {
  CHECK(measure(3, 2).report.least > 0);
}

TEST_CASE("machine: bench of joining, reporting and leaving" * doctest::skip()) {
  std::printf("microseconds, least / median / most of 2,000\n");
  for (const int others : {0, 10, 100}) {
    const Figures figures = measure(2000, others);
    const auto print = [others](const char* what, const Spread& spread) {
      std::printf("%-15s beside %3d others: %6.1f / %6.1f / %7.1f\n", what, others, spread.least,
                  spread.median, spread.most);
    };
    print("join and leave", figures.join_and_leave);
    print("report", figures.report);
  }
}

}  // namespace dsched::machine
