// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "engine/batch.h"

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

using Indexes = std::vector<std::uint32_t>;

dag::Worker worker(std::uint32_t max_batch, std::uint32_t instances = 1) {
  dag::Worker made;
  made.name = "w";
  made.command = {"w"};
  made.max_batch = max_batch;
  made.instances = instances;
  return made;
}

// A batch with requests to workers, and what was handed over to which instance.
class Pool {
 public:
  Pool(std::uint32_t width, std::vector<dag::Worker> workers, BatchOptions options = {})
      : workers_(std::move(workers)), batch_(with(options, width), workers_) {}

  Pool& ask(std::uint32_t index, Priority priority = {}, std::uint32_t worker = 0) {
    Admitted fact{{index}, priority, {}};
    fact.worker = dag::WorkerIndex{worker};
    return apply(fact);
  }
  Pool& command(std::uint32_t index, Priority priority = {}) {
    return apply(Admitted{{index}, priority, {}});
  }
  Pool& apply(const BatchFact& fact) {
    batch_.apply(now, fact, effects_);
    take();
    return *this;
  }
  Pool& dispatch() {
    batch_.dispatch(now, effects_);
    take();
    return *this;
  }
  Pool& start(std::uint32_t index) { return apply(AttemptStarted{{index}}); }
  Pool& end(std::uint32_t index, FailureClass failure = FailureClass::none) {
    return apply(AttemptEnded{{index}, failure, 0});
  }
  // Starts all that was handed over.
  Pool& begin() {
    dispatch();
    for (const std::uint32_t index : Indexes(handed)) {
      if (batch_.phase({index}) == RequestPhase::granted) start(index);
    }
    return *this;
  }
  Pool& lease(std::uint32_t held, std::uint32_t due = 0) {
    Leased fact;
    fact.holding.held = {held};
    fact.holding.due = {due};
    fact.holding.at_once = due > 0;
    fact.holding.contended = due > 0;
    fact.machine = {held};
    return apply(fact).dispatch();
  }
  [[nodiscard]] std::uint32_t in_use() const { return batch_.view().in_use.count; }
  [[nodiscard]] RequestPhase phase(std::uint32_t index) const { return *batch_.phase({index}); }
  [[nodiscard]] std::size_t controls_of(std::uint32_t index, TreeControl what) const {
    return static_cast<std::size_t>(
        std::count(controls.begin(), controls.end(), std::pair{index, what}));
  }

  Instant now;
  Indexes handed;  // in the order of their grants, all of them
  std::map<std::uint32_t, std::uint32_t> instance;
  std::map<std::uint32_t, Completion> settled;
  std::vector<std::pair<std::uint32_t, TreeControl>> controls;
  std::optional<ExecutionStatus> ended;
  Batch& batch() { return batch_; }

 private:
  static BatchOptions with(BatchOptions options, std::uint32_t width) {
    options.slots.width = {width};
    return options;
  }
  void take() {
    for (const BatchEffect& effect : std::exchange(effects_, {})) {
      if (const auto* one = std::get_if<StartAttempt>(&effect)) {
        handed.push_back(one->node.value);
        instance[one->node.value] = one->instance;
      }
      if (const auto* one = std::get_if<Withdraw>(&effect)) {
        if (batch_.phase(one->node) != RequestPhase::granted) continue;
        handed.erase(std::find(handed.begin(), handed.end(), one->node.value));
        batch_.apply(now, AttemptWithdrawn{one->node}, effects_);
      }
      if (const auto* one = std::get_if<ControlTree>(&effect)) {
        controls.emplace_back(one->node.value, one->control);
      }
      if (const auto* one = std::get_if<RequestSettled>(&effect)) {
        CHECK(settled.emplace(one->request.value, one->completion).second);
      }
      if (const auto* one = std::get_if<BatchEnded>(&effect)) ended = one->status;
    }
    if (!effects_.empty()) take();
  }

  std::vector<dag::Worker> workers_;
  Batch batch_;
  BatchEffects effects_;
};

}  // namespace

TEST_CASE("engine: requests of a batch fill an instance up to its limit, in one slot") {
  Pool pool(1, {worker(3)});
  for (std::uint32_t i = 1; i <= 5; ++i) pool.ask(i);
  pool.begin();
  CHECK(pool.handed == Indexes{1, 2, 3});
  CHECK(pool.in_use() == 1);
  pool.end(2).dispatch();
  CHECK(pool.handed == Indexes{1, 2, 3, 4});
  pool.start(4).end(1).dispatch();  // the slot passes on
  CHECK(pool.in_use() == 1);
  CHECK(pool.handed == Indexes{1, 2, 3, 4, 5});
}

