// SPDX-License-Identifier: Apache-2.0
// Consent in a simulated world: nothing runs without it, none is lost and none counts twice,
// wherever the runner or who answers is killed, or the power goes.
#include <doctest/doctest.h>

#include "base/error.h"
#include "session_world.h"

namespace dsched::sim {
namespace {

using store::Backend;
using wire::ApprovalAction;
using wire::ApprovalStatus;

constexpr std::uint64_t k_calls_max = 400;  // of ports or of the disk; there are fewer

Wishes no_wait(std::uint64_t lose_runner_at = 0) {
  Wishes wishes;
  wishes.run.waits_for_consent = false;
  wishes.lose_runner_at = lose_runner_at;
  return wishes;
}

Program gated_program() {
  Program program;
  program.add({.id = "before"})
      .add({.id = "gate", .arguments = {"before"}, .gated = true})
      .add({.id = "after", .arguments = {"gate"}});
  return program;
}

bool is_waiting(const Outcome& outcome) {
  return outcome.answer && outcome.answer->status == engine::ExecutionStatus::waiting;
}

// A world in which the gate waits and nobody runs.
struct Waiting {
  explicit Waiting(std::uint64_t seed) : world(Backend::hybrid, seed) {
    world.program = gated_program();
    REQUIRE(is_waiting(world.run(no_wait())));
  }
  // What the gate was told in the end is what becomes of it.
  void check_end(ApprovalStatus decided) {
    const Outcome last = world.resume(no_wait());
    REQUIRE(last.node("gate") != nullptr);
    CHECK(world.decisions() == 1);
    if (decided == ApprovalStatus::approved) {
      CHECK_MESSAGE(last.is_success(), last.summary());
      CHECK(world.begun("gate") == 1);
      world.check_results(last);
    } else {
      CHECK(last.node("gate")->failure == FailureClass::denied);
      CHECK(last.node("after")->reason == engine::Reason::dependency_failed);
      CHECK(world.begun("gate") == 0);
    }
    world.check_quiet();
  }
  World world;
};

TEST_CASE("session: wherever a runner is killed, a gate waits, and its consent counts once") {
  bool was_lost_before = true;
  bool was_lost_after = true;
  for (std::uint64_t n = 1; n < k_calls_max && (was_lost_before || was_lost_after); ++n) {
    CAPTURE(n);
    World world(Backend::hybrid, n);
    world.program = gated_program();
    const Outcome first = world.run(no_wait(n));
    was_lost_before = first.runner_lost;
    const Outcome second = first.runner_lost ? world.go_on(no_wait()) : first;
    REQUIRE_MESSAGE(is_waiting(second), second.summary());
    CHECK(world.begun("gate") == 0);
    const std::string token = world.make_token("gate");
    REQUIRE(world.answer(ApprovalAction::approve, token) == ApprovalStatus::approved);
    CHECK(world.answer(ApprovalAction::deny, token) == ApprovalStatus::used);
    const Outcome third = world.resume(no_wait(n));
    was_lost_after = third.runner_lost;
    const Outcome last = third.runner_lost ? world.resume(no_wait()) : third;
    REQUIRE_MESSAGE(last.is_success(), last.summary());
    CHECK(world.begun("gate") >= 1);
    CHECK(world.decisions() == 1);
    world.check_results(last);
    world.check_quiet();
  }
  CHECK(!was_lost_before);
  CHECK(!was_lost_after);
}

TEST_CASE("session: wherever a runner is killed, what was denied never runs") {
  bool was_lost = true;
  for (std::uint64_t n = 1; n < k_calls_max && was_lost; ++n) {
    CAPTURE(n);
    Waiting scene(n);
    const std::string token = scene.world.make_token("gate");
    REQUIRE(scene.world.answer(ApprovalAction::deny, token) == ApprovalStatus::denied);
    was_lost = scene.world.resume(no_wait(n)).runner_lost;
    scene.check_end(ApprovalStatus::denied);
  }
  CHECK(!was_lost);
}

// Kills who answers at each write and sync of the disk, or cuts the power. The next answer is the
// opposite one: exactly one of the two counts, and it is the one that was told, if one was.
void answer_twice(Fault::Kind kind, ApprovalAction action) {
  const ApprovalAction opposite =
      action == ApprovalAction::approve ? ApprovalAction::deny : ApprovalAction::approve;
  const auto status_of = [](ApprovalAction which) {
    return which == ApprovalAction::approve ? ApprovalStatus::approved : ApprovalStatus::denied;
  };
  bool was_reached = true;
  bool has_counted_untold = false;
  bool has_been_undone = false;
  for (std::uint64_t n = 1; n < k_calls_max && was_reached; ++n) {
    CAPTURE(n);
    Waiting scene(n);
    World& world = scene.world;
    const std::string token = world.make_token("gate");
    world.disk.set_fault({kind, n});
    const auto first = world.answer(action, token);
    was_reached = world.disk.is_off();
    if (kind == Fault::Kind::killed) {
      world.disk.restart();
    } else {
      world.crash();
    }
    const auto second = world.answer(opposite, token);
    REQUIRE(second);
    if (first) {
      CHECK(*first == status_of(action));
      CHECK(*second == ApprovalStatus::used);
    }
    const bool counted = *second == ApprovalStatus::used;
    if (!counted) CHECK(*second == status_of(opposite));
    has_counted_untold = has_counted_untold || (counted && !first);
    has_been_undone = has_been_undone || !counted;
    scene.check_end(counted ? status_of(action) : status_of(opposite));
  }
  CHECK(!was_reached);
  CHECK(has_been_undone);
  // Who is killed between deciding and saying so has decided all the same.
  if (kind == Fault::Kind::killed) CHECK(has_counted_untold);
}

TEST_CASE("session: wherever who answers is killed, exactly one of two answers counts") {
  answer_twice(Fault::Kind::killed, ApprovalAction::approve);
  answer_twice(Fault::Kind::killed, ApprovalAction::deny);
}

TEST_CASE("session: an answer that was given outlives a loss of power") {
  answer_twice(Fault::Kind::power_at_write, ApprovalAction::approve);
  answer_twice(Fault::Kind::power_after_sync, ApprovalAction::approve);
}

TEST_CASE("session: a runner that is killed while it is answered neither forgets nor repeats it") {
  bool was_lost = true;
  bool was_lost_between = false;  // after the answer and before the node began
  for (std::uint64_t n = 1; n < k_calls_max && was_lost; ++n) {
    CAPTURE(n);
    World world(Backend::hybrid, n);
    world.program = gated_program();
    bool is_answered = false;
    Wishes wishes;
    wishes.run.waits_for_consent = true;
    wishes.lose_runner_at = n;
    wishes.visitor = [&](store::Store& store) {
      if (is_answered) return;
      try {
        const std::string token = make_token_in(store, "gate");
        CHECK(world.begun("gate") == 0);
        CHECK(answer_in(store, ApprovalAction::approve, token) == ApprovalStatus::approved);
        is_answered = true;
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::not_found);  // it does not wait yet
      }
    };
    const Outcome first = world.run(wishes);
    was_lost = first.runner_lost;
    if (!is_answered) CHECK(world.begun("gate") == 0);
    was_lost_between = was_lost_between || (was_lost && is_answered && world.begun("gate") == 0);
    Outcome last = was_lost ? world.go_on(no_wait()) : first;
    if (!is_answered) {
      REQUIRE_MESSAGE(is_waiting(last), last.summary());
      const std::string token = world.make_token("gate");
      REQUIRE(world.answer(ApprovalAction::approve, token) == ApprovalStatus::approved);
      last = world.resume(no_wait());
    }
    REQUIRE_MESSAGE(last.is_success(), last.summary());
    CHECK(world.decisions() == 1);
    world.check_results(last);
    world.check_quiet();
  }
  CHECK(!was_lost);
  CHECK(was_lost_between);
}

TEST_CASE("session: consent is given for one execution, and another asks for itself") {
  Waiting scene(7);
  const std::string token = scene.world.make_token("gate");
  REQUIRE(scene.world.answer(ApprovalAction::approve, token) == ApprovalStatus::approved);
  REQUIRE(is_waiting(scene.world.run(no_wait())));
  CHECK(scene.world.begun("gate") == 0);
  scene.world.check_quiet();
}

}  // namespace
}  // namespace dsched::sim
