// SPDX-License-Identifier: Apache-2.0
#include "report/estimate.h"

#include <doctest/doctest.h>

namespace dsched::report {
namespace {

using namespace std::chrono_literals;

PendingWork work(std::uint8_t priority, Nanoseconds left, std::uint64_t ready = 1) {
  return {.priority = {priority}, .ready_nodes = ready, .left = left, .running = {}};
}

constexpr SlotsNow k_full{.slots = {2}, .in_use = {2}};

TEST_CASE("report: nobody waits for a free slot that nothing ready is ahead of") {
  CHECK(estimated_wait({}, {.slots = {2}, .in_use = {}}, {5}) == 0s);
  const std::vector<PendingWork> all{work(5, 60s, 0)};
  CHECK(estimated_wait(all, {.slots = {2}, .in_use = {1}}, {5}) == 0s);
  CHECK(estimated_wait(all, k_full, {5}) == 30s);
}

TEST_CASE("report: what is ahead is spread over the slots") {
  const std::vector<PendingWork> all{work(5, 60s), work(8, 20s)};
  CHECK(estimated_wait(all, k_full, {5}) == 40s);
}

TEST_CASE("report: work of a lower priority is not ahead, but what it has running is") {
  std::vector<PendingWork> all{work(3, 60s), work(8, 20s)};
  CHECK(estimated_wait(all, k_full, {5}) == 10s);
  all[0].running = {{.elapsed = 4s, .expected = 10s}};
  CHECK(estimated_wait(all, k_full, {5}) == 13s);
  CHECK(estimated_wait(all, k_full, {9}) == 3s);
}

TEST_CASE("report: what is done of running nodes is not ahead any more, and never counts back") {
  std::vector<PendingWork> all{work(5, 20s)};
  all[0].running = {{.elapsed = 6s, .expected = 10s}};
  CHECK(estimated_wait(all, k_full, {5}) == 7s);
  all[0].running = {{.elapsed = 60s, .expected = 10s}};  // it takes longer than ever before
  CHECK(estimated_wait(all, k_full, {5}) == 5s);
  all[0].running = {{.elapsed = 60s, .expected = {}}};  // never measured
  CHECK(estimated_wait(all, k_full, {5}) == 10s);
  all[0].running = {{.elapsed = -1s, .expected = 10s}};  // a clock that was set back
  CHECK(estimated_wait(all, k_full, {5}) == 10s);
}

}  // namespace
}  // namespace dsched::report
