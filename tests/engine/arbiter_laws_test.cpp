// SPDX-License-Identifier: Apache-2.0
// What holds after any sequence of calls, seen from outside: from the state and the answers alone.
#include <random>

#include "machine_bench.h"

namespace dsched::engine {
namespace {

using namespace test;

struct Naive {
  std::uint32_t held = 0;
  std::uint32_t due = 0;
  bool lent = false;
  bool at_once = false;
};

Naive count(const ArbiterState& state, LesseeId who) {
  Naive naive;
  for (const SlotState& slot : state.slots) {
    if (slot.holder != who) continue;
    ++naive.held;
    if (slot.due) ++naive.due;
    naive.lent = naive.lent || (slot.lent && !slot.due);
    naive.at_once = naive.at_once || slot.at_once;
  }
  return naive;
}

std::uint32_t capacity(const ArbiterState& state) {
  std::uint32_t slots = state.settings.slots.count;
  std::vector<const Lessee*> present;
  for (const Lessee& lessee : state.lessees) {
    if (lessee.present) present.push_back(&lessee);
  }
  if (!state.settings.slots_are_chosen && present.size() == 1) {
    slots = std::max(slots, present[0]->demand.wanted.count);
  }
  return slots;
}

// Slots for the lessee's next node; 0: it wants none, or none would help it now.
std::uint32_t need(const ArbiterState& state, const Lessee& lessee) {
  const std::uint32_t held = count(state, lessee.id).held;
  if (lessee.demand.wanted.count <= held) return 0;
  const std::uint32_t width = std::min(lessee.demand.next_need.count, capacity(state));
  const std::uint32_t used = std::min(held, lessee.demand.in_use.count);
  if (lessee.demand.wanted.count - used < width) return 0;
  std::uint32_t idle = held - used;
  while (idle >= width) idle -= width;
  const std::uint32_t more = std::min(width - idle, lessee.demand.wanted.count - held);
  return held + more > capacity(state) ? 0 : more;
}

void check_slots(const ArbiterState& state) {
  std::uint32_t held = 0;
  std::uint32_t due = 0;
  std::vector<LesseeId> owners;
  for (const SlotState& slot : state.slots) {
    held += slot.holder ? 1 : 0;
    due += slot.holder && slot.due ? 1 : 0;
    REQUIRE((slot.holder || (!slot.due && !slot.lent && !slot.at_once)));
    REQUIRE((!slot.at_once || slot.due));
    REQUIRE((!slot.lent || slot.reserved_for));
    if (slot.holder) REQUIRE((slot.lent || !slot.reserved_for));
    if (slot.reserved_for) owners.push_back(*slot.reserved_for);
  }
  REQUIRE(held - due <= capacity(state));
  REQUIRE(state.slots.size() == std::max(capacity(state), held));
  for (const LesseeId owner : owners) REQUIRE(owner == owners.front());
  REQUIRE(state.counters.context_switches <= state.counters.total_scheduled);
  REQUIRE(state.counters.preemptions <= state.counters.total_scheduled);
}

// No slot is free while somebody could use it.
void check_work_conservation(const ArbiterState& state) {
  std::uint32_t free = 0;
  std::uint32_t lent = 0;
  std::optional<LesseeId> owner;
  for (const SlotState& slot : state.slots) {
    if (!slot.holder) ++free;
    if (slot.lent) ++lent;
    if (slot.reserved_for) owner = slot.reserved_for;
  }
  if (free == 0) return;
  for (const Lessee& lessee : state.lessees) {
    const std::uint32_t more = need(state, lessee);
    if (more == 0) continue;
    REQUIRE(owner);
    if (lessee.id == *owner) {
      REQUIRE(more > free);
      if (free + lent >= more) return;  // enough is set aside, as soon as what is lent comes back
    }
  }
  for (const Lessee& lessee : state.lessees) {
    const std::uint32_t more = need(state, lessee);
    if (more > 0 && lessee.demand.next_is_short) REQUIRE(more > free);
  }
}

void check_holdings(const Arbiter& arbiter) {
  const ArbiterState& state = arbiter.state();
  for (const Lessee& lessee : state.lessees) {
    const Holding holding = arbiter.holding(lessee.id);
    const Naive naive = count(state, lessee.id);
    REQUIRE(holding.held.count == naive.held);
    REQUIRE(holding.due.count == naive.due);
    REQUIRE(holding.lent == naive.lent);
    REQUIRE(holding.at_once == naive.at_once);
    REQUIRE(holding.generation == lessee.generation);
    const bool others_wait = std::any_of(
        state.lessees.begin(), state.lessees.end(),
        [&](const Lessee& other) { return other.id != lessee.id && need(state, other) > 0; });
    REQUIRE(holding.contended == (naive.held > 0 && others_wait));
    REQUIRE(lessee.present == (lessee.demand.wanted.count > 0 || naive.held > 0));
    REQUIRE((lessee.waits_since > 0) == (lessee.demand.wanted.count > naive.held));
  }
}

// Calls at random, by lessees that may be slow or careless.
class Chaos {
 public:
  Chaos(Policy policy, std::uint32_t seed)
      : dice(seed), bench(machine_state(policy, 1 + seed % 7)) {
    if (seed % 3 == 0) {
      MachineSettings settings = bench.settings();
      settings.slots_are_chosen = false;
      bench.arbiter.set_settings(bench.now, settings);
    }
  }
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(dice() % limit); }
  void call() {
    const std::vector<Lessee> all = bench.lessees();
    const std::uint32_t what = below(100);
    if (all.size() < 2 || (what < 3 && all.size() < 12)) {
      (void)bench.arrive(static_cast<std::uint8_t>(below(11)));
    } else if (what < 5) {
      bench.arbiter.leave(bench.now, all[below(static_cast<std::uint32_t>(all.size()))].id);
    } else if (what < 7) {
      const LesseeId who = all[below(static_cast<std::uint32_t>(all.size()))].id;
      bench.arbiter.set_priority(bench.now, who, {static_cast<std::uint8_t>(below(11))});
    } else if (what < 8) {
      change_settings();
    } else {
      report(all[below(static_cast<std::uint32_t>(all.size()))].id);
    }
    bench.now += Nanoseconds{below(60'000'000)};
    if (below(200) == 0) bench.now += 2s;
  }
  void change_settings() {
    MachineSettings settings = bench.settings();
    if (below(2) == 0) settings.slots = {1 + below(8)};
    if (below(4) == 0) settings.policy = static_cast<Policy>(below(3));
    if (below(4) == 0) settings.quantum = Nanoseconds{1'000'000 + below(200'000'000)};
    bench.arbiter.set_settings(bench.now, settings);
  }
  void report(LesseeId who) {
    const Holding holding = bench.holding(who);
    const std::uint32_t width = below(4) == 0 ? 1 + below(6) : 1;
    Demand demand;
    demand.wanted = {below(5) == 0 ? 0 : below(6) * width};
    const std::uint32_t may = holding.held.count - below(holding.due.count + 1);
    demand.in_use = {std::min(demand.wanted.count, may)};
    demand.next_need = {width};
    demand.next_is_short = below(2) == 0;
    demand.slot_time = Nanoseconds{below(50'000'000)};
    bench.arbiter.report(bench.now, who, demand);
  }

