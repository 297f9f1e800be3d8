// SPDX-License-Identifier: Apache-2.0
// Is a machine shared as promised when very many executions want it, and how long does a decision
// take? 10,000 executions with 1,000,000 nodes are simulated under each policy: they run, are
// suspended, go on and report as runners do, only that time is counted and not spent.
//
// usage: arbiter_bench [EXECUTIONS NODES SLOTS SEED]
//
// For each policy: the median and 99th percentile of the time for report() and decide() together,
// and of reading a state and deciding for four executions and two slots; the longest wait for a
// first slot beside the bound of doc/DESIGN.md; the slot time of the weights 50, 100 and 200 beside
// their shares, from when a tenth of the nodes had ended until an execution had none left. Exits 1
// when a wait exceeds its bound or, under Fair, a share is more than 2 % off.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include "engine/arbiter.h"

namespace {

using namespace dsched;
using namespace dsched::engine;
using namespace std::chrono_literals;

constexpr Nanoseconds k_quantum = k_quantum_default;
constexpr Nanoseconds k_answer = 200us;  // from a decision to the report of whom it concerns
constexpr Nanoseconds k_arrivals = 1s;   // all arrive within
constexpr Nanoseconds k_node_mean = 300ms;

struct Setting {
  std::size_t executions = 10'000;
  std::uint64_t nodes = 1'000'000;
  std::uint32_t slots = 64;
  std::uint32_t seed = 1;
};

struct Runner {
  LesseeId lessee;
  Priority priority;
  std::uint32_t width = 1;             // nodes it could run at once
  std::uint64_t ready = 0;             // nodes not started yet
  std::vector<Nanoseconds> suspended;  // what is left of them
  struct Running {
    Instant end;
    std::uint64_t number = 0;
  };
  std::vector<Running> running;  // the oldest first
  Instant counted_at;
  Nanoseconds used{0};       // since the last report
  Nanoseconds slot_time{0};  // in all
  Nanoseconds before{0};     // of that, not counted for shares
  bool is_woken = false;
  bool is_gone = false;
  std::optional<Instant> waits_from;
  Nanoseconds wait_bound{0};
};

struct Event {
  Instant at;
  std::uint64_t order = 0;
  std::size_t runner = 0;
  std::uint64_t number = 0;  // of the node that ends; 0: the runner looks
  bool operator>(const Event& other) const {
    return at != other.at ? at > other.at : order > other.order;
  }
};

ArbiterState machine(Policy policy, std::uint32_t slots) {
  ArbiterState state;
  state.settings.policy = policy;
  state.settings.slots = {slots};
  state.settings.slots_are_chosen = true;
  return state;
}

class Simulation {
 public:
  Simulation(Policy policy, const Setting& setting)
      : policy_(policy),
        setting_(setting),
        arbiter_(machine(policy, setting.slots)),
        dice_(setting.seed) {
    runners_.resize(setting.executions);
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      Runner& runner = runners_[i];
      runner.priority = {std::uint8_t(i % 3 == 0 ? 2 : i % 3 == 1 ? 5 : 8)};
      runner.width = 1 + dice_() % 4;
      runner.ready = setting.nodes / setting.executions;
      const Nanoseconds at{static_cast<std::int64_t>(dice_()) % k_arrivals.count()};
      wake(i, Instant{1s} + at);
    }
  }

  void run() {
    while (!events_.empty() || arbiter_.next_decision()) {
      const std::optional<Instant> next = arbiter_.next_decision();
      if (next && (events_.empty() || *next < events_.top().at)) {
        now_ = std::max(now_, *next);
        decide([] {});
        continue;
      }
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      Runner& runner = runners_[event.runner];
      if (runner.is_gone) continue;
      if (event.number == 0) {
        runner.is_woken = false;
        if (runner.lessee.value == 0) {
          runner.lessee = arbiter_.arrive(now_, runner.priority);
          runner.counted_at = now_;
          by_lessee_.resize(runner.lessee.value + 1);
          by_lessee_[runner.lessee.value] = event.runner;
          ++present_;
        }
        look(event.runner);
      } else {
        end_node(event.runner, event.number);
      }
    }
  }
  [[nodiscard]] bool print();

