// SPDX-License-Identifier: Apache-2.0
#include "machine/member.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "machine_world.h"

namespace dsched::machine {
namespace {

using engine::MachineSettings;

bool is_rung(Membership& member) {
  pollfd polled{member.fd(), POLLIN, 0};
  const bool rung = ::poll(&polled, 1, 0) == 1;
  CHECK(member.silence() == rung);
  return rung;
}

Slots held(Membership& member, std::uint32_t wanted, std::uint32_t in_use = 0) {
  return member.report(demand_of(wanted, in_use)).holding.held;
}

TEST_CASE("machine: who is alone holds what it wants and is not rung") {
  MachineWorld world;
  const auto alone = world.join("alone");
  CHECK(alone->next_look() == world.clock.now());  // once, at the start
  const Standing standing = alone->report(demand_of(2));
  CHECK(standing.holding.held == Slots{2});
  CHECK_FALSE(standing.holding.contended);
  CHECK(standing.is_alone);
  CHECK(standing.priority == Priority{});
  CHECK(alone->next_look() == world.clock.now() + std::chrono::seconds{1});
  CHECK_FALSE(is_rung(*alone));
}

TEST_CASE("machine: who must make room for a newcomer is rung") {
  MachineWorld world;
  world.choose_slots(2);
  const auto first = world.join("first");
  CHECK(held(*first, 2) == Slots{2});
  const auto second = world.join("second");
  CHECK(held(*second, 2) == Slots{0});
  CHECK(is_rung(*first));
  CHECK_FALSE(is_rung(*second));
  CHECK(second->next_look() <= world.clock.now() + engine::k_quantum_default);

  const Standing idle = first->report(demand_of(0));
  CHECK(idle.holding.held == Slots{0});
  CHECK(is_rung(*second));
  CHECK(held(*second, 2) == Slots{2});
}

TEST_CASE("machine: a contended holder looks again each quantum") {
  MachineWorld world;
  world.choose_slots(1);
  const auto first = world.join("first");
  (void)first->report(demand_of(1));
  const auto second = world.join("second");
  (void)second->report(demand_of(1));
  CHECK(first->report(demand_of(1, 1)).holding.contended);
  CHECK(first->next_look() <= world.clock.now() + engine::k_quantum_default);
  CHECK(first->next_look() > world.clock.now());
}

TEST_CASE("machine: among many those who only wait look less often, but within a second") {
  MachineWorld world;
  world.choose_slots(1);
  const auto holder = world.join("holder");
  (void)holder->report(demand_of(1));
  std::vector<std::unique_ptr<Membership>> crowd;
  for (int i = 0; i < 40; ++i) crowd.push_back(world.join("waiter" + std::to_string(i)));
  for (const auto& waiter : crowd) (void)waiter->report(demand_of(1));
  (void)holder->report(demand_of(1, 1));
  const Instant now = world.clock.now();
  CHECK(holder->next_look() <= now + engine::k_quantum_default);
  CHECK(crowd.back()->next_look() > now + engine::k_quantum_default);
  CHECK(crowd.back()->next_look() <= now + std::chrono::seconds{1});
}

TEST_CASE("machine: what somebody who leaves held goes to those who wait, and they are rung") {
  MachineWorld world;
  world.choose_slots(2);
  auto first = world.join("first");
  (void)first->report(demand_of(2, 2));
  const auto second = world.join("second");
  (void)second->report(demand_of(2));
  first.reset();
  CHECK_FALSE(std::filesystem::exists(world.folder + "/first.sock"));
  CHECK(is_rung(*second));
  CHECK(held(*second, 2) == Slots{2});
  CHECK(world.leases().look().members.size() == 1);
}

TEST_CASE("machine: lost rings, needless ones and many change nothing") {
  MachineWorld world;
  world.choose_slots(2);
  const auto first = world.join("first");
  (void)first->report(demand_of(2));
  const auto second = world.join("second");
  (void)second->report(demand_of(1));
  CHECK(first->silence());  // lost: it did not look
  const std::array<std::string, 1> name{"first"};
  for (int i = 0; i < 50; ++i) ring(world.folder, name);
  CHECK(is_rung(*first));
  CHECK(held(*first, 1, 1) == Slots{1});
  CHECK(is_rung(*second));
  ring(world.folder, name);
  CHECK(held(*first, 1, 1) == Slots{1});
  CHECK(held(*second, 1, 1) == Slots{1});
}

TEST_CASE("machine: new settings reach everybody") {
  MachineWorld world;
  const auto first = world.join("first");
  const auto second = world.join("second");
  Leases tool = world.leases();
  const MachineSettings now = set_settings(tool, [](MachineSettings& settings) {
    settings.policy = engine::Policy::round_robin;
    settings.quantum = std::chrono::milliseconds{20};
    settings.slots = Slots{9};
    settings.slots_are_chosen = true;
  });
  CHECK(now.slots == Slots{9});
  for (Membership* const member : {first.get(), second.get()}) {
    CHECK(is_rung(*member));
    CHECK(member->report(demand_of(0)).settings == now);
  }
  CHECK(world.leases().look().arbiter.settings == now);
}

TEST_CASE("machine: a guessed number of slots comes back when nobody chooses any more") {
  MachineWorld world;
  world.choose_slots(9);
  const auto member = world.join("a");
  Leases tool = world.leases();
  const MachineSettings now =
      set_settings(tool, [](MachineSettings& settings) { settings.slots_are_chosen = false; });
  CHECK(now.slots == Slots{2});
  CHECK(member->report(demand_of(1)).settings.slots == Slots{2});
}

TEST_CASE("machine: a priority given from outside reaches its runner, and its own the others") {
  MachineWorld world;
  const auto member = world.join("a", Priority{3});
  Leases tool = world.leases();
  CHECK(set_priority(tool, "a", Priority{8}));
  CHECK(is_rung(*member));
  CHECK(member->report(demand_of(1)).priority == Priority{8});
  CHECK_FALSE(set_priority(tool, "b", Priority{8}));
  member->set_priority(Priority{2});
  CHECK(tool.look().arbiter.lessees.at(0).priority == Priority{2});
  CHECK(member->report(demand_of(1)).priority == Priority{2});
}

TEST_CASE("machine: the next is who was given a slot last, and nobody when nobody wants one") {
  MachineWorld world;
  world.choose_slots(1);
  Leases tool = world.leases();
  CHECK_FALSE(schedule_next(tool));
  const auto first = world.join("first");
  CHECK_FALSE(schedule_next(tool));
  (void)first->report(demand_of(1));
  const auto second = world.join("second");
  (void)second->report(demand_of(1));
  const std::optional<Member> next = schedule_next(tool);
  REQUIRE(next);
  CHECK(next->execution_id == "first");
  CHECK(next->pid == 1000);
}

TEST_CASE("machine: attempts that wait for nested runners are known to their runner alone") {
  MachineWorld world;
  const auto parent = world.join("parent");
  const auto other = world.join("parent2");  // a longer name with the same beginning
  (void)parent->report(demand_of(1));
  Member nested = member_named("nested");
  nested.parent_attempt = "runner.parent-42";
  auto child = world.join(nested);
  nested.execution_id = "nested too";
  auto twin = world.join(nested);
  CHECK(is_rung(*parent));
  CHECK_FALSE(is_rung(*other));
  CHECK(parent->report(demand_of(1)).waiting_attempts ==
        std::vector<std::string>{"runner.parent-42"});
  CHECK(other->report(demand_of(1)).waiting_attempts.empty());
  (void)is_rung(*parent);
  child.reset();
  CHECK(is_rung(*parent));
  CHECK(parent->report(demand_of(1)).waiting_attempts.size() == 1);
  twin.reset();
  CHECK(is_rung(*parent));
  CHECK(parent->report(demand_of(1)).waiting_attempts.empty());
}

// What a cleaner of temporary folders may do while runners live.
enum class Loss : std::uint8_t { folder, file, doorbells, content };

void lose(MachineWorld& world, Loss loss) {
  switch (loss) {
    case Loss::folder:
      std::filesystem::remove_all(world.folder);
      break;
    case Loss::file:
      std::filesystem::remove(world.folder + "/leases");
      break;
    case Loss::doorbells:
      std::filesystem::remove(world.folder + "/first.sock");
      std::filesystem::remove(world.folder + "/second.sock");
      break;
    case Loss::content:
      std::ofstream(world.folder + "/leases", std::ios::trunc);
      break;
  }
}

TEST_CASE("machine: runners whose machine was removed meet again, with its settings") {
  for (const Loss loss : {Loss::folder, Loss::file, Loss::doorbells, Loss::content}) {
    CAPTURE(static_cast<int>(loss));
    MachineWorld world;
    world.choose_slots(3);
    const auto first = world.join("first", Priority{7});
    const auto second = world.join("second");
    CHECK(held(*first, 2, 2) == Slots{2});
    CHECK(held(*second, 1, 1) == Slots{1});
    const int number = first->fd();
    lose(world, loss);
    const Standing standing = first->report(demand_of(2, 2));
    CHECK(standing.holding.held == Slots{2});
    CHECK(standing.settings.slots == Slots{3});
    CHECK(standing.priority == Priority{7});
    CHECK(held(*second, 2, 1) == Slots{1});
    const Table table = world.leases().look();
    CHECK(table.members.size() == 2);
    CHECK(first->fd() == number);
    (void)is_rung(*first);
    const std::array<std::string, 2> names{"first", "second"};
    ring(world.folder, names);
    CHECK(is_rung(*first));
    CHECK(is_rung(*second));
  }
}

TEST_CASE("machine: numbers of runners that live are not given to others when the table is lost") {
  MachineWorld world;
  const auto first = world.join("first");
  const auto second = world.join("second");
  lose(world, Loss::content);
  const auto third = world.join("third");
  CHECK(world.leases().look().members.size() == 1);
  (void)first->report(demand_of(0));
  (void)second->report(demand_of(0));
  const Table table = world.leases().look();
  CHECK(table.members.size() == 3);
}

TEST_CASE(
    "machine: who holds slots goes on when the folder cannot be used, and who holds none not") {
  MachineWorld world;
  const auto holder = world.join("holder");
  const auto waiter = world.join("waiter");
  const Standing before = holder->report(demand_of(1));
  std::filesystem::remove_all(world.folder);
  world.temporary.write("machine", "in the way");
  engine::Demand demand = demand_of(1, 1);
  demand.slot_time = std::chrono::milliseconds{5};
  CHECK(holder->report(demand).holding == before.holding);
  CHECK(holder->next_look() > world.clock.now());
  CHECK_THROWS_AS((void)waiter->report(demand_of(1)), Error);
  std::filesystem::remove(world.folder);
  CHECK(holder->report(demand).holding.held == Slots{1});
  // Nothing of what it used was forgotten.
  CHECK(world.leases().look().arbiter.lessees.at(0).slot_time == std::chrono::milliseconds{10});
  CHECK(waiter->report(demand_of(1)).holding.held == Slots{1});
}

TEST_CASE("machine: a name that cannot be a doorbell's is refused before anybody sees it") {
  MachineWorld world;
  CHECK_THROWS_AS(world.join("../x"), Error);
  CHECK(world.leases().look().members.empty());
}

}  // namespace
}  // namespace dsched::machine
