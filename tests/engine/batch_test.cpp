// SPDX-License-Identifier: Apache-2.0
#include "engine/batch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

// A batch whose effects are taken and accounted for.
class World {
 public:
  explicit World(BatchOptions options) : batch_(options) {}

  void admit(std::uint32_t index, Priority priority = {}, std::optional<Nanoseconds> timeout = {},
             bool in_process = false) {
    apply(Admitted{{index}, priority, timeout, in_process});
  }
  void apply(const BatchFact& fact) {
    batch_.apply(now, fact, effects_);
    take();
  }
  void dispatch() {
    batch_.dispatch(now, effects_);
    take();
  }
  void start(std::uint32_t index) { apply(AttemptStarted{{index}}); }
  void end(std::uint32_t index, FailureClass failure = FailureClass::none) {
    apply(AttemptEnded{{index}, failure, 0});
  }

  Instant now;
  std::vector<std::uint32_t> handed;  // to the executor, and not taken back or started yet
  std::vector<std::uint32_t> answered;
  std::map<std::uint32_t, Completion> settled;
  std::vector<std::pair<std::uint32_t, TreeControl>> controls;
  std::optional<ExecutionStatus> ended;
  Batch& batch() { return batch_; }

 private:
  void take() {
    for (const BatchEffect& effect : std::exchange(effects_, {})) {
      if (const auto* one = std::get_if<StartAttempt>(&effect)) handed.push_back(one->node.value);
      if (const auto* one = std::get_if<Withdraw>(&effect)) {
        const auto found = std::find(handed.begin(), handed.end(), one->node.value);
        REQUIRE(found != handed.end());
        handed.erase(found);
        batch_.apply(now, AttemptWithdrawn{one->node}, effects_);
      }
      if (const auto* one = std::get_if<ControlTree>(&effect)) {
        controls.emplace_back(one->node.value, one->control);
      }
      if (const auto* one = std::get_if<RequestSettled>(&effect)) {
        CHECK(settled.emplace(one->request.value, one->completion).second);
      }
      if (const auto* one = std::get_if<AnswerRequest>(&effect)) {
        CHECK(settled.contains(one->request.value));
        answered.push_back(one->request.value);
      }
      if (const auto* one = std::get_if<BatchEnded>(&effect)) ended = one->status;
    }
    if (!effects_.empty()) take();
  }

  Batch batch_;
  BatchEffects effects_;
};

BatchOptions wide(std::uint32_t width) {
  BatchOptions options;
  options.slots.width = {width};
  return options;
}

using Numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("engine: a batch hands out what fits and a little ahead, the most important first") {
  World world(wide(1));
  world.admit(1, {2});
  world.admit(2, {5});
  world.admit(3, {8});
  Numbers expected{3, 2};
  for (std::uint32_t more = 4; more < 4 + k_ahead_max; ++more) {
    world.admit(more, {5});
    if (expected.size() < 1 + k_ahead_max) expected.push_back(more);
  }
  world.dispatch();
  CHECK(world.handed == expected);
  world.start(3);
  const std::uint32_t best = 4 + k_ahead_max;
  world.admit(best, {10});  // goes before what was handed out ahead and has not begun
  world.dispatch();
  expected.insert(expected.begin() + 1, best);
  expected.pop_back();
  CHECK(world.handed == expected);
}

TEST_CASE("engine: a batch's answers come in the order of the input where that is asked for") {
  BatchOptions options = wide(4);
  options.answers = BatchOptions::Answers::in_order;
  World world(options);
  for (std::uint32_t i = 1; i <= 4; ++i) world.admit(i);
  for (const std::uint32_t i : {3, 1, 4, 2}) {
    world.dispatch();
    world.start(i);
    world.end(i, i == 4 ? FailureClass::exit : FailureClass::none);
  }
  CHECK(world.answered == Numbers{1, 2, 3, 4});
  world.apply(InputEnded{});
  world.dispatch();
  CHECK(world.ended == ExecutionStatus::failed);
}

TEST_CASE("engine: a sequential batch begins a request only when the one before it is settled") {
  BatchOptions options = wide(4);
  options.running = BatchOptions::Running::sequential;
  options.retries = 1;
  World world(options);
  world.admit(1, {0});
  world.admit(2, {10}, {}, true);
  world.admit(3, {10});
  world.dispatch();
  CHECK(world.handed == Numbers{1});
  world.start(1);
  world.end(1, FailureClass::exit);
  world.dispatch();
  CHECK(world.handed == Numbers{1});  // its retry is to come
  world.now += 2s;
  world.apply(Tick{});
  world.dispatch();
  CHECK(world.handed == Numbers{1, 1});
  world.start(1);
  world.end(1);
  world.dispatch();
  CHECK(world.handed == Numbers{1, 1, 2});
  world.end(2);
  world.dispatch();
  CHECK(world.handed.back() == 3);
}