 private:
  void wake(std::size_t runner, Instant at) {
    if (runners_[runner].is_woken) return;
    runners_[runner].is_woken = true;
    events_.push({at, ++order_, runner, 0});
  }
  void count(Runner& runner) {
    const Nanoseconds used = runner.running.size() * (now_ - runner.counted_at);
    runner.used += used;
    runner.slot_time += used;
    runner.counted_at = now_;
  }
  // The runner keeps within its lease, starts what fits, and reports until nothing changes.
  void look(std::size_t index) {
    Runner& runner = runners_[index];
    for (int i = 0; i < 3; ++i) {
      const Holding holding = arbiter_.holding(runner.lessee);
      settle_in(index, holding.held.count - holding.due.count);
      report(index);
      if (arbiter_.holding(runner.lessee) == holding) break;
    }
  }
  void settle_in(std::size_t index, std::uint32_t limit) {
    Runner& runner = runners_[index];
    count(runner);
    while (runner.running.size() > limit) {
      runner.suspended.push_back(runner.running.back().end - now_);
      runner.running.pop_back();
    }
    while (runner.running.size() < limit && runner.suspended.size() + runner.ready > 0) {
      Nanoseconds takes{0};
      if (!runner.suspended.empty()) {
        takes = runner.suspended.front();
        runner.suspended.erase(runner.suspended.begin());
      } else {
        --runner.ready;
        std::exponential_distribution<double> length(1.0);
        takes = Nanoseconds{1 + std::llround(length(dice_) * double(k_node_mean.count()))};
      }
      runner.running.push_back({now_ + takes, ++order_});
      events_.push({now_ + takes, order_, index, order_});
    }
  }
  void end_node(std::size_t index, std::uint64_t number) {
    Runner& runner = runners_[index];
    const auto ended =
        std::find_if(runner.running.begin(), runner.running.end(),
                     [&](const Runner::Running& one) { return one.number == number; });
    if (ended == runner.running.end()) return;  // it was suspended
    count(runner);
    runner.running.erase(ended);
    if (++ended_ == setting_.nodes / 10) {
      for (Runner& one : runners_) {
        count(one);
        one.before = one.slot_time;
      }
    }
    if (runner.ready + runner.suspended.size() + runner.running.size() > 0) return look(index);
    if (!is_over_) freeze_shares();
    decide([&] { arbiter_.leave(now_, runner.lessee); });
    runner.is_gone = true;
    --present_;
  }
  void report(std::size_t index) {
    Runner& runner = runners_[index];
    Demand demand;
    demand.in_use = {static_cast<std::uint32_t>(runner.running.size())};
    const std::uint64_t could = runner.running.size() + runner.suspended.size() + runner.ready;
    demand.wanted = {static_cast<std::uint32_t>(std::min<std::uint64_t>(could, runner.width))};
    demand.slot_time = std::exchange(runner.used, 0ns);
    decide([&] { arbiter_.report(now_, runner.lessee, demand); });
    note_wait(index, demand);
  }
  void note_wait(std::size_t index, const Demand& demand) {
    Runner& runner = runners_[index];
    const bool waits = demand.wanted.count > 0 && arbiter_.holding(runner.lessee).held.count == 0;
    if (!waits || runner.waits_from) return;
    runner.waits_from = now_;
    runner.wait_bound = bound(runner);
  }
  // What doc/DESIGN.md promises to one that begins to wait for a node of one slot now. Looking at
  // everybody takes time, so under Fair only some waits are compared.
  Nanoseconds bound(const Runner& runner) {
    const auto n = static_cast<std::int64_t>(runners_.size());
    const auto slots = static_cast<std::int64_t>(setting_.slots);
    const Nanoseconds turns = (n / slots + 2) * (k_quantum + k_answer);
    if (policy_ == Policy::round_robin) return turns;
    if (policy_ == Policy::priority) {
      return (k_priority_max - runner.priority.level) * k_quanta_per_level * k_quantum + turns;
    }
    if (++waits_ % 1000 != 0 || now_ < Instant{1s} + k_arrivals) return Nanoseconds::max();
    const std::vector<Lessee>& lessees = arbiter_.state().lessees;
    const auto self = std::find_if(lessees.begin(), lessees.end(),
                                   [&](const Lessee& one) { return one.id == runner.lessee; });
    Nanoseconds ahead{0};
    for (const Lessee& other : lessees) {
      const Nanoseconds less = std::max(self->virtual_time - other.virtual_time, 0ns);
      ahead += less * std::int64_t{fair_weight(other.priority)} / 100;
    }
    ahead += n * (k_quantum + slots * k_answer);
    return ahead / slots + k_quantum + k_answer;
  }
  template <class Change>
  void decide(const Change& change) {
    changed_.clear();
    const auto began = std::chrono::steady_clock::now();
    change();
    arbiter_.decide(now_, changed_);
    const auto took = std::chrono::steady_clock::now() - began;
    took_.push_back(static_cast<std::uint32_t>(took.count()));
    for (const LesseeId id : changed_) {
      const std::size_t index = by_lessee_[id.value];
      Runner& runner = runners_[index];
      const Holding holding = arbiter_.holding(id);
      if (holding.held.count > 0 && runner.waits_from) {
        const Nanoseconds waited = now_ - *std::exchange(runner.waits_from, std::nullopt);
        longest_ = std::max(longest_, waited);
        if (runner.wait_bound != Nanoseconds::max()) {
          ++compared_;
          nearest_ = std::max(nearest_, double(waited.count()) / double(runner.wait_bound.count()));
        }
      }
      wake(index, now_ + k_answer);
    }
  }
  // The first one has nothing more to do: from now on shares follow demand as well.
  void freeze_shares() {
    is_over_ = true;
    for (Runner& runner : runners_) {
      count(runner);
      shares_[fair_weight(runner.priority)].slot_time += runner.slot_time - runner.before;
      ++shares_[fair_weight(runner.priority)].runners;
    }
  }

