// SPDX-License-Identifier: Apache-2.0
// Random graphs with random outcomes: laws that hold after every fact.
//
// A failing seed is printed; DSCHED_SIM_SEED=SEED runs only that one.
#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "play.h"

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

dag::Dag random_dag(Dice& dice, std::deque<std::string>& names) {
  const auto below = [&](std::uint64_t limit) { return dice.below(limit); };
  dag::Builder builder(nullptr);
  builder.set_names("random", {});
  builder.add_pool({"one", Slots{1}});
  builder.add_pool({"two", Slots{2}});
  const bool one_priority = below(2) == 0;
  const std::uint32_t count = 1 + below(30);
  for (std::uint32_t i = 0; i < count; ++i) {
    dag::Settings settings;
    if (!one_priority) settings.priority = {static_cast<std::uint8_t>(below(11))};
    if (below(5) == 0) settings.slots = {1 + below(5)};
    if (below(5) == 0) settings.pool = builder.pool_named(below(2) == 0 ? "one" : "two");
    if (below(3) == 0) settings.max_retries = below(3);
    if (below(5) == 0) settings.timeout = 3s;
    if (below(12) == 0) settings.idempotent = false;
    if (below(20) == 0) settings.approval.emplace();
    std::vector<std::string_view> arguments;
    for (std::uint32_t k = below(4); i > 0 && k > 0; --k) arguments.push_back(names[below(i)]);
    add_numbered(builder, names, {settings, arguments});
  }
  return built(std::move(builder));
}

