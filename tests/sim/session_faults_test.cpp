// SPDX-License-Identifier: Apache-2.0
// Whole sessions on a disk that fails or loses its power, with runners that vanish and results that
// are damaged. What was told completed stays completed, and no wrong byte reaches anybody.
//
// A failing case prints its line: run it alone with
//   DSCHED_SIM_CASE="backend=1 fault=3 at=17 seed=4" sim_test -tc="session: one case*"
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "session_world.h"

namespace dsched::sim {
namespace {

using namespace std::chrono_literals;
using store::Backend;

constexpr Backend k_backends[] = {Backend::hybrid, Backend::sqlite, Backend::filesystem};

// Sanitizers make everything several times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t k_stride = 37;
constexpr std::uint64_t k_seeds = 20;
#else
constexpr std::uint64_t k_stride = 1;
constexpr std::uint64_t k_seeds = 200;
#endif

struct Case {
  int backend = 0;
  int fault = 0;
  std::uint64_t at = 0;
  std::uint64_t seed = 1;
};

std::string describe(const Case& what) {
  return "backend=" + std::to_string(what.backend) + " fault=" + std::to_string(what.fault) +
         " at=" + std::to_string(what.at) + " seed=" + std::to_string(what.seed);
}

// One of everything: a small result, a large one, one without key, values in memory, an output, a
// retry, a log, a twin, and time enough for a sync on the way.
Program everything() {
  Program program;
  program.add({.id = "small", .size = 60})
      .add({.id = "large", .arguments = {"small"}, .size = 70'000, .duration = 1200ms})
      .add({.id = "keyless", .arguments = {"small"}, .declares_inputs = false})
      .add({.id = "value", .does = Does::constant})
      .add({.id = "joined", .arguments = {"value", "small"}, .does = Does::concat})
      .add({.id = "flaky", .needs = {"large"}, .fails = 1, .retries = 9, .says = "it rains"})
      .add({.id = "twin", .size = 60, .same_as = "small"})
      .add({.id = "end",
            .arguments = {"large", "keyless", "joined", "flaky", "twin"},
            .size = 5000,
            .outputs = {"end.out"},
            .duration = 300ms});
  return program;
}

bool is_power_cut(Fault::Kind kind) {
  return kind == Fault::Kind::power_at_write || kind == Fault::Kind::power_after_sync;
}

// A run against one fault, then a resume in a world that is well again. False when the fault was
// never reached.
bool survive(const Case& what) {
  INFO("reproduce: ", describe(what));
  const auto kind = static_cast<Fault::Kind>(what.fault);
  World world(k_backends[what.backend], what.seed);
  world.program = everything();
  world.disk.set_fault({kind, what.at});
  const Outcome first = world.run();
  if (first.error) {
    INFO(first.message);
    CHECK((first.error == ErrorKind::storage || first.error == ErrorKind::environment));
  }
  world.check_results(first);
  const bool was_reached = first.error || !first.is_success() || world.disk.is_off();
  if (is_power_cut(kind)) world.crash();
  world.heal();
  const Outcome second = world.go_on();
  INFO("resumed: ", second.summary());
  CHECK(second.is_success());
  CHECK(second.result("end"));
  world.check_results(second);
  CHECK(world.files["end.out"] ==
        output_bytes("end.out", world.program.expected("end", world.files)));
  world.check_quiet();
  return was_reached;
}

void survive_every(Fault::Kind kind, std::uint64_t seeds) {
  for (int backend = 0; backend < 3; ++backend) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      // Some failures are harmless (at closing), so a few unreached in a row mean the end.
      int unreached = 0;
      for (std::uint64_t at = 1 + seed % k_stride; unreached < 12; at += k_stride) {
        const bool reached = survive({backend, static_cast<int>(kind), at, seed});
        unreached = reached ? 0 : unreached + 1;
      }
    }
  }
}

TEST_CASE("session: a resume completes what a run began when the n-th write found no space") {
  survive_every(Fault::Kind::no_space, 1);
}

TEST_CASE("session: a resume completes what a run began when the n-th write failed") {
  survive_every(Fault::Kind::io_error, 1);
}

TEST_CASE("session: a resume keeps what was told and synced when power went at the n-th write") {
  survive_every(Fault::Kind::power_at_write, 1);
}

TEST_CASE("session: a resume keeps what was told and synced when power went after the n-th sync") {
  survive_every(Fault::Kind::power_after_sync, 4);
}

// A random program whose runner vanishes or is interrupted again and again.
void lose_runners(const Case& what) {
  INFO("reproduce: ", describe(what));
  std::mt19937_64 dice(what.seed);
  World world(k_backends[what.backend], what.seed);
  world.program = random_program(what.seed);
  if (what.seed % 2 == 0) add_map(world.program, what.seed);
  if (what.seed % 3 > 0) add_streams(world.program, what.seed);
  for (int round = 0; round < 6; ++round) {
    Wishes wishes;
    wishes.run.width = Slots{static_cast<std::uint32_t>(1 + dice() % 4)};
    if (dice() % 3 > 0) wishes.lose_runner_at = 1 + dice() % 80;
    if (dice() % 3 == 0) wishes.requests[1 + dice() % 12] = session::Request::interrupt;
    if (dice() % 4 == 0) wishes.requests[1 + dice() % 12] = session::Request::terminate;
    if (dice() % 4 == 0) wishes.requests[1 + dice() % 12] = session::Request::suspend;
    if (dice() % 5 == 0) {
      wishes.requests[1] = session::Request::interrupt;
      wishes.requests[2] = session::Request::interrupt;
    }
    const Outcome outcome = world.go_on(wishes);
    CHECK_FALSE(outcome.error);
    world.check_results(outcome);
  }
  const Outcome last = world.go_on();
  INFO("ended: ", last.summary());
  CHECK(last.is_success());
  world.check_results(last);
  world.check_quiet();
}

TEST_CASE("session: no completed node runs again however often the runner vanishes") {
  for (std::uint64_t seed = 1; seed <= k_seeds; ++seed) {
    lose_runners({static_cast<int>(seed % 3), -1, 0, seed});
  }
}

// A random program run twice, with some results damaged and some commands changed in between.
void damage(const Case& what) {
  INFO("reproduce: ", describe(what));
  std::mt19937_64 dice(what.seed);
  World world(k_backends[what.backend], what.seed);
  world.program = random_program(what.seed);
  if (what.seed % 2 == 0) add_map(world.program, what.seed);
  if (what.seed % 3 == 0) add_streams(world.program, what.seed);
  const bool interrupted = dice() % 3 == 0;
  Wishes wishes;
  if (interrupted) wishes.requests[3 + dice() % 10] = session::Request::interrupt;
  world.run(wishes);
  const std::size_t nodes = world.program.nodes().size();
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::string id = world.program.nodes()[i].id;
    if (dice() % 3 == 0) world.damage_result(id);
    // Small ones stand in the journal as well, in the result of the map.
    const NodeSketch node = world.program.nodes()[i];
    const bool is_large_map = node.does == Does::map && node.size >= 5000;
    for (std::size_t k = 0; is_large_map && k < node.width; ++k) {
      if (dice() % 3 == 0) world.damage_result(id + "." + std::to_string(k));
    }
    if (!interrupted && dice() % 4 == 0) world.program.change(id).size += 1;
  }
  const Outcome outcome = interrupted ? world.resume() : world.run();
  INFO("ended: ", outcome.summary());
  CHECK(outcome.is_success());
  world.check_results(outcome);
  for (const std::string& wrong : world.history.wrong) FAIL_CHECK(wrong);
}

TEST_CASE("session: damaged results are made again and no wrong byte reaches anybody") {
  for (std::uint64_t seed = 1; seed <= k_seeds; ++seed) {
    damage({static_cast<int>(seed % 3), -2, 0, seed});
  }
}

TEST_CASE("session: one case named by DSCHED_SIM_CASE survives") {
  const char* line = std::getenv("DSCHED_SIM_CASE");
  if (line == nullptr) return;
  Case what;
  unsigned long at = 0;
  unsigned long seed = 0;
  REQUIRE(std::sscanf(line, "backend=%d fault=%d at=%lu seed=%lu", &what.backend, &what.fault, &at,
                      &seed) == 4);
  what.at = at;
  what.seed = seed;
  if (what.fault == -1) {
    lose_runners(what);
  } else if (what.fault == -2) {
    damage(what);
  } else {
    survive(what);
  }
}

}  // namespace
}  // namespace dsched::sim