TEST_CASE("engine: requests of a batch are admitted by priority, then as they came") {
  Pool pool(1, {worker(1)});
  pool.ask(1).ask(2, {2}).ask(3, {8}).ask(4, {2}).ask(5, {8});
  Indexes order;
  for (int i = 0; i < 5; ++i) {
    pool.begin();
    order.push_back(pool.handed.back());
    pool.end(order.back());
  }
  CHECK(order == Indexes{3, 5, 1, 2, 4});
  CHECK(pool.in_use() == 0);
}

TEST_CASE(
    "engine: requests of a batch go to the least loaded instance, each in a slot of its own") {
  Pool pool(2, {worker(2, 2)});
  for (std::uint32_t i = 1; i <= 4; ++i) pool.ask(i);
  pool.begin();
  CHECK(pool.in_use() == 2);
  CHECK(pool.instance == std::map<std::uint32_t, std::uint32_t>{{1, 0}, {2, 1}, {3, 0}, {4, 1}});
}

TEST_CASE("engine: while a more important command waits for a slot no request joins an instance") {
  Pool pool(1, {worker(2)});
  pool.ask(1).begin();
  pool.command(2, {8}).ask(3).dispatch();
  CHECK(pool.handed == Indexes{1});
  pool.end(1).dispatch();
  CHECK(pool.handed == Indexes{1, 2});
  SUBCASE("a less important one waits for the request") {
    Pool other(1, {worker(2)});
    other.ask(1).begin();
    other.command(2, {2}).ask(3).dispatch();
    CHECK(other.handed == Indexes{1, 3});
  }
}

TEST_CASE("engine: a lost request of a batch is tried again, an innocent one uses up no try") {
  BatchOptions options;
  options.retries = 1;
  Pool pool(1, {worker(2)}, options);
  pool.ask(1).ask(2).begin();
  pool.apply(AttemptEnded{{1}, FailureClass::lost, 0});
  pool.apply(AttemptEnded{{2}, FailureClass::lost, 0, true});
  pool.begin();  // the guilty one waits for its delay
  CHECK(pool.handed == Indexes{1, 2, 2});
  pool.apply(AttemptEnded{{2}, FailureClass::lost, 0});
  CHECK(pool.phase(2) == RequestPhase::backoff);
  pool.now += 2s;
  pool.apply(Tick{}).begin();
  pool.end(1, FailureClass::lost).end(2, FailureClass::lost).dispatch();
  CHECK(pool.settled ==
        std::map<std::uint32_t, Completion>{{1, Completion::failed}, {2, Completion::failed}});
}

TEST_CASE("engine: a request of a batch is asked to give up, and its neighbours go on") {
  Pool pool(1, {worker(2)});
  Admitted hurried{{1}, {}, 1s};
  hurried.worker = dag::WorkerIndex{0};
  pool.apply(hurried).ask(2).begin();
  pool.now += 1s;
  pool.apply(Tick{});
  CHECK(pool.controls_of(1, TreeControl::cancel) == 1);
  pool.end(1, FailureClass::lost).dispatch();
  CHECK(pool.settled.at(1) == Completion::timeout);
  pool.apply(CancelNode{{2}});
  CHECK(pool.controls_of(2, TreeControl::cancel) == 1);
  CHECK(pool.controls.size() == 2);
  pool.end(2, FailureClass::lost);
  CHECK(pool.settled.at(2) == Completion::cancelled);
}

TEST_CASE("engine: an instance stands still and goes on with all requests of a batch in it") {
  BatchOptions options;
  options.slots.is_leased = true;
  Pool pool(2, {worker(3)}, options);
  pool.lease(1);
  pool.ask(1).ask(2).begin();
  CHECK(pool.in_use() == 1);
  pool.lease(1, 1).lease(0);
  CHECK(pool.phase(1) == RequestPhase::suspended);
  CHECK(pool.phase(2) == RequestPhase::suspended);
  CHECK(pool.in_use() == 0);
  pool.ask(3).dispatch();
  CHECK(pool.handed == Indexes{1, 2});
  pool.lease(1);
  CHECK(pool.phase(1) == RequestPhase::running);
  CHECK(pool.phase(2) == RequestPhase::running);
  CHECK(pool.in_use() == 1);
  CHECK(pool.handed == Indexes{1, 2, 3});
}

