// SPDX-License-Identifier: Apache-2.0
#include "session/machine_slots.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <memory>
#include <string>

#include "support/temp_folder.h"

namespace dsched::session {
namespace {

engine::Demand demand_of(std::uint32_t wanted, std::uint32_t in_use) {
  engine::Demand demand;
  demand.wanted = Slots{wanted};
  demand.in_use = Slots{in_use};
  return demand;
}

// A machine of 4 chosen slots, and runners of it.
class SlotsWorld {
 public:
  SlotsWorld() {
    machine::Leases tool(folder_, clock_, host_);
    (void)machine::set_settings(tool, [](engine::MachineSettings& settings) {
      settings.slots = Slots{4};
      settings.slots_are_chosen = true;
      settings.preemption = engine::Preemption::boundary;
    });
  }
  std::unique_ptr<MachineSlots> join(const std::string& name, const std::string& parent = {}) {
    machine::Member member;
    member.execution_id = name;
    member.runner_name = name;
    member.parent_attempt = parent;
    member.cpus = 2;
    return std::make_unique<MachineSlots>(folder_, clock_, host_, member, Priority{5});
  }
  bool set_priority(const std::string& name, Priority priority) {
    machine::Leases tool(folder_, clock_, host_);
    return machine::set_priority(tool, name, priority);
  }

 private:
  testing::TempFolder temporary_;
  std::string folder_ = temporary_ / "machine";
  sys::PosixClock clock_;
  sys::PosixHost host_;
};

bool is_readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1;
}

machine::Standing standing_of(std::uint32_t held, std::uint32_t slots) {
  machine::Standing standing;
  standing.holding.held = Slots{held};
  standing.settings.slots = Slots{slots};
  standing.settings.slots_are_chosen = true;
  standing.is_alone = false;
  return standing;
}

TEST_CASE("session: a lone execution is given all it wants and is not asked again") {
  SlotsWorld world;
  const auto slots = world.join("a");
  CHECK(slots->next_look());
  CHECK(slots->cares(demand_of(4, 0)));
  const Allowance allowance = slots->update(demand_of(4, 0));
  CHECK(allowance.holding.held == Slots{4});
  CHECK(allowance.machine == Slots{4});
  CHECK(allowance.preemption == engine::Preemption::boundary);
  CHECK(allowance.quantum == engine::k_quantum_default);
  CHECK_FALSE(allowance.priority);
  CHECK_FALSE(slots->has_news());
  for (std::uint32_t in_use = 0; in_use <= 4; ++in_use) {
    for (std::uint32_t wanted = in_use; wanted <= 20; ++wanted) {
      CHECK_FALSE(slots->cares(demand_of(wanted, in_use)));
    }
  }
}

TEST_CASE("session: slots move between executions as they want them") {
  SlotsWorld world;
  const auto first = world.join("first");
  CHECK(first->update(demand_of(4, 0)).holding.held == Slots{4});
  const auto second = world.join("second");
  CHECK(second->cares(demand_of(2, 0)));
  CHECK(second->update(demand_of(2, 0)).holding.held == Slots{0});
  CHECK(is_readable(first->fd()));
  CHECK(first->has_news());
  CHECK_FALSE(first->has_news());
  const Allowance allowance = first->update(demand_of(4, 4));
  CHECK(allowance.holding.contended);
  CHECK_FALSE(first->cares(demand_of(4, 4)));
  CHECK(first->cares(demand_of(2, 2)));  // two are idle
  CHECK(first->update(demand_of(2, 2)).holding.held == Slots{2});
  CHECK(second->has_news());
  CHECK(second->update(demand_of(2, 0)).holding.held == Slots{2});
}

TEST_CASE("session: a priority given from outside is told once, and nested executions are named") {
  SlotsWorld world;
  const auto slots = world.join("a");
  CHECK_FALSE(slots->update(demand_of(1, 0)).priority);
  CHECK(world.set_priority("a", Priority{9}));
  CHECK(slots->has_news());
  CHECK(slots->update(demand_of(1, 0)).priority == Priority{9});
  CHECK_FALSE(slots->update(demand_of(1, 0)).priority);
  const auto nested = world.join("b", "a-12");
  CHECK(slots->has_news());
  CHECK(slots->update(demand_of(1, 1)).waiting_attempts == std::vector<std::string>{"a-12"});
}

TEST_CASE("session: what it wants beyond its slots is worth telling when it changes") {
  machine::Standing standing = standing_of(2, 4);
  const engine::Demand before = demand_of(3, 2);
  CHECK_FALSE(is_worth_telling(before, before, standing));
  CHECK(is_worth_telling(before, demand_of(4, 2), standing));
  CHECK(is_worth_telling(before, demand_of(2, 2), standing));  // it waits no longer
  CHECK_FALSE(is_worth_telling(demand_of(4, 2), demand_of(9, 2), standing));
  engine::Demand wider = before;
  wider.next_need = Slots{2};
  CHECK(is_worth_telling(before, wider, standing));
  engine::Demand shorter = before;
  shorter.next_is_short = true;
  CHECK(is_worth_telling(before, shorter, standing));

  standing = standing_of(4, 4);
  standing.is_alone = true;
  CHECK_FALSE(is_worth_telling(before, demand_of(9, 4), standing));
  standing.settings.slots_are_chosen = false;  // it may have more than was guessed
  CHECK(is_worth_telling(before, demand_of(9, 4), standing));
}

TEST_CASE("session: idle slots are worth telling while others wait, and what is due at any time") {
  machine::Standing standing = standing_of(3, 4);
  const engine::Demand before = demand_of(3, 3);
  CHECK_FALSE(is_worth_telling(before, demand_of(2, 2), standing));
  standing.holding.contended = true;
  CHECK(is_worth_telling(before, demand_of(2, 2), standing));
  CHECK(is_worth_telling(before, demand_of(5, 2), standing));
  CHECK_FALSE(is_worth_telling(demand_of(2, 2), demand_of(2, 2), standing));
  standing.holding.contended = false;
  standing.holding.due = Slots{1};
  CHECK(is_worth_telling(before, demand_of(3, 2), standing));
  CHECK_FALSE(is_worth_telling(before, before, standing));
  standing.holding.due = Slots{0};
  standing.holding.lent = true;
  CHECK(is_worth_telling(before, demand_of(3, 2), standing));
}

}  // namespace
}  // namespace dsched::session