TEST_CASE("engine: after its failure limit a batch begins nothing, and says so for each request") {
  BatchOptions options = wide(2);
  options.failure_limit = 1;
  World world(options);
  for (std::uint32_t i = 1; i <= 6; ++i) world.admit(i);
  world.dispatch();
  world.start(1);
  world.start(2);
  world.end(1, FailureClass::exit);
  world.dispatch();
  CHECK(world.settled[1] == Completion::failed);
  for (std::uint32_t i = 3; i <= 6; ++i) CHECK(world.settled[i] == Completion::skipped);
  world.admit(7);
  world.end(2);
  world.apply(InputEnded{});
  world.dispatch();
  CHECK(world.settled[2] == Completion::completed);
  CHECK(world.settled[7] == Completion::skipped);
  CHECK(world.ended == ExecutionStatus::failed);
}

TEST_CASE("engine: a request that runs out of time is ended, by force when it does not obey") {
  World world(wide(1));
  world.admit(1, {}, 2s);
  world.dispatch();
  world.now += 100s;  // waiting is not counted
  world.start(1);
  world.now += 2s;
  CHECK(world.batch().next_deadline() == world.now);
  world.apply(Tick{});
  world.now += 5s;
  world.apply(Tick{});
  CHECK(world.controls == std::vector<std::pair<std::uint32_t, TreeControl>>{
                              {1, TreeControl::terminate}, {1, TreeControl::kill}});
  world.end(1, FailureClass::signal);
  CHECK(world.settled[1] == Completion::timeout);
}

TEST_CASE("engine: the time that a request stands still counts for no timeout") {
  World world(wide(1));
  world.admit(1, {}, 2s);
  world.dispatch();
  world.start(1);
  world.now += 1s;
  world.apply(Suspended{});
  world.now += 50s;
  world.apply(Continued{});
  world.dispatch();
  world.apply(Tick{});
  CHECK(world.controls.back().second == TreeControl::resume);
  world.now += 1s;
  world.apply(Tick{});
  CHECK(world.controls.back().second == TreeControl::terminate);
}

TEST_CASE("engine: a batch that is told to end settles everything, and reads on as skipped") {
  World world(wide(2));
  for (std::uint32_t i = 1; i <= 5; ++i) world.admit(i);
  world.dispatch();
  world.start(1);
  world.start(2);
  world.apply(Stop{StopRequest::interrupt});
  world.dispatch();
  CHECK(world.controls.size() == 2);
  world.end(1, FailureClass::signal);
  world.end(2);  // it was done before it heard
  world.admit(6);
  world.apply(InputEnded{.cut = true});
  world.dispatch();
  CHECK(world.settled[1] == Completion::cancelled);
  CHECK(world.settled[2] == Completion::completed);
  for (std::uint32_t i = 3; i <= 6; ++i) CHECK(world.settled[i] == Completion::skipped);
  CHECK(world.ended == ExecutionStatus::interrupted);
  CHECK(world.batch().view().skipped == 4);
}

TEST_CASE("engine: one request of a batch can be cancelled, whatever it does") {
  World world(wide(1));
  for (std::uint32_t i = 1; i <= 4; ++i) world.admit(i);
  world.dispatch();
  world.start(1);
  world.apply(CancelNode{{1}});  // runs
  world.apply(CancelNode{{2}});  // handed out ahead
  world.apply(CancelNode{{4}});  // waits
  world.apply(CancelNode{{9}});  // unknown
  CHECK(world.controls ==
        std::vector<std::pair<std::uint32_t, TreeControl>>{{1, TreeControl::terminate}});
  world.end(1, FailureClass::signal);
  world.dispatch();
  CHECK(world.settled.size() == 3);
  for (const std::uint32_t i : {1, 2, 4}) CHECK(world.settled[i] == Completion::cancelled);
  world.start(3);
  world.end(3);
  world.apply(InputEnded{});
  world.dispatch();
  CHECK(world.ended == ExecutionStatus::cancelled);
}

TEST_CASE("engine: a batch begins nothing while nobody can take an answer") {
  BatchOptions options = wide(1);
  options.answers = BatchOptions::Answers::in_order;
  World world(options);
  world.apply(RoomIs{Room::none});
  world.admit(1, {0});
  world.admit(2, {9});
  world.admit(3, {9}, {}, true);
  world.dispatch();
  CHECK(world.handed.empty());
  CHECK(world.batch().demand(Execution::Others::none).wanted == Slots{0});
  world.apply(RoomIs{Room::for_first});
  world.dispatch();
  CHECK(world.handed == Numbers{1});  // the one whose answer is next
  world.apply(RoomIs{Room::ample});
  world.dispatch();
  CHECK(world.handed.size() == 3);
}

