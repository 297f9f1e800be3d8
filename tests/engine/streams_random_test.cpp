// SPDX-License-Identifier: Apache-2.0
// Random graphs of streams on few slots: nobody waits for ever, and nothing counts that must not.
//
// Attempts write and read units; a reader gets no further than its producer. A failing seed is
// printed; DSCHED_SIM_SEED=SEED runs only that one.
#include <doctest/doctest.h>

#include <cstdlib>

#include "play.h"

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t k_units = 8;    // that a producer writes
constexpr std::uint32_t k_max_lag = 3;  // behind: suspended; at half of it: goes on

dag::Dag random_streams(Dice& dice, std::deque<std::string>& names) {
  dag::Builder builder(nullptr);
  builder.set_names("streams", {});
  const bool one_priority = dice.below(2) == 0;
  const std::uint32_t count = 2 + dice.below(12);
  for (std::uint32_t i = 0; i < count; ++i) {
    dag::Settings settings;
    settings.stream = dice.below(4) != 0;
    if (dice.below(2) == 0) settings.max_lag_bytes = k_max_lag;
    settings.ends_with_readers = dice.below(4) == 0;
    if (!one_priority) settings.priority = {static_cast<std::uint8_t>(dice.below(11))};
    if (dice.below(4) == 0) settings.slots = {1 + dice.below(3)};
    if (dice.below(3) == 0) settings.max_retries = dice.below(3);
    settings.preemptible = dice.below(5) != 0;
    settings.idempotent = dice.below(8) != 0;
    std::vector<std::string_view> arguments;
    if (i > 0 && dice.below(5) != 0)
      arguments.push_back(names[i - 1 - dice.below(std::min(i, 3U))]);
    if (i > 0 && dice.below(5) == 0) arguments.push_back(names[dice.below(i)]);
    const bool reads = !arguments.empty() && dice.below(6) > 0;
    add_numbered(builder, names,
                 {settings, arguments, reads ? R"({"command":"","stdin":{"argument":1}})" : "{}"});
  }
  return built(std::move(builder));
}

class StreamPlay {
 public:
  explicit StreamPlay(std::uint64_t seed) : dice_(seed), dag_(random_streams(dice_, names_)) {
    Options options;
    width_ = 1 + dice_.below(4);
    options.slots.width = {width_};
    options.failure_limit.reset();
    options.slots.is_leased = true;
    execution_ = std::make_unique<Execution>(dag_, options, std::vector<NodePlan>(dag_.size()));
    attempts_.resize(dag_.size());
  }

  void run() {
    execution_->begin(effects_);
    lease(width_);
    for (int step = 0; !ended_; ++step) {
      REQUIRE(step < 20'000);
      if (dice_.below(10) == 0) lease(dice_.below(width_ + 1));
      if (dice_.below(300) == 0) apply(CancelNode{{dice_.below(dag_.size())}});
      report_lag();
      if (!ended_ && !one_step()) one_more_chance();
      settle();
    }
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      CHECK(execution_->phase({i}) != Phase::unconfirmed);
      if (execution_->phase({i}) != Phase::completed) continue;
      for (const NodeIndex before : dag_.predecessors({i})) {
        CHECK(execution_->phase(before) == Phase::completed);
      }
    }
  }

 private:
  struct Attempt {
    bool is_running = false;  // has begun
    bool is_granted = false;
    bool told_to_end = false;
    bool was_behind = false;
    std::uint32_t position = 0;
  };

  [[nodiscard]] bool may_move(NodeIndex node) const {
    const Attempt& attempt = attempts_[node.value];
    if (attempt.is_granted) return true;
    if (!attempt.is_running || execution_->phase(node) != Phase::running) return false;
    if (attempt.told_to_end) return true;
    const auto producer = execution_->stream_under_way(node);
    if (!producer || execution_->phase(*producer) == Phase::unconfirmed) return true;
    return attempt.position < attempts_[producer->value].position;
  }

