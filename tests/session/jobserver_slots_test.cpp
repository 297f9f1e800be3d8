// SPDX-License-Identifier: Apache-2.0
#include "session/jobserver_slots.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

// A machine that gives what is asked for, up to a limit.
class Machine final : public SlotSource {
 public:
  explicit Machine(std::uint32_t& slots) : slots_(slots) {}
  Allowance update(const engine::Demand& demand) override {
    asked_ = demand;
    charged += demand.slot_time;
    Allowance allowance;
    allowance.holding.held = {std::min(demand.wanted.count, slots_)};
    allowance.machine = {slots_};
    return allowance;
  }
  bool cares(const engine::Demand& demand) const override { return demand.wanted != asked_.wanted; }
  int fd() const override { return -1; }
  bool has_news() override { return std::exchange(has_rung, false); }
  std::optional<Instant> next_look() const override { return std::nullopt; }
  Nanoseconds charged{0};
  bool has_rung = false;

 private:
  std::uint32_t& slots_;
  engine::Demand asked_;
};

class StillClock final : public sys::Clock {
 public:
  Instant now() const override { return {}; }
  WallTime wall() const override { return {}; }
};

engine::Demand demand(std::uint32_t wanted, std::uint32_t in_use, std::uint32_t next = 1) {
  engine::Demand demand;
  demand.wanted = {wanted};
  demand.in_use = {in_use};
  demand.next_need = {next};
  return demand;
}

struct World {
  explicit World(int tokens, std::uint32_t machine = 100) : make(tokens), slots(machine) {
    auto inner = std::make_unique<Machine>(slots);
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
  StillClock clock;
  Make make;
  std::uint32_t slots;
  Machine* machine_port = nullptr;
  std::unique_ptr<JobserverSlots> source;
};

TEST_CASE("session: within make there is one slot, and one more for each token") {
  World world(2);
  CHECK(world.settle(demand(5, 0)).holding.held == Slots{3});
  CHECK(world.make.tokens->held() == 2);
}

TEST_CASE("session: no token is taken that is not wanted") {
  World world(5);
  CHECK(world.settle(demand(1, 0)).holding.held == Slots{1});
  CHECK(world.make.tokens->held() == 0);
  CHECK(world.settle(demand(3, 1)).holding.held == Slots{3});
  CHECK(world.make.tokens->held() == 2);
}

TEST_CASE("session: a token goes back when it is not wanted, but not while a node uses it") {
  World world(3);
  (void)world.settle(demand(4, 4));
  (void)world.settle(demand(2, 3));
  CHECK(world.make.tokens->held() == 2);
  (void)world.settle(demand(0, 0));
  CHECK(world.make.tokens->held() == 0);
}

TEST_CASE("session: the lesser of machine and make counts, and tokens do not pile up") {
  World world(5, 2);
  CHECK(world.settle(demand(9, 0)).holding.held == Slots{2});
  CHECK(world.make.tokens->held() == 1);
  world.slots = 4;
  world.machine_port->has_rung = true;
  CHECK(world.settle(demand(9, 2)).holding.held == Slots{4});
  CHECK(world.make.tokens->held() == 3);
}

TEST_CASE("session: a token that comes is news while one is wanted, and only then") {
  World world(0);
  CHECK(world.settle(demand(2, 1)).holding.held == Slots{1});
  world.make.put(1);
  CHECK(world.source->has_news());
  CHECK(sys::is_readable(world.source->fd()));
  CHECK(world.settle(demand(2, 1)).holding.held == Slots{2});
  world.make.put(1);
  CHECK_FALSE(world.source->has_news());
  CHECK_FALSE(sys::is_readable(world.source->fd()));
}

TEST_CASE("session: a node wider than the tokens runs alone with what there is") {
  World world(1);
  Allowance allowance = world.settle(demand(4, 1, 4));
  CHECK(allowance.holding.held == Slots{2});
  CHECK(allowance.machine > Slots{2});
  allowance = world.source->update(demand(4, 0, 4));
  CHECK(allowance.holding.held == Slots{2});
  CHECK(allowance.machine == Slots{2});
}

TEST_CASE("session: slot time is charged once, also when only make was asked") {
  World world(1);
  engine::Demand report = demand(2, 0);
  report.slot_time = Nanoseconds{7};
  (void)world.source->update(report);
  (void)world.source->update(report);
  const Nanoseconds before = world.machine_port->charged;
  (void)world.settle(demand(1, 1));
  CHECK(before <= Nanoseconds{14});
  CHECK(world.machine_port->charged == Nanoseconds{14});
}

TEST_CASE("session: all tokens go back in the end") {
  World world(3);
  (void)world.settle(demand(4, 4));
  world.source.reset();
  CHECK(world.make.tokens->held() == 0);
}

}  // namespace
}  // namespace dsched::session