TEST_CASE("engine: a batch runs within what is leased, and suspends what is beyond it") {
  BatchOptions options = wide(4);
  options.slots.is_leased = true;
  World world(options);
  Numbers all;
  for (std::uint32_t i = 1; i <= 2 + k_ahead_max + 1; ++i) {
    world.admit(i, {static_cast<std::uint8_t>(i <= 2 ? 10 - i : 5)});
    all.push_back(i);
  }
  world.dispatch();
  CHECK(world.handed.empty());
  CHECK(world.batch().demand(Execution::Others::none).wanted == Slots{4});
  Holding holding;
  holding.held = {2};
  world.apply(Leased{holding, {4}, 100ms, Preemption::suspend});
  world.dispatch();
  CHECK(world.handed == Numbers(all.begin(), all.end() - 1));  // all but two of them ahead
  world.start(1);
  world.start(2);
  world.now += 1s;
  holding.due = {1};
  world.apply(Leased{holding, {4}, 100ms, Preemption::suspend});
  world.dispatch();
  CHECK(world.controls ==
        std::vector<std::pair<std::uint32_t, TreeControl>>{{2, TreeControl::suspend}});
  CHECK(world.handed == Numbers{1, 2});
  CHECK(world.batch().take_slot_time(world.now) == 2s);
  holding.due = {0};
  world.apply(Leased{holding, {4}, 100ms, Preemption::suspend});
  world.dispatch();
  CHECK(world.controls.back() == std::pair<std::uint32_t, TreeControl>{2, TreeControl::resume});
}

TEST_CASE("engine: a batch wants no more input than it may keep open") {
  BatchOptions options = wide(1);
  options.open_max = 3;
  World world(options);
  for (std::uint32_t i = 1; i <= 3; ++i) {
    CHECK(world.batch().wants_input());
    world.admit(i);
  }
  CHECK_FALSE(world.batch().wants_input());
  world.dispatch();
  world.start(1);
  world.end(1);
  CHECK(world.batch().wants_input());
}

TEST_CASE("engine: whatever happens to a batch, each request is settled and answered once") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice(seed);
    const auto roll = [&dice](std::uint32_t sides) {
      return static_cast<std::uint32_t>(dice() % sides);
    };
    BatchOptions options = wide(1 + roll(4));
    options.retries = roll(3);
    options.open_max = 1 + roll(20);
    if (roll(2) == 0) options.answers = BatchOptions::Answers::in_order;
    if (roll(4) == 0) options.running = BatchOptions::Running::sequential;
    if (roll(3) == 0) options.failure_limit = 1 + roll(3);
    World world(options);
    Numbers running;
    std::set<std::uint32_t> values;
    const std::uint32_t total = 1 + roll(60);
    std::uint32_t admitted = 0;
    for (int step = 0; step < 100000 && !world.ended; ++step) {
      world.now += std::chrono::milliseconds{roll(300)};
      if (admitted < total && world.batch().wants_input() && roll(3) == 0) {
        const bool in_process = roll(4) == 0;
        if (in_process) values.insert(admitted + 1);
        world.admit(++admitted, {static_cast<std::uint8_t>(roll(11))},
                    roll(5) == 0 ? std::optional<Nanoseconds>(1s) : std::nullopt, in_process);
        if (admitted == total) world.apply(InputEnded{});
      }
      world.dispatch();
      for (const std::uint32_t index : Numbers(world.handed)) {
        const bool in_process = values.contains(index);
        if (!in_process && roll(3) != 0) continue;
        // Another one may have been taken back when this one failed.
        const auto found = std::find(world.handed.begin(), world.handed.end(), index);
        if (found == world.handed.end()) continue;
        world.handed.erase(found);
        if (in_process) {
          world.end(index, roll(4) == 0 ? FailureClass::refused : FailureClass::none);
          continue;
        }
        world.start(index);
        running.push_back(index);
      }
      if (!running.empty() && roll(2) == 0) {
        const std::size_t at = roll(static_cast<std::uint32_t>(running.size()));
        const std::uint32_t index = running[at];
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
        world.end(index, roll(4) == 0 ? FailureClass::exit : FailureClass::none);
      }
      if (world.batch().next_deadline() && *world.batch().next_deadline() <= world.now) {
        world.apply(Tick{});
      }
      if (roll(200) == 0 && admitted > 0) world.apply(CancelNode{{1 + roll(admitted)}});
      if (roll(400) == 0) world.apply(Stop{StopRequest::interrupt});
    }
    REQUIRE(world.ended);
    CHECK(world.settled.size() == total);
    CHECK(world.answered.size() == total);
    if (options.answers == BatchOptions::Answers::in_order) {
      CHECK(std::is_sorted(world.answered.begin(), world.answered.end()));
    }
    const Batch::View view = world.batch().view();
    CHECK(view.counts.completed + view.counts.failed + view.counts.cancelled == total);
    CHECK(view.counts.running == 0);
    CHECK(world.batch().open() == 0);
  }
}

}  // namespace dsched::engine
