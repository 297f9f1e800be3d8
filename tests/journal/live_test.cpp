// SPDX-License-Identifier: Apache-2.0
#include "journal/live.h"

#include <doctest/doctest.h>

#include <random>

#include "journal/fields.h"
#include "journal/journal.h"
#include "journal/wishes.h"
#include "support/temp_folder.h"

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;

struct News {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{database, Journal::Tables::make};

  void put_bytes(std::string_view bytes) {
    database.prepare("INSERT OR REPLACE INTO live(execution,state) VALUES(1,?)")
        .bind_blob(bytes)
        .run();
  }
  std::string bytes() {
    auto row = database.prepare("SELECT state FROM live WHERE execution=1");
    REQUIRE(row.step());
    return std::string(row.bytes(0));
  }
};

LiveState busy() {
  LiveState state;
  state.at = WallTime{1'700'000'000'123'456us};
  state.width = {8};
  state.held = {6};
  state.in_use = {5};
  state.is_paused = true;
  state.ready_nodes = 1'000'000;
  state.percentage = 33.25;
  state.estimated_completion = state.at + 90s;
  state.work_left = 5h;
  state.nodes = {
      {{7}, "caf\xC3\xA9", engine::NodeState::running, engine::Reason::none, 2, state.at, {}},
      {{9},
       "later",
       engine::NodeState::pending,
       engine::Reason::backoff,
       1,
       state.at - 3s,
       state.at + 4s}};
  state.pools = {{"gpu", {1}, {2}}, {"", {0}, {0}}};
  return state;
}

TEST_CASE("journal: a live state comes back with every field, until it is removed") {
  News news;
  CHECK_FALSE(live(news.database, {1}));
  const LiveState put = busy();
  put_live(news.database, {1}, {});
  put_live(news.database, {1}, put);
  const auto got = live(news.database, {1});
  REQUIRE(got);
  CHECK(got->at == put.at);
  CHECK(got->width == put.width);
  CHECK(got->held == put.held);
  CHECK(got->in_use == put.in_use);
  CHECK(got->is_paused);
  CHECK_FALSE(got->is_stopping);
  CHECK(got->ready_nodes == put.ready_nodes);
  CHECK(got->percentage == put.percentage);
  CHECK(got->estimated_completion == put.estimated_completion);
  CHECK(got->work_left == put.work_left);
  REQUIRE(got->nodes.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(got->nodes[i].node == put.nodes[i].node);
    CHECK(got->nodes[i].node_id == put.nodes[i].node_id);
    CHECK(got->nodes[i].state == put.nodes[i].state);
    CHECK(got->nodes[i].reason == put.nodes[i].reason);
    CHECK(got->nodes[i].attempt == put.nodes[i].attempt);
    CHECK(got->nodes[i].since == put.nodes[i].since);
    CHECK(got->nodes[i].until == put.nodes[i].until);
  }
  REQUIRE(got->pools.size() == 2);
  CHECK(got->pools[0].name == "gpu");
  CHECK(got->pools[0].in_use.count == 1);
  CHECK(got->pools[0].limit.count == 2);
  CHECK_FALSE(live(news.database, {2}));
  remove_live(news.database, {1});
  CHECK_FALSE(live(news.database, {1}));
}

TEST_CASE("journal: a live state lists only so many nodes") {
  News news;
  LiveState state;
  for (std::uint32_t i = 0; i < k_live_nodes_max + 5; ++i) {
    LiveNode node;
    node.node = {i};
    state.nodes.push_back(node);
  }
  put_live(news.database, {1}, state);
  const auto got = live(news.database, {1});
  REQUIRE(got);
  CHECK(got->nodes.size() == k_live_nodes_max);
  CHECK(got->nodes.back().node.value == k_live_nodes_max - 1);
}

TEST_CASE("journal: a live state that was cut or changed is none") {
  News news;
  put_live(news.database, {1}, busy());
  const std::string whole = news.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    news.put_bytes(std::string_view(whole).substr(0, size));
    CHECK_FALSE(live(news.database, {1}));
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    news.put_bytes(changed);
    CHECK_FALSE(live(news.database, {1}));
  }
  news.put_bytes(whole);
  CHECK(live(news.database, {1}));
}

TEST_CASE("journal: random bytes under a right sum never harm the reader of live states") {
  News news;
  std::mt19937 dice(11);
  put_live(news.database, {1}, busy());
  std::string good = news.bytes();
  good.resize(good.size() - 8);
  for (int round = 0; round < 3000; ++round) {
    std::string body = good;
    for (auto changes = 1 + dice() % 4; changes > 0; --changes) {
      body[dice() % body.size()] = static_cast<char>(dice());
    }
    if (round % 3 == 0) body.resize(dice() % body.size());
    close_bytes(body);
    news.put_bytes(body);
    const auto got = live(news.database, {1});
    if (!got) continue;
    for (const LiveNode& node : got->nodes) CHECK_FALSE(engine::name_of(node.state).empty());
  }
}

Wish wish(ExecutionNumber execution, WishKind kind) {
  return {.number = 0,
          .execution = execution,
          .kind = kind,
          .node = "n",
          .value = -7,
          .at = WallTime{5us}};
}

TEST_CASE("journal: wishes are taken once, oldest first, each by its own execution") {
  News news;
  CHECK_FALSE(has_wishes(news.database, {1}));
  Wish first = wish({1}, WishKind::pause);
  Wish other = wish({2}, WishKind::cancel);
  Wish second = wish({1}, WishKind::cancel_node);
  for (Wish* next : {&first, &other, &second}) add_wish(news.database, *next);
  CHECK(first.number < other.number);
  CHECK(other.number < second.number);
  CHECK(has_wishes(news.database, {1}));
  const std::vector<Wish> taken = take_wishes(news.database, {1});
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].kind == WishKind::pause);
  CHECK(taken[1].kind == WishKind::cancel_node);
  CHECK(taken[1].node == "n");
  CHECK(taken[1].value == -7);
  CHECK(taken[1].at == WallTime{5us});
  CHECK(taken[1].number == second.number);
  CHECK_FALSE(has_wishes(news.database, {1}));
  CHECK(take_wishes(news.database, {1}).empty());
  CHECK(has_wishes(news.database, {2}));
}

TEST_CASE("journal: the number of a wish is never given twice") {
  News news;
  Wish first = wish({1}, WishKind::pause);
  add_wish(news.database, first);
  (void)take_wishes(news.database, {1});
  Wish second = wish({1}, WishKind::pause);
  add_wish(news.database, second);
  CHECK(second.number > first.number);
}

TEST_CASE("journal: a wish of a kind that is not known is taken, and not handed on") {
  News news;
  Wish strange = wish({1}, static_cast<WishKind>(99));
  add_wish(news.database, strange);
  CHECK(take_wishes(news.database, {1}).empty());
  CHECK_FALSE(has_wishes(news.database, {1}));
}

}  // namespace
}  // namespace dsched::journal
