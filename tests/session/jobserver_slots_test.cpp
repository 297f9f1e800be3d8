// SPDX-License-Identifier: Apache-2.0
#include "session/jobserver_slots.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "slot_support.h"

namespace dsched::session {
namespace {

struct Make {
  explicit Make(int count) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reading = sys::Fd(ends[0]);
    writing = sys::Fd(ends[1]);
    put(count);
    tokens = sys::JobTokens::on_descriptors(reading.get(), writing.get());
    REQUIRE(tokens);
  }
  void put(int count) const {
    for (int i = 0; i < count; ++i) REQUIRE(::write(writing.get(), "+", 1) == 1);
  }
  sys::Fd reading;
  sys::Fd writing;
  std::unique_ptr<sys::JobTokens> tokens;
};

struct World {
  explicit World(int tokens, std::uint32_t machine = 100) : make(tokens), slots(machine) {
    auto inner = std::make_unique<Lessor>(slots);
    machine_port = inner.get();
    source = std::make_unique<JobserverSlots>(std::move(inner), *make.tokens, clock);
  }
  // Until there is nothing to ask any more, as the session's loop does.
  Allowance settle(const engine::Demand& what) {
    Allowance allowance = source->update(what);
    const sys::JobTokens::ForKeeper keeper = make.tokens->for_keeper();
    sys::move_tokens(keeper.returned, keeper.make);
    for (int round = 0; source->has_news() || source->cares(what); ++round) {
      REQUIRE(round < 10);
      allowance = source->update(what);
      sys::move_tokens(keeper.returned, keeper.make);
    }
    return allowance;
  }
  HandClock clock;
  Make make;
  std::uint32_t slots;
  Lessor* machine_port = nullptr;
  std::unique_ptr<JobserverSlots> source;
};

TEST_CASE("session: within make there is one slot, and one more for each token") {
  World world(2);
  CHECK(world.settle(demand_of(5, 0)).holding.held == Slots{3});
  CHECK(world.make.tokens->held() == 2);
}

TEST_CASE("session: no token is taken that is not wanted") {
  World world(5);
  CHECK(world.settle(demand_of(1, 0)).holding.held == Slots{1});
  CHECK(world.make.tokens->held() == 0);
  CHECK(world.settle(demand_of(3, 1)).holding.held == Slots{3});
  CHECK(world.make.tokens->held() == 2);
}

TEST_CASE("session: a token goes back when it is not wanted, but not while a node uses it") {
  World world(3);
  (void)world.settle(demand_of(4, 4));
  (void)world.settle(demand_of(2, 3));
  CHECK(world.make.tokens->held() == 2);
  (void)world.settle(demand_of(0, 0));
  CHECK(world.make.tokens->held() == 0);
}

TEST_CASE("session: the lesser of machine and make counts, and tokens do not pile up") {
  World world(5, 2);
  CHECK(world.settle(demand_of(9, 0)).holding.held == Slots{2});
  CHECK(world.make.tokens->held() == 1);
  world.slots = 4;
  world.machine_port->has_rung = true;
  CHECK(world.settle(demand_of(9, 2)).holding.held == Slots{4});
  CHECK(world.make.tokens->held() == 3);
}

TEST_CASE("session: a token that comes is news while one is wanted, and only then") {
  World world(0);
  CHECK(world.settle(demand_of(2, 1)).holding.held == Slots{1});
  world.make.put(1);
  CHECK(world.source->has_news());
  CHECK(sys::is_readable(world.source->fd()));
  CHECK(world.settle(demand_of(2, 1)).holding.held == Slots{2});
  world.make.put(1);
  CHECK_FALSE(world.source->has_news());
  CHECK_FALSE(sys::is_readable(world.source->fd()));
}

TEST_CASE("session: a node wider than the tokens runs alone with what there is") {
  World world(1);
  Allowance allowance = world.settle(demand_of(4, 1, 4));
  CHECK(allowance.holding.held == Slots{2});
  CHECK(allowance.machine > Slots{2});
  allowance = world.source->update(demand_of(4, 0, 4));
  CHECK(allowance.holding.held == Slots{2});
  CHECK(allowance.machine == Slots{2});
}

TEST_CASE("session: slot time is charged once, also when only make was asked") {
  World world(1);
  engine::Demand report = demand_of(2, 0);
  report.slot_time = Nanoseconds{7};
  (void)world.source->update(report);
  (void)world.source->update(report);
  const Nanoseconds before = world.machine_port->charged;
  (void)world.settle(demand_of(1, 1));
  CHECK(before <= Nanoseconds{14});
  CHECK(world.machine_port->charged == Nanoseconds{14});
}

TEST_CASE("session: all tokens go back in the end") {
  World world(3);
  (void)world.settle(demand_of(4, 4));
  world.source.reset();
  CHECK(world.make.tokens->held() == 0);
}

}  // namespace
}  // namespace dsched::session
