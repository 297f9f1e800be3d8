// SPDX-License-Identifier: Apache-2.0
// Several real processes and threads at one machine, some of them killed or stopped.

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "machine_world.h"

namespace dsched::machine {
namespace {

constexpr auto k_deadline = std::chrono::seconds(60);

// Looks again and again until it holds; false when it never does.
template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + k_deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::sched_yield();
  }
  return true;
}

// What the processes of a test tell each other.
struct Shared {
  std::atomic<std::uint32_t> progress{0};
  std::atomic<std::uint32_t> used{0};  // slots in all
  std::atomic<std::uint32_t> faults{0};
};

class SharedMemory {
 public:
  SharedMemory()
      : memory_(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) {
    REQUIRE(memory_ != MAP_FAILED);
    shared_ = new (memory_) Shared;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { ::munmap(memory_, sizeof(Shared)); }
  Shared* operator->() const { return shared_; }
  Shared& operator*() const { return *shared_; }

 private:
  void* memory_;
  Shared* shared_ = nullptr;
};

pid_t start(const std::function<void()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  work();
  ::_exit(0);
}

void end(pid_t child) {
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
}

// A runner in a process of its own that takes all of `slots` and stands still.
pid_t start_greedy(MachineWorld& world, Shared& shared, std::uint32_t slots) {
  const pid_t child = start([&] {
    Member member = member_named("greedy");
    const auto greedy = world.join(member);
    const Standing standing = greedy->report(demand_of(slots, slots));
    if (standing.holding.held.count != slots) ++shared.faults;
    ++shared.progress;
    for (;;) ::pause();
  });
  REQUIRE(comes_true([&] { return shared.progress.load() > 0; }));
  return child;
}

constexpr std::uint32_t k_users = 6;

// One of k_users runners that use a changing part of what they hold; counts whoever uses more than
// there is.
void use_slots(MachineWorld& world, Shared& shared, const std::string& name, std::uint32_t slots) {
  const auto member = world.join(name);
  std::uint32_t seed = static_cast<std::uint32_t>(std::hash<std::string>{}(name));
  const auto dice = [&seed](std::uint32_t sides) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % sides;
  };
  ++shared.progress;
  if (!comes_true([&] { return shared.progress.load() == k_users; })) ++shared.faults;
  std::uint32_t held = 0;
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t in_use = dice(held + 1);
    shared.used -= held - in_use;
    const Standing standing = member->report(demand_of(in_use + dice(slots + 1), in_use));
    const std::uint32_t now = standing.holding.held.count;
    // The clock stands still, so nobody is overdue and nothing in use is taken away.
    if (now < in_use) ++shared.faults;
    if ((shared.used += now - in_use) > slots) ++shared.faults;
    held = now;
  }
  shared.used -= held;
}

TEST_CASE("machine: the slots of a killed runner are free at the next decision") {
  MachineWorld world;
  world.choose_slots(4);
  SharedMemory shared;
  const pid_t greedy = start_greedy(world, *shared, 4);
  const auto member = world.join("patient");
  CHECK(member->report(demand_of(3)).holding.held == Slots{0});
  end(greedy);
  CHECK(member->report(demand_of(3)).holding.held == Slots{3});
  CHECK(shared->faults == 0);
  const Table table = world.leases().look();
  CHECK(table.members.size() == 1);
  CHECK_FALSE(world.temporary.exists("machine/greedy.sock"));
}

TEST_CASE("machine: looking leaves out who was killed, though nobody has decided since") {
  MachineWorld world;
  world.choose_slots(4);
  SharedMemory shared;
  end(start_greedy(world, *shared, 4));
  const Table table = world.leases().look();
  CHECK(table.members.empty());
  for (const engine::SlotState& slot : table.arbiter.slots) CHECK_FALSE(slot.holder);
}

TEST_CASE("machine: a runner that takes the place of a killed one is heard under its name") {
  MachineWorld world;
  SharedMemory shared;
  end(start_greedy(world, *shared, 2));
  CHECK(world.temporary.exists("machine/greedy.sock"));
  const auto successor = world.join("greedy");
  CHECK(successor->report(demand_of(2)).holding.held == Slots{2});
  CHECK(world.temporary.exists("machine/greedy.sock"));
  const auto other = world.join("other");
  (void)other->report(demand_of(1));
  CHECK(successor->silence());
}