  std::mt19937 dice;
  MachineBench bench;
};

constexpr Policy k_policies[] = {Policy::round_robin, Policy::priority, Policy::fair};

TEST_CASE("engine: an arbiter keeps its invariants through random calls") {
  for (const Policy policy : k_policies) {
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
      INFO("policy ", name_of(policy), " seed ", seed);
      Chaos chaos(policy, seed);
      for (int i = 0; i < 600; ++i) {
        chaos.call();
        if (chaos.below(3) == 0) continue;
        chaos.bench.decide();
        check_slots(chaos.bench.arbiter.state());
        check_holdings(chaos.bench.arbiter);
        check_work_conservation(chaos.bench.arbiter.state());
      }
    }
  }
}

TEST_CASE("engine: an arbiter made from a state decides as the one it came from") {
  for (const Policy policy : k_policies) {
    for (std::uint32_t seed = 100; seed < 130; ++seed) {
      INFO("policy ", name_of(policy), " seed ", seed);
      Chaos one(policy, seed);
      Chaos other(policy, seed);
      for (int i = 0; i < 400; ++i) {
        one.call();
        other.call();
        one.bench.decide();
        other.bench.decide();
        REQUIRE(one.bench.changed == other.bench.changed);
        REQUIRE(one.bench.arbiter.state() == other.bench.arbiter.state());
        other.bench.arbiter = Arbiter(other.bench.arbiter.state());
        REQUIRE(one.bench.arbiter.state() == other.bench.arbiter.state());
      }
    }
  }
}

TEST_CASE("engine: a decision tells exactly those whose holding has changed") {
  for (const Policy policy : k_policies) {
    for (std::uint32_t seed = 200; seed < 220; ++seed) {
      INFO("policy ", name_of(policy), " seed ", seed);
      Chaos chaos(policy, seed);
      std::map<LesseeId, Holding> before;
      for (int i = 0; i < 400; ++i) {
        chaos.call();
        if (chaos.below(3) == 0) continue;
        chaos.bench.decide();
        std::vector<LesseeId> expected;
        std::map<LesseeId, Holding> after;
        for (const Lessee& lessee : chaos.bench.lessees()) {
          after[lessee.id] = chaos.bench.holding(lessee.id);
          if (after[lessee.id] != before[lessee.id]) expected.push_back(lessee.id);
        }
        REQUIRE(chaos.bench.changed == expected);
        before = after;
      }
    }
  }
}

TEST_CASE("engine: deciding again at the same moment changes nothing") {
  for (const Policy policy : k_policies) {
    for (std::uint32_t seed = 300; seed < 330; ++seed) {
      INFO("policy ", name_of(policy), " seed ", seed);
      Chaos chaos(policy, seed);
      for (int i = 0; i < 300; ++i) {
        chaos.call();
        chaos.bench.decide();
        const ArbiterState before = chaos.bench.arbiter.state();
        chaos.bench.decide();
        REQUIRE(chaos.bench.changed.empty());
        REQUIRE(chaos.bench.arbiter.state() == before);
      }
    }
  }
}

TEST_CASE("engine: between two calls nothing is to be decided before the moment that was named") {
  for (const Policy policy : k_policies) {
    for (std::uint32_t seed = 400; seed < 430; ++seed) {
      INFO("policy ", name_of(policy), " seed ", seed);
      Chaos chaos(policy, seed);
      for (int i = 0; i < 300; ++i) {
        chaos.call();
        chaos.bench.decide();
        const ArbiterState before = chaos.bench.arbiter.state();
        // Whom slots are set aside for may change while time passes; nobody is told.
        const bool is_any_set_aside =
            std::any_of(before.slots.begin(), before.slots.end(),
                        [](const SlotState& slot) { return slot.reserved_for.has_value(); });
        if (is_any_set_aside) continue;
        const std::optional<Instant> next = chaos.bench.arbiter.next_decision();
        if (next) REQUIRE(*next > chaos.bench.now);
        Arbiter later(before);
        std::vector<LesseeId> changed;
        later.decide(next ? *next - 1ns : chaos.bench.now + 1h, changed);
        REQUIRE(changed.empty());
        REQUIRE(later.state() == before);
      }
    }
  }
}

}  // namespace
}  // namespace dsched::engine