TEST_CASE("engine: a sequential batch gives a worker one request at a time") {
  BatchOptions options;
  options.running = BatchOptions::Running::sequential;
  Pool pool(4, {worker(4, 2)}, options);
  pool.ask(1, {0}).ask(2, {10}).begin();
  CHECK(pool.handed == Indexes{1});
  pool.end(1).begin();
  CHECK(pool.handed == Indexes{1, 2});
}

TEST_CASE("engine: with room for the first answer only, that request is the one that joins") {
  BatchOptions options;
  options.answers = BatchOptions::Answers::in_order;
  Pool pool(1, {worker(2)}, options);
  pool.ask(1, {0}).ask(2, {8}).ask(3, {8});
  pool.apply(RoomIs{Room::for_first}).begin();
  CHECK(pool.handed == Indexes{1});
  pool.apply(RoomIs{Room::none}).end(1).dispatch();
  CHECK(pool.handed == Indexes{1});
  pool.apply(RoomIs{Room::ample}).begin();
  CHECK(pool.handed == Indexes{1, 2, 3});
}

TEST_CASE("engine: random batches with workers keep to slots and limits, and come to an end") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    const auto below = [&](std::uint64_t limit) {
      return static_cast<std::uint32_t>(dice() % limit);
    };
    const std::uint32_t width = 1 + below(3);
    const std::vector<dag::Worker> workers{worker(1 + below(3), 1 + below(2)),
                                           worker(1 + below(4))};
    BatchOptions options;
    options.retries = below(2);
    options.slots.is_leased = true;
    if (below(2) == 0) options.answers = BatchOptions::Answers::in_order;
    Pool pool(width, workers, options);
    std::map<std::uint32_t, std::uint32_t> worker_of;
    std::uint32_t next = 0;
    const std::uint32_t count = 1 + below(25);
    std::uint32_t held = width;
    pool.lease(held);
    for (int step = 0; !pool.ended; ++step) {
      REQUIRE(step < 5000);
      if (next < count && below(2) == 0) {
        ++next;
        const Priority priority{static_cast<std::uint8_t>(below(11))};
        if (below(3) == 0) {
          pool.command(next, priority);
        } else {
          worker_of[next] = below(2);
          pool.ask(next, priority, worker_of[next]);
        }
        if (next == count) pool.apply(InputEnded{});
      }
      if (below(8) == 0) pool.lease(held = below(width + 1));
      if (below(60) == 0) pool.apply(CancelNode{{1 + below(count)}});
      if (below(40) == 0) pool.apply(Suspended{}).dispatch().apply(Continued{});
      pool.dispatch();
      std::map<std::pair<std::uint32_t, std::uint32_t>, std::set<std::uint32_t>> loads;
      std::uint32_t commands = 0;
      std::uint32_t open = 0;
      for (std::uint32_t i = 1; i <= next; ++i) {
        const auto phase = pool.batch().phase({i});
        if (phase != RequestPhase::running && phase != RequestPhase::granted) continue;
        if (!worker_of.contains(i)) {
          if (phase == RequestPhase::running) ++commands;
          continue;
        }
        loads[{worker_of[i], pool.instance[i]}].insert(i);
      }
      for (const auto& [place, requests] : loads) {
        CHECK(requests.size() <= workers[place.first].max_batch);
        CHECK(place.second < workers[place.first].instances);
        const bool runs = std::any_of(requests.begin(), requests.end(), [&](std::uint32_t i) {
          return pool.batch().phase({i}) == RequestPhase::running;
        });
        if (runs) ++open;
      }
      CHECK(pool.in_use() <= commands + open);
      // One thing happens to somebody who was handed over.
      Indexes live;
      for (std::uint32_t i = 1; i <= next; ++i) {
        const auto phase = pool.batch().phase({i});
        if (phase == RequestPhase::running || phase == RequestPhase::granted) live.push_back(i);
      }
      if (live.empty()) {
        pool.now += 1s;
        pool.apply(Tick{});
        if (below(4) == 0) pool.lease(held = width);
        continue;
      }
      const std::uint32_t one = live[below(live.size())];
      if (pool.phase(one) == RequestPhase::granted) {
        if (pool.in_use() < held || worker_of.contains(one)) pool.start(one);
        continue;
      }
      const std::uint32_t how = below(6);
      const FailureClass failure = how == 0   ? FailureClass::lost
                                   : how == 1 ? FailureClass::exit
                                              : FailureClass::none;
      pool.apply(AttemptEnded{{one}, failure, 0, how == 0 && below(2) == 0});
    }
    CHECK(pool.in_use() == 0);
    CHECK(pool.settled.size() == count);
  }
}

}  // namespace dsched::engine
