// SPDX-License-Identifier: Apache-2.0
// Nobody starves: how long anybody waits for a slot is bounded, and doc/DESIGN.md says why. Here
// lessees live at random, everybody answers within k_answer, and each wait is compared.
#include <random>

#include "machine_bench.h"

namespace dsched::engine {
namespace {

using namespace test;

constexpr Nanoseconds k_short_quantum = 10ms;
constexpr Nanoseconds k_answer = 1ms;

class Crowd {
 public:
  struct Plan {
    Policy policy = Policy::fair;
    std::uint32_t lessees = 8;
    std::uint32_t slots = 3;
    std::uint32_t width_max = 1;
    std::uint32_t seed = 1;
  };
  explicit Crowd(const Plan& plan)
      : plan_(plan), dice_(plan.seed), bench_(machine_state(plan.policy, plan.slots)) {
    MachineSettings settings = bench_.settings();
    settings.quantum = k_short_quantum;
    bench_.set(settings);
    for (std::uint32_t i = 0; i < plan.lessees; ++i) {
      const LesseeId who = bench_.arrive(static_cast<std::uint8_t>(below(11)));
      lives_[who].width = 1 + below(plan.width_max);
    }
  }
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(dice_() % limit); }

  // Time goes on by k_answer, and everybody looks.
  void beat() {
    bench_.pass(k_answer);
    for (auto& [who, life] : lives_) {
      const bool is_over = below(60) == 0;
      if (is_over) life.wanted = below(3) == 0 ? 0 : (1 + below(3)) * life.width;
      bench_.report(who, {life.wanted, life.width, below(2) == 0});
      note(who, life);
    }
    for (auto& [who, life] : lives_) note(who, life);
  }
  [[nodiscard]] int waits() const { return waits_; }

 private:
  struct Life {
    std::uint32_t wanted = 0;
    std::uint32_t width = 1;
    std::optional<Instant> waits_from;
    Nanoseconds bound{0};
  };
  void note(LesseeId who, Life& life) {
    const bool waits = life.wanted > 0 && bench_.held(who) == 0;
    const Lessee self = bench_.lessee(who);
    // An arrival may take away at once, under Priority, what it was granted: it waits anew.
    const bool anew = life.waits_from && *life.waits_from < self.waits_from;
    if (!waits || anew) {
      if (life.waits_from && life.wanted > 0) {
        ++waits_;
        REQUIRE(bench_.now - *life.waits_from <= life.bound);
      }
      life.waits_from.reset();
    }
    if (!waits) return;
    if (!life.waits_from) {
      life.waits_from = bench_.now;
      life.bound = bound(self);
    }
    REQUIRE(bench_.now - *life.waits_from <= life.bound);
  }
  Nanoseconds bound(const Lessee& self) {
    // An answer may come a beat after it was asked for, and is looked at a beat later.
    const Nanoseconds turn = k_short_quantum + 2 * k_answer;
    const std::int64_t n = plan_.lessees;
    const std::int64_t slots = plan_.slots;
    const Nanoseconds turns = plan_.width_max == 1 ? (n / slots + 2) * turn : 2 * (n + 1) * turn;
    if (plan_.policy == Policy::round_robin) return turns;
    if (plan_.policy == Policy::priority) {
      return (k_priority_max - self.priority.level) * k_quanta_per_level * k_short_quantum + turns;
    }
    Nanoseconds ahead{0};
    for (const Lessee& other : bench_.lessees()) {
      const Nanoseconds less = std::max(self.virtual_time - other.virtual_time, Nanoseconds{0});
      ahead += less * std::int64_t{fair_weight(other.priority)} / 100;
    }
    ahead += n * (k_short_quantum + slots * 2 * k_answer);
    return ahead / slots + turn;
  }

  Plan plan_;
  std::mt19937 dice_;
  MachineBench bench_;
  std::map<LesseeId, Life> lives_;
  int waits_ = 0;
};

void check_waits(Policy policy, std::uint32_t width_max) {
  int waits = 0;
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    INFO("policy ", name_of(policy), " seed ", seed);
    Crowd crowd({policy, 4 + seed % 12, 1 + seed % 4, std::min(width_max, 1 + seed % 4), seed});
    for (int i = 0; i < 1000; ++i) crowd.beat();
    waits += crowd.waits();
  }
  CHECK(waits > 200);
}

TEST_CASE("engine: under RoundRobin nobody waits longer than the others' turns") {
  check_waits(Policy::round_robin, 1);
}

TEST_CASE("engine: under RoundRobin wide nodes wait at most two quanta for each lessee") {
  check_waits(Policy::round_robin, 4);
}

TEST_CASE("engine: under Priority nobody waits longer than it takes to rise, and a round") {
  check_waits(Policy::priority, 1);
}

TEST_CASE("engine: under Priority wide nodes wait at most until they have risen, and a round") {
  check_waits(Policy::priority, 4);
}

TEST_CASE("engine: under Fair nobody waits longer than the others lag behind, and a round") {
  check_waits(Policy::fair, 1);
}

// One after the other comes, of a higher priority, wants little and leaves.
TEST_CASE("engine: newcomers without end keep nobody waiting") {
  for (const Policy policy : {Policy::round_robin, Policy::priority, Policy::fair}) {
    MachineBench bench(policy);
    const LesseeId patient = bench.enter(0, 3);
    LesseeId running = bench.enter(1, 8);
    bench.report(patient, {1});
    const Instant began = bench.now;
    while (bench.held(patient) == 0) {
      const LesseeId next = bench.enter(1, 8);
      bench.pass(10ms);
      bench.leave(running);
      running = next;
      INFO("policy ", name_of(policy));
      const bool may_rise = policy == Policy::priority;
      REQUIRE(bench.now - began <= (may_rise ? 7 * 20 * 100ms + 200ms : Nanoseconds{300ms}));
    }
  }
}

}  // namespace
}  // namespace dsched::engine