// Plays session and executor: the executor begins what was handed over first, as many slots as
// there are; an attempt handed over ahead waits its turn there and can be taken back.
class Play {
 public:
  explicit Play(std::uint64_t seed) : dice_(seed), dag_(random_dag(dice_, names_)) {
    Options options;
    options.slots.width = {1 + below(4)};
    options.failure_limit.reset();
    if (below(3) == 0) options.failure_limit = 1 + below(3);
    options.retries = below(2);
    width_ = options.slots.width.count;
    std::vector<NodePlan> plan(dag_.size());
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      const auto before = dag_.predecessors({i});
      const bool all = std::all_of(before.begin(), before.end(),
                                   [&](NodeIndex node) { return plan[node.value].in_process; });
      plan[i].in_process = all && below(8) == 0;
    }
    execution_ = std::make_unique<Execution>(dag_, options, plan);
    std::vector<Nanoseconds> durations(dag_.size());
    for (Nanoseconds& duration : durations) duration = 1s + Nanoseconds{below(5)};
    remaining_ = dag::remaining_paths(dag_, durations);
    execution_->set_remaining(remaining_);
  }

  void run() {
    execution_->begin(effects_);
    settle();
    for (int turn = 0; !ended_; ++turn) {
      REQUIRE(turn < 10'000);
      if (below(40) == 0) apply(Stop{static_cast<StopRequest>(below(3))}), stopped_ = true;
      take_turn();
    }
    check_end();
  }

 private:
  std::uint32_t below(std::uint64_t limit) { return dice_.below(limit); }
  [[nodiscard]] std::uint32_t need(NodeIndex node) const {
    return std::min(dag_.settings(node).slots.count, width_);
  }
  [[nodiscard]] Phase phase(NodeIndex node) const { return execution_->phase(node); }

  void take_turn() {
    if (!running_.empty() && unreported_.empty() && below(3) > 0) {
      const auto at = static_cast<std::ptrdiff_t>(below(running_.size()));
      const NodeIndex node = running_[static_cast<std::size_t>(at)];
      running_.erase(running_.begin() + at);
      // Its worker takes the next attempt before anybody hears of the end.
      const std::vector<NodeIndex> begun = begin_handed();
      apply(AttemptEnded{node, random_failure(), static_cast<double>(below(100)) / 99});
      for (const NodeIndex next : begun) check_rank(next);
      return;
    }
    report_starts();
    now_ += Nanoseconds{500ms * below(8)};
    apply(Tick{});
    if (execution_->next_deadline() && running_.empty() && handed_.empty()) {
      now_ = std::max(now_, *execution_->next_deadline());
      apply(Tick{});
    }
  }

  FailureClass random_failure() {
    constexpr FailureClass k_some[] = {FailureClass::exit, FailureClass::signal,
                                       FailureClass::refused, FailureClass::lost};
    return below(5) == 0 ? k_some[below(4)] : FailureClass::none;
  }

  // Workers that are free take what was handed over first; it is reported later.
  std::vector<NodeIndex> begin_handed() {
    std::vector<NodeIndex> begun;
    std::uint32_t used = 0;
    for (const NodeIndex node : running_) used += need(node);
    while (!handed_.empty() && used + need(handed_.front()) <= width_) {
      const NodeIndex node = handed_.front();
      handed_.pop_front();
      used += need(node);
      running_.push_back(node);
      unreported_.push_back(node);
      begun.push_back(node);
    }
    return begun;
  }
  void report_starts() {
    while (!unreported_.empty()) {
      const NodeIndex node = unreported_.front();
      unreported_.pop_front();
      apply(AttemptStarted{node});
    }
  }

  // A worker never took a node while a better one that would fit is kept waiting.
  void check_rank(NodeIndex node) {
    const auto rank = [&](NodeIndex of) {
      return Rank{dag_.settings(of).priority.level, remaining_[of.value], of};
    };
    for (std::uint32_t i = 0; i < dag_.size() && !execution_->is_stopping(); ++i) {
      const NodeIndex other{i};
      if (phase(other) != Phase::queued || need(other) > need(node)) continue;
      if (dag_.settings(other).pool) continue;
      // Whether a twin must run after all is known only when its first has ended.
      if (twins_.contains(other)) continue;
      CHECK_MESSAGE(!rank(other).is_better_than(rank(node)), "n", node.value, " starts before n",
                    i);
    }
  }

  void apply(const Fact& fact) {
    execution_->apply(now_, fact, effects_);
    settle();
  }
  void settle() {
    engine::settle(
        *execution_, now_, effects_, [this](const auto& what) { perform(what); },
        [this] { check_always(); });
    check_settled();
  }

  void check_predecessors(NodeIndex node) {
    for (const NodeIndex before : dag_.predecessors(node)) {
      const bool done = phase(before) == Phase::completed || phase(before) == Phase::reused;
      CHECK_MESSAGE((done || lost_.contains(before)), "n", node.value, " goes ahead of n",
                    before.value);
    }
  }
  void perform(const Examine& effect) {
    check_predecessors(effect.node);
    if (below(6) == 0) return execution_->apply(now_, FoundReusable{effect.node}, effects_);
    if (below(15) == 0) return execution_->apply(now_, CannotRun{effect.node}, effects_);
    for (const NodeIndex other : running_) {
      if (below(10) > 0) continue;
      twins_.insert(effect.node);
      return execution_->apply(now_, SameKeyUnderWay{effect.node, other}, effects_);
    }
    execution_->apply(now_, MustRun{effect.node, dag_.settings(effect.node).approval.has_value()},
                      effects_);
  }
  void perform(const Expand&) { FAIL("these programs have no maps"); }
  void perform(const Evaluate& effect) {
    check_predecessors(effect.node);
    execution_->apply(now_, AttemptEnded{effect.node, FailureClass::none, 0}, effects_);
  }
  void perform(const StartAttempt& effect) {
    check_predecessors(effect.node);
    CHECK(effect.number > attempts_[effect.node.value]);
    const auto before = dag_.predecessors(effect.node);
    if (!before.empty() && below(20) == 0) {
      const NodeIndex lost = before[below(before.size())];
      lost_.insert(lost);
      return execution_->apply(now_, ResultLost{lost, effect.node}, effects_);
    }
    attempts_[effect.node.value] = effect.number;
    handed_.push_back(effect.node);
    (void)begin_handed();
  }
  void perform(const Withdraw& effect) {
    const auto found = std::find(handed_.begin(), handed_.end(), effect.node);
    if (found == handed_.end()) return;
    handed_.erase(found);
    --attempts_[effect.node.value];
    execution_->apply(now_, AttemptWithdrawn{effect.node}, effects_);
  }
  void perform(const ControlTree& effect) {
    const bool is_running =
        std::find(running_.begin(), running_.end(), effect.node) != running_.end();
    CHECK_MESSAGE(is_running, "n", effect.node.value, " is told something while it does not run");
  }
  void perform(const NodeSettled&) {}
  void perform(const ExecutionEnded& effect) {
    CHECK_FALSE(ended_);
    ended_ = effect.status;
  }

  void check_always() {
    Counts counted;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      const Phase now = phase({i});
      if (now != Phase::unwanted) ++counted.total;
      if (now == Phase::completed || now == Phase::reused) ++counted.completed;
      if (now == Phase::reused) ++counted.reused;
      if (now == Phase::failed) ++counted.failed;
      if (now == Phase::cancelled) ++counted.cancelled;
      if (now == Phase::running) ++counted.running;
    }
    const Counts& counts = execution_->counts();
    CHECK(counts.total == counted.total);
    CHECK(counts.completed == counted.completed);
    CHECK(counts.reused == counted.reused);
    CHECK(counts.failed == counted.failed);
    CHECK(counts.cancelled == counted.cancelled);
    CHECK(counts.running == counted.running);
    CHECK(counts.pending() <= counts.total);
  }

  // With everything answered: slots and pools hold, and no slot is free for want of a decision.
  void check_settled() {
    std::uint32_t under_way = 0;
    std::uint32_t widest = 0;
    std::map<std::uint32_t, std::uint32_t> in_pool;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      if (phase({i}) != Phase::granted && phase({i}) != Phase::running) continue;
      under_way += need({i});
      widest = std::max(widest, need({i}));
      if (const auto pool = dag_.settings({i}).pool) ++in_pool[pool->value];
    }
    CHECK(under_way <= width_ + k_ahead_max);
    if (widest > 1) CHECK(under_way <= std::max(width_, widest) + 1);
    for (const auto& [pool, used] : in_pool) CHECK(used <= dag_.pools()[pool].limit.count);
    if (execution_->is_stopping() || ended_) return;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      if (phase({i}) != Phase::queued || under_way + need({i}) > width_) continue;
      const auto pool = dag_.settings({i}).pool;
      const bool has_place = !pool || in_pool[pool->value] < dag_.pools()[pool->value].limit.count;
      CHECK_MESSAGE(!has_place, "n", i, " could run and does not");
    }
  }

  void check_end() {
    const bool may_be_pending = stopped_ || execution_->is_stopping();
    bool is_held = false;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) is_held = is_held || phase({i}) == Phase::held;
    for (std::uint32_t i = 0; i < dag_.size(); ++i) {
      const Phase last = phase({i});
      const bool is_final = last == Phase::completed || last == Phase::reused ||
                            last == Phase::failed || last == Phase::cancelled;
      CHECK(last != Phase::running);
      CHECK(last != Phase::granted);
      CHECK_MESSAGE((is_final || may_be_pending || is_held), "n", i, " was left over");
    }
    CHECK(running_.empty());
    CHECK(handed_.empty());
    const Counts& counts = execution_->counts();
    if (counts.completed == counts.total) CHECK(*ended_ == ExecutionStatus::completed);
    if (*ended_ == ExecutionStatus::waiting) CHECK(is_held);
    if (*ended_ == ExecutionStatus::failed) CHECK(counts.failed > 0);
    if (*ended_ == ExecutionStatus::interrupted) CHECK(stopped_);
  }

  Dice dice_;
  std::deque<std::string> names_;
  dag::Dag dag_;
  std::unique_ptr<Execution> execution_;
  std::vector<Nanoseconds> remaining_;
  std::uint32_t width_ = 1;
  Effects effects_;
  Instant now_{1000s};
  std::deque<NodeIndex> handed_;
  std::deque<NodeIndex> unreported_;
  std::set<NodeIndex> twins_;
  std::set<NodeIndex> lost_;  // others may already have been on their way with it
  std::vector<NodeIndex> running_;
  std::map<std::uint32_t, std::uint32_t> attempts_;
  std::optional<ExecutionStatus> ended_;
  bool stopped_ = false;
};

void play(std::uint64_t seed) {
  INFO("reproduce: DSCHED_SIM_SEED=", seed);
  Play(seed).run();
}

TEST_CASE("engine: random executions keep every law") {
  if (const char* only = std::getenv("DSCHED_SIM_SEED"))
    return play(std::strtoull(only, nullptr, 10));
  constexpr std::uint64_t k_seeds = 4000;
  for (std::uint64_t seed = 1; seed <= k_seeds; ++seed) play(seed);
}

}  // namespace
}  // namespace dsched::engine
