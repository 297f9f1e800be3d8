// SPDX-License-Identifier: Apache-2.0
#include "session/jobserver_offer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "slot_support.h"
#include "support/temp_folder.h"

namespace dsched::session {
namespace {

struct Offering {
  explicit Offering(std::uint32_t width = 4) {
    auto inner = std::make_unique<Lessor>(slots);
    lessor = inner.get();
    lessor->machine = 8;
    source = std::make_unique<OfferedSlots>(std::move(inner), fifo, table, clock, Slots{width});
    run(1, 1001);
  }
  void run(std::size_t worker, pid_t main) { table.slot(worker).pid.store(main); }
  Allowance settle(const engine::Demand& what) {
    Allowance allowance = source->update(what);
    for (int round = 0; source->has_news() || source->cares(what); ++round) {
      REQUIRE(round < 10);
      allowance = source->update(what);
    }
    return allowance;
  }
  // A client within a node.
  void client_takes(std::size_t count) {
    std::string tokens(count, '\0');
    REQUIRE(::read(fifo.reading_for_commands(), tokens.data(), count) ==
            static_cast<ssize_t>(count));
  }
  void client_gives(std::size_t count) {
    const std::string tokens(count, '+');
    REQUIRE(::write(fifo.writing_for_commands(), tokens.data(), count) ==
            static_cast<ssize_t>(count));
  }
  std::uint32_t slots = 100;
  HandClock clock;
  testing::TempFolder folder;
  sys::JobFifo fifo{folder / "jobserver"};
  sys::AttemptTable table;
  Lessor* lessor = nullptr;
  std::unique_ptr<OfferedSlots> source;
};

TEST_CASE("session: what nodes leave of the width is offered, while a node runs") {
  Offering offering;
  (void)offering.settle(demand_of(1, 0));
  CHECK(offering.fifo.idle() == 0);
  CHECK(offering.settle(demand_of(1, 1)).holding.held == Slots{1});
  CHECK(offering.fifo.idle() == 3);
  CHECK(offering.settle(demand_of(3, 2)).holding.held == Slots{3});
  CHECK(offering.fifo.idle() == 1);
  (void)offering.settle(demand_of(0, 0));
  CHECK(offering.fifo.idle() == 0);
}

TEST_CASE("session: what a client has is not there for nodes until it comes back") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.client_takes(3);
  CHECK(offering.settle(demand_of(3, 1)).holding.held == Slots{1});
  CHECK(offering.lessor->asked.in_use == Slots{4});
  offering.client_gives(2);
  CHECK(sys::is_readable(offering.source->fd()));
  CHECK(offering.settle(demand_of(3, 1)).holding.held == Slots{3});
  CHECK(offering.fifo.idle() == 0);
}

TEST_CASE("session: tokens that nobody has go back first when slots are wanted back") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.client_takes(1);
  offering.lessor->due = {2};
  const Allowance allowance = offering.source->update(demand_of(1, 1));
  CHECK(offering.fifo.idle() == 0);
  CHECK(allowance.holding.held.count - allowance.holding.due.count == 1);
}

TEST_CASE("session: while others wait only what is used is wanted, and one more when all is used") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.lessor->contended = true;
  offering.client_takes(1);
  (void)offering.source->update(demand_of(1, 1));
  (void)offering.source->update(demand_of(1, 1));
  CHECK(offering.lessor->asked.wanted == Slots{3});
  CHECK(offering.fifo.idle() == 1);
  offering.client_gives(1);
  (void)offering.source->update(demand_of(1, 1));
  CHECK(offering.lessor->asked.wanted == Slots{1});
  CHECK(offering.fifo.idle() == 0);
}

TEST_CASE("session: while others wait a token is tried now and then") {
  Offering offering;
  offering.lessor->contended = true;
  int tried = 0;
  for (int look = 0; look < 100; ++look) {
    (void)offering.source->update(demand_of(1, 1));
    if (offering.fifo.idle() > 0) ++tried;
  }
  CHECK(tried > 5);
  CHECK(tried < 20);
}

TEST_CASE("session: lost tokens are made good when no command runs") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.client_takes(3);
  (void)offering.settle(demand_of(1, 1));
  CHECK(offering.fifo.idle() == 0);
  offering.run(1, 0);
  offering.source->attempts_ended();
  CHECK(offering.source->cares(demand_of(1, 1)));
  offering.run(1, 1002);
  (void)offering.settle(demand_of(1, 1));
  CHECK(offering.fifo.idle() == 3);
  SUBCASE("and are taken away if they come back after all") {
    offering.client_gives(3);
    (void)offering.source->update(demand_of(1, 1));
    CHECK(offering.fifo.idle() == 3);
  }
}

TEST_CASE("session: the tokens of nodes that stand still are not in use") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.client_takes(2);
  (void)offering.settle(demand_of(1, 0));
  CHECK(offering.lessor->asked.in_use == Slots{0});
  CHECK(offering.lessor->asked.next_need == Slots{3});
  (void)offering.settle(demand_of(0, 0));
  CHECK(offering.lessor->asked.wanted == Slots{0});
  CHECK(offering.settle(demand_of(1, 0)).holding.held == Slots{1});
  CHECK(offering.lessor->asked.wanted == Slots{3});
}

TEST_CASE("session: the time of tokens is charged to the execution") {
  Offering offering;
  (void)offering.settle(demand_of(1, 1));
  offering.client_takes(2);
  offering.clock.at += Nanoseconds{100};
  (void)offering.source->update(demand_of(1, 1));
  CHECK(offering.lessor->charged == Nanoseconds{200});
}

}  // namespace
}  // namespace dsched::session
