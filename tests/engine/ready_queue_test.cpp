// SPDX-License-Identifier: Apache-2.0
#include "engine/ready_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

Rank rank(std::uint32_t node, std::uint8_t priority = 5, Nanoseconds remaining = 0ns) {
  return {priority, remaining, {node}};
}
bool any(const Rank&) {
  return true;
}

std::vector<std::uint32_t> take_all(ReadyQueue& queue) {
  std::vector<std::uint32_t> taken;
  while (const auto node = queue.take_best(100, any)) taken.push_back(node->value);
  return taken;
}

TEST_CASE("engine: the queue gives by priority, then longest remaining path, then program order") {
  ReadyQueue queue({});
  queue.add(rank(4, 5, 1s), {});
  queue.add(rank(3, 5, 1s), {});
  queue.add(rank(2, 5, 9s), {});
  queue.add(rank(1, 8, 0s), {});
  queue.add(rank(0, 2, 99s), {});
  CHECK(take_all(queue) == std::vector<std::uint32_t>{1, 2, 3, 4, 0});
  CHECK(queue.empty());
}

TEST_CASE("engine: the queue gives in rank order whatever the order of adding") {
  std::mt19937 dice(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Rank> ranks;
    for (std::uint32_t i = 0; i < 40; ++i) {
      ranks.push_back(rank(i, static_cast<std::uint8_t>(dice() % 3), Nanoseconds{dice() % 4}));
    }
    std::shuffle(ranks.begin(), ranks.end(), dice);
    ReadyQueue queue({});
    for (const Rank& one : ranks) queue.add(one, {});
    std::sort(ranks.begin(), ranks.end(),
              [](const Rank& a, const Rank& b) { return a.is_better_than(b); });
    for (const Rank& expected : ranks) CHECK(queue.take_best(0, any) == expected.node);
  }
}

TEST_CASE("engine: what does not fit is passed over and keeps its place") {
  ReadyQueue queue({});
  for (std::uint32_t i = 0; i < 4; ++i) queue.add(rank(i), {});
  const auto not_the_first_two = [](const Rank& one) { return one.node.value >= 2; };
  CHECK(queue.take_best(100, not_the_first_two) == NodeIndex{2});
  CHECK(queue.best()->node == NodeIndex{0});
  CHECK(take_all(queue) == std::vector<std::uint32_t>{0, 1, 3});
}

TEST_CASE("engine: at most as many are passed over as was said") {
  ReadyQueue queue({});
  for (std::uint32_t i = 0; i < 4; ++i) queue.add(rank(i), {});
  const auto only_the_last = [](const Rank& one) { return one.node.value == 3; };
  CHECK_FALSE(queue.take_best(0, only_the_last));
  CHECK_FALSE(queue.take_best(2, only_the_last));
  CHECK(queue.take_best(3, only_the_last) == NodeIndex{3});
}

TEST_CASE("engine: nodes of a full pool are parked and come back in rank order") {
  ReadyQueue queue({Slots{1}});
  const PoolIndex pool{0};
  queue.add(rank(0), pool);
  queue.add(rank(1), pool);
  queue.add(rank(2), {});
  queue.add(rank(3, 9), pool);
  CHECK(queue.take_best(0, any) == NodeIndex{3});
  CHECK(queue.take_best(0, any) == NodeIndex{2});
  CHECK_FALSE(queue.take_best(100, any));
  CHECK(queue.empty());
  queue.release(pool);
  CHECK(queue.take_best(0, any) == NodeIndex{0});
  CHECK_FALSE(queue.best());
  queue.release(pool);
  CHECK(queue.take_best(0, any) == NodeIndex{1});
}

TEST_CASE("engine: a wide node of a pool does not keep the pool's places from narrow ones") {
  ReadyQueue queue({Slots{1}});
  const PoolIndex pool{0};
  queue.add(rank(0), pool);
  CHECK(queue.take_best(0, any) == NodeIndex{0});
  for (std::uint32_t i = 1; i < 4; ++i) queue.add(rank(i), pool);
  CHECK(queue.empty());
  queue.release(pool);
  const auto not_the_first_two = [](const Rank& one) { return one.node.value >= 3; };
  CHECK(queue.take_best(9, not_the_first_two) == NodeIndex{3});
  queue.release(pool);
  CHECK(queue.take_best(0, any) == NodeIndex{1});
  queue.release(pool);
  CHECK(queue.take_best(0, any) == NodeIndex{2});
}

TEST_CASE("engine: the queue's best is never of a full pool") {
  ReadyQueue queue({Slots{1}, Slots{2}});
  queue.add(rank(0, 9), PoolIndex{0});
  queue.add(rank(1, 8), PoolIndex{0});
  queue.add(rank(2, 7), PoolIndex{1});
  CHECK(queue.take_best(0, any) == NodeIndex{0});
  CHECK(queue.best()->node == NodeIndex{2});
}

TEST_CASE("engine: a pool never gives more places than it has, at random") {
  std::mt19937 dice(11);
  ReadyQueue queue({Slots{2}, Slots{3}});
  const std::uint32_t limits[] = {2, 3};
  std::uint32_t used[] = {0, 0};
  std::map<std::uint32_t, std::uint32_t> pool_of;
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    pool_of[i] = static_cast<std::uint32_t>(dice() % 3);
    queue.add(rank(i, static_cast<std::uint8_t>(dice() % 11)),
              pool_of[i] < 2 ? std::optional(PoolIndex{pool_of[i]}) : std::nullopt);
    if (dice() % 2 == 0) {
      if (const auto taken =
              queue.take_best(dice() % 3, [&](const Rank&) { return dice() % 3 > 0; })) {
        if (pool_of[taken->value] < 2) {
          ++used[pool_of[taken->value]];
          out.push_back(pool_of[taken->value]);
        }
      }
    }
    if (!out.empty() && dice() % 3 == 0) {
      queue.release({out.back()});
      --used[out.back()];
      out.pop_back();
    }
    REQUIRE(used[0] <= limits[0]);
    REQUIRE(used[1] <= limits[1]);
  }
}

TEST_CASE("engine: the best entries are listed in rank order, those of full pools too, and stay") {
  std::mt19937 dice(9);
  for (int round = 0; round < 50; ++round) {
    ReadyQueue queue({Slots{1}, Slots{2}});
    std::vector<Rank> ranks;
    for (std::uint32_t i = 0; i < 30; ++i) {
      const Rank one = rank(i, static_cast<std::uint8_t>(dice() % 3), Nanoseconds{dice() % 4});
      std::optional<PoolIndex> pool;
      if (dice() % 2 == 0) pool = PoolIndex{static_cast<std::uint32_t>(dice() % 2)};
      queue.add(one, pool);
      ranks.push_back(one);
    }
    for (int taken = 0; taken < 4; ++taken) {
      const auto node = queue.take_best(100, any);
      if (node) std::erase_if(ranks, [&](const Rank& one) { return one.node == *node; });
    }
    std::sort(ranks.begin(), ranks.end(),
              [](const Rank& a, const Rank& b) { return a.is_better_than(b); });
    CHECK(queue.size() == ranks.size());
    const std::vector<NodeIndex> best = queue.best_ones(7);
    REQUIRE(best.size() == 7);
    for (std::size_t i = 0; i < best.size(); ++i) CHECK(best[i] == ranks[i].node);
    CHECK(queue.best_ones(1000).size() == ranks.size());
    CHECK(queue.size() == ranks.size());
  }
}

}  // namespace
}  // namespace dsched::engine