  bool one_step() {
    std::vector<NodeIndex> movable;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      if (may_move({i})) movable.push_back({i});
    }
    if (movable.empty()) return false;
    const NodeIndex node = movable[dice_.below(movable.size())];
    Attempt& attempt = attempts_[node.value];
    if (attempt.is_granted) {
      attempt = {.is_running = true};
      apply(AttemptStarted{node});
      return true;
    }
    ++attempt.position;
    const bool ends = attempt.told_to_end || attempt.position >= k_units || dice_.below(25) == 0;
    if (!ends) return true;
    attempt.is_running = false;
    const bool fails = dice_.below(8) == 0;
    apply(AttemptEnded{node, fails ? FailureClass::exit : FailureClass::none, 0});
    return true;
  }

  // Nothing moves: with all its slots, and all timers fired, something must.
  void one_more_chance() {
    lease(width_);
    report_lag();
    if (ended_ || one_step()) return;
    now_ += 100s;
    apply(Tick{});
    report_lag();
    if (ended_ || one_step()) return;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      MESSAGE(names_[i], " is in phase ", static_cast<int>(execution_->phase({i})), " at ",
              attempts_[i].position);
    }
    FAIL("everything waits");
  }

  void report_lag() {
    for (std::uint32_t i = 0; i < dag_.size() && !ended_; ++i) {
      Attempt& attempt = attempts_[i];
      if (!attempt.is_running || !dag_.settings({i}).max_lag_bytes) continue;
      const std::uint32_t limit = attempt.was_behind ? k_max_lag / 2 : k_max_lag;
      bool behind = false;
      for (const NodeIndex user : dag_.dependents({i})) {
        const bool counts = execution_->stream_under_way(user) == NodeIndex{i} &&
                            execution_->phase(user) == Phase::running;
        behind = behind || (counts && attempts_[user.value].position + limit < attempt.position);
      }
      if (behind == attempt.was_behind) continue;
      attempt.was_behind = behind;
      if (behind) {
        apply(ReadersBehind{{i}});
      } else {
        apply(ReadersCaughtUp{{i}});
      }
    }
  }

  void lease(std::uint32_t held) {
    if (ended_) return;
    Leased fact;
    fact.holding.held = {held};
    fact.holding.at_once = dice_.below(2) == 0;
    fact.machine = {width_};
    fact.quantum = 1ms;
    now_ += 10ms;
    apply(fact);
  }

  void apply(const Fact& fact) {
    execution_->apply(now_, fact, effects_);
    settle();
  }

  void settle() {
    engine::settle(
        *execution_, now_, effects_, [this](const auto& what) { perform(what); }, [] {});
  }
  void perform(const Examine& effect) { execution_->apply(now_, MustRun{effect.node}, effects_); }
  void perform(const Evaluate&) { FAIL("nothing is in-process here"); }
  void perform(const Expand&) { FAIL("there is no map here"); }
  void perform(const StartAttempt& effect) {
    attempts_[effect.node.value] = {.is_granted = true};
    const auto producer = execution_->stream_under_way(effect.node);
    if (!producer) return;
    const Phase phase = execution_->phase(*producer);
    CHECK((phase == Phase::running || phase == Phase::suspended || phase == Phase::unconfirmed));
  }
  void perform(const Withdraw& effect) {
    Attempt& attempt = attempts_[effect.node.value];
    if (!attempt.is_granted || dice_.below(2) == 0) return;  // it is on its way
    attempt.is_granted = false;
    execution_->apply(now_, AttemptWithdrawn{effect.node}, effects_);
  }
  void perform(const ControlTree& effect) {
    const bool ends =
        effect.control != TreeControl::suspend && effect.control != TreeControl::resume;
    if (ends) attempts_[effect.node.value].told_to_end = true;
  }
  void perform(const NodeSettled& effect) {
    if (effect.state != NodeState::completed) return;
    for (const NodeIndex before : dag_.predecessors(effect.node)) {
      CHECK(execution_->phase(before) == Phase::completed);
    }
  }
  void perform(const ExecutionEnded&) { ended_ = true; }

  Dice dice_;
  std::deque<std::string> names_;
  dag::Dag dag_;
  std::unique_ptr<Execution> execution_;
  std::vector<Attempt> attempts_;
  Effects effects_;
  Instant now_{1000s};
  std::uint32_t width_ = 1;
  bool ended_ = false;
};

TEST_CASE("engine: streams on any number of slots come to an end, whoever fails or stands still") {
  std::uint64_t first = 1;
  std::uint64_t last = 6000;
  if (const char* only = std::getenv("DSCHED_SIM_SEED")) first = last = std::stoull(only);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    StreamPlay(seed).run();
  }
}

}  // namespace
}  // namespace dsched::engine
