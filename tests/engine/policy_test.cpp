// SPDX-License-Identifier: Apache-2.0
#include "engine/policy.h"

#include <doctest/doctest.h>

namespace dsched::engine {
namespace {

using namespace std::chrono_literals;

TEST_CASE("engine: a policy is read in any case and by its short names, and printed in one way") {
  const auto printed = [](std::string_view text) -> std::string_view {
    const std::optional<Policy> policy = policy_from(text);
    return policy ? name_of(*policy) : "none";
  };
  for (const char* text : {"RoundRobin", "roundrobin", "ROUND_ROBIN", "round-robin", "rr", "RR"}) {
    CHECK(printed(text) == "RoundRobin");
  }
  for (const char* text : {"Priority", "PRIORITY", "prio"}) CHECK(printed(text) == "Priority");
  for (const char* text : {"Fair", "fair", "cfs", "CFS"}) CHECK(printed(text) == "Fair");
  for (const char* text : {"", "fifo", "Fair ", "round robin", "rrr"}) {
    CHECK(printed(text) == "none");
  }
}

TEST_CASE("engine: a way of preemption is read as it is printed") {
  for (const Preemption way : {Preemption::suspend, Preemption::boundary}) {
    CHECK(preemption_from(name_of(way)) == way);
  }
  CHECK(preemption_from("Suspend") == Preemption::suspend);
  CHECK_FALSE(preemption_from("stop"));
}

TEST_CASE("engine: a quantum is 1 ms to 60 s") {
  CHECK_FALSE(quantum_fault(1ms, "1ms"));
  CHECK_FALSE(quantum_fault(60s, "60s"));
  CHECK(quantum_fault(1ms - 1ns, "999us") == "Invalid quantum: 999us must be between 1ms and 60s");
  CHECK(quantum_fault(60s + 1ns, "61s") == "Invalid quantum: 61s must be between 1ms and 60s");
  CHECK(quantum_fault(0ns, "0"));
}

TEST_CASE("engine: a priority is a number up to 10 or one of four names") {
  const auto level = [](std::string_view text) {
    const auto read = priority_from(text);
    return std::holds_alternative<Priority>(read) ? int{std::get<Priority>(read).level} : -1;
  };
  CHECK(level("0") == 0);
  CHECK(level("10") == 10);
  CHECK(level("low") == 2);
  CHECK(level("normal") == 5);
  CHECK(level("High") == 8);
  CHECK(level("URGENT") == 10);
  for (const char* text : {"", "-1", "5x", " 5", "highest", "0x5", "+5"}) CHECK(level(text) == -1);
  for (const char* text : {"11", "15", "256", "261", "4294967301", "99999999999999999999"}) {
    CHECK(std::get<std::string>(priority_from(text)) ==
          "Priority " + std::string(text) + " exceeds maximum (10)");
  }
}

TEST_CASE("engine: virtual time passes twice as fast below 4 and half as fast above 7") {
  for (std::uint8_t level = 0; level <= k_priority_max; ++level) {
    const std::uint32_t weight = level <= 3 ? 50 : level <= 7 ? 100 : 200;
    CHECK(fair_weight({level}) == weight);
    CHECK(virtual_time(1s, {level}) == Nanoseconds{100s} / weight);
  }
}

TEST_CASE("engine: waiting raises a level each 20 quanta, up to 10") {
  const auto level = [](std::uint8_t own, Nanoseconds waited) {
    return int{effective_priority({own}, waited, 10ms).level};
  };
  CHECK(level(2, 0ns) == 2);
  CHECK(level(2, 200ms - 1ns) == 2);
  CHECK(level(2, 200ms) == 3);
  CHECK(level(2, 1600ms) == 10);
  CHECK(level(2, 1h) == 10);
  CHECK(level(10, 1h) == 10);
  CHECK(level(5, -1s) == 5);
}

}  // namespace
}  // namespace dsched::engine