TEST_CASE("machine: a runner stopped while it decides holds up nobody for good") {
  MachineWorld world;
  world.choose_slots(2);
  SharedMemory shared;
  const auto member = world.join("member");
  CHECK(member->report(demand_of(1)).holding.held == Slots{1});
  const pid_t stopped = start([&] {
    Leases leases = world.leases();
    (void)leases.decide([&](Leases::Draft&) {
      ++shared->progress;
      for (;;) ::pause();
    });
  });
  REQUIRE(comes_true([&] { return shared->progress.load() > 0; }));
  ::kill(stopped, SIGSTOP);
  const sys::PosixClock clock;
  const Instant before = clock.now();
  CHECK(member->report(demand_of(2)).holding.held == Slots{1});
  CHECK(clock.now() - before >= k_lock_patience);
  SUBCASE("it is killed") {
    end(stopped);
    CHECK(member->report(demand_of(2)).holding.held == Slots{2});
  }
  SUBCASE("it stays") {
    world.clock.advance(k_lock_lost);
    CHECK(member->report(demand_of(2)).holding.held == Slots{2});
    end(stopped);
    CHECK(member->report(demand_of(2)).holding.held == Slots{2});
  }
}

TEST_CASE(
    "machine: processes and threads that decide at once never use more slots than there are") {
  constexpr std::uint32_t k_slots = 5;
  MachineWorld world;
  world.choose_slots(k_slots);
  SharedMemory shared;
  std::vector<pid_t> children;
  for (int process = 0; process < 3; ++process) {
    children.push_back(start(
        [&, process] { use_slots(world, *shared, "process" + std::to_string(process), k_slots); }));
  }
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back(
          [&, thread] { use_slots(world, *shared, "thread" + std::to_string(thread), k_slots); });
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(shared->faults == 0);
  CHECK(shared->used == 0);
  CHECK(world.leases().look().members.empty());
  const auto last = world.join("last");
  CHECK(last->report(demand_of(2 * k_slots)).holding.held == Slots{k_slots});  // none was lost
}

TEST_CASE("machine: runners killed in the middle of decisions lose no slot and no setting") {
  constexpr std::uint32_t k_slots = 3;
  MachineWorld world;
  world.choose_slots(k_slots);
  SharedMemory shared;
  const auto survivor = world.join("survivor");
  for (std::uint32_t round = 0; round < 40; ++round) {
    const std::uint32_t before = shared->progress;
    const pid_t child = start([&] {
      const auto member = world.join("victim");
      for (std::uint32_t wanted = 0;; wanted = (wanted + 1) % (k_slots + 1)) {
        (void)member->report(demand_of(wanted));
        ++shared->progress;
      }
    });
    REQUIRE(comes_true([&] { return shared->progress.load() > before + round; }));
    (void)survivor->report(demand_of(round % (k_slots + 1)));
    end(child);
    const Standing standing = survivor->report(demand_of(k_slots));
    CHECK(standing.holding.held == Slots{k_slots});
    CHECK(standing.is_alone);
    CHECK(standing.settings.slots_are_chosen);
  }
}

TEST_CASE("machine: runners go on while their folder is removed again and again") {
  MachineWorld world;
  world.choose_slots(2);
  std::atomic<int> running{3};
  std::atomic<int> faults{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        const auto member = world.join("thread" + std::to_string(thread));
        for (int round = 0; round < 200; ++round) {
          if (member->report(demand_of(1)).holding.held > Slots{2}) ++faults;
        }
        --running;
      });
    }
    // Until all have joined the folder stays; from then on it does not.
    REQUIRE(comes_true([&] { return running < 3 || world.leases().look().members.size() == 3; }));
    while (running > 0) {
      std::error_code ignored;
      std::filesystem::remove_all(world.folder, ignored);
      ::sched_yield();
    }
  }
  CHECK(faults == 0);
  const auto last = world.join("last");
  CHECK(last->report(demand_of(2)).holding.held == Slots{2});
}

}  // namespace
}  // namespace dsched::machine