  Policy policy_;
  Setting setting_;
  Arbiter arbiter_;
  std::mt19937 dice_;
  Instant now_{1s};
  std::vector<Runner> runners_;
  std::vector<std::size_t> by_lessee_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::vector<LesseeId> changed_;
  std::size_t present_ = 0;
  std::uint64_t ended_ = 0;
  std::vector<std::uint32_t> took_;
  Nanoseconds longest_{0};
  double nearest_ = 0;  // the longest wait as a part of its bound
  std::uint64_t waits_ = 0;
  std::uint64_t compared_ = 0;
  bool is_over_ = false;
  struct Share {
    Nanoseconds slot_time{0};
    std::int64_t runners = 0;
  };
  std::map<std::uint32_t, Share> shares_;
};

bool Simulation::print() {
  std::sort(took_.begin(), took_.end());
  double mean = 0;
  for (const std::uint32_t one : took_) mean += one;
  mean /= double(took_.size());
  const Counters& counters = arbiter_.state().counters;
  std::printf("%-10s %8zu nodes %8zu decisions, mean %5.2f median %5.2f p99 %6.2f us; ",
              std::string(name_of(policy_)).c_str(), std::size_t(ended_), took_.size(), mean / 1e3,
              took_[took_.size() / 2] / 1e3, took_[took_.size() * 99 / 100] / 1e3);
  std::printf("longest wait %.1f s, %.0f %% of its bound (%zu compared); ",
              double(longest_.count()) / 1e9, nearest_ * 100, std::size_t(compared_));
  std::printf("%zu grants, %zu switches, %zu preemptions\n", std::size_t(counters.total_scheduled),
              std::size_t(counters.context_switches), std::size_t(counters.preemptions));
  double all = 0;
  double weights = 0;
  for (const auto& [weight, share] : shares_) {
    all += double(share.slot_time.count());
    weights += double(weight) * double(share.runners);
  }
  bool good = ended_ == setting_.nodes && nearest_ <= 1 && compared_ > 0;
  for (const auto& [weight, share] : shares_) {
    const double got = double(share.slot_time.count()) / all;
    const double due = double(weight) * double(share.runners) / weights;
    std::printf("           weight %3u: %6.2f %% of the slot time, %6.2f %% by weight\n", weight,
                got * 100, due * 100);
    if (policy_ == Policy::fair) good = good && std::abs(got - due) <= 0.02 * due;
  }
  return good;
}

// The machine reads a state for each decision.
void print_tiny() {
  ArbiterState state = machine(Policy::fair, 2);
  Arbiter made(state);
  std::vector<LesseeId> changed;
  for (int i = 0; i < 4; ++i) {
    Demand demand;
    demand.wanted = {2};
    made.report(Instant{1s}, made.arrive(Instant{1s}, {5}), demand);
    made.decide(Instant{1s}, changed);
  }
  state = made.state();
  std::vector<double> rounds;
  for (int round = 0; round < 9; ++round) {
    constexpr int k_times = 1000;
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < k_times; ++i) {
      Arbiter arbiter(state);
      changed.clear();
      arbiter.decide(Instant{1s + i * 1ms}, changed);
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
    rounds.push_back(took.count() / k_times);
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("reading 4 executions and 2 slots, and deciding: median %.2f us (%.2f to %.2f)\n",
              rounds[4], rounds.front(), rounds.back());
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  if (argc > 1) setting.executions = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) setting.nodes = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) setting.slots = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
  if (argc > 4) setting.seed = static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10));
  if (setting.executions == 0 || setting.slots == 0) return 2;
  setting.nodes = setting.nodes / setting.executions * setting.executions;
  print_tiny();
  bool good = true;
  for (const Policy policy : {Policy::round_robin, Policy::priority, Policy::fair}) {
    Simulation simulation(policy, setting);
    simulation.run();
    good = simulation.print() && good;
  }
  return good ? 0 : 1;
}
