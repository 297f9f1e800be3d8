// SPDX-License-Identifier: Apache-2.0
#include "wire/policy_request.h"

#include <doctest/doctest.h>

#include <functional>

#include "base/error.h"

namespace dsched::tests {

using namespace std::chrono_literals;
using namespace wire;
using engine::Policy;
using engine::Preemption;

namespace {

// The message of the Error that `call` throws, which is of kind invalid_request; else empty.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::invalid_request);
    return error.what();
  }
  return {};
}

std::string refused_change(std::string_view json) {
  return refusal([&] { (void)read_policy_change(json); });
}
std::string refused_priority(std::string_view json) {
  return refusal([&] { (void)read_priority_request(json); });
}

}  // namespace

TEST_CASE("wire: a policy that does not exist is refused in the contract's words") {
  for (const char* name : {"", "Lottery", "Fai", "Fair ", "Round Robin"}) {
    CAPTURE(name);
    CHECK(refusal([&] { (void)policy_in(name); }) ==
          "Invalid policy. Must be RoundRobin, Priority, or Fair");
  }
  CHECK(policy_in("rr") == Policy::round_robin);
  CHECK(policy_in("CFS") == Policy::fair);
  CHECK(policy_in("Prio") == Policy::priority);
}

TEST_CASE("wire: a quantum is a time, or a number of microseconds") {
  const std::pair<const char*, Nanoseconds> cases[] = {
      {"100ms", 100ms}, {"1s", 1s},        {"0.5s", 500ms}, {"250000us", 250ms}, {"1500", 1500us},
      {"1000", 1ms},    {"60000000", 60s}, {"1m", 60s},     {"60s", 60s},        {"1.5ms", 1500us},
  };
  for (const auto& [text, quantum] : cases) {
    CAPTURE(text);
    CHECK(quantum_in(text) == quantum);
  }
}

TEST_CASE("wire: a quantum out of range, or no time at all, is refused with what was written") {
  for (const char* text : {"999", "0", "-5", "100", "61s", "2m", "60000001", "999us", "", "soon",
                           "1.5", "1e300s", "99999999999999999999", "1h", "10 ms"}) {
    CAPTURE(text);
    CHECK(refusal([&] { (void)quantum_in(text); }) ==
          "Invalid quantum: " + std::string(text) + " must be between 1ms and 60s");
  }
}

TEST_CASE("wire: slots are a number or auto") {
  CHECK(std::get<Slots>(slots_in("1")) == Slots{1});
  CHECK(std::get<Slots>(slots_in("4096")) == Slots{4096});
  CHECK(std::holds_alternative<SlotsOfTheMachine>(slots_in("auto")));
  for (const char* text : {"0", "-1", "4097", "two", "", "1.5", "4 "}) {
    CAPTURE(text);
    CHECK(refusal([&] { (void)slots_in(text); }) ==
          "Invalid slots: " + std::string(text) + " must be between 1 and 4096, or auto");
  }
}

TEST_CASE("wire: a policy request takes what it names and leaves the rest") {
  CHECK(read_policy_change("{}").is_empty());
  CHECK(read_policy_change(R"({"policy": "Priority"})") ==
        PolicyChange{.policy = Policy::priority, .quantum = {}, .slots = {}, .preemption = {}});
  CHECK(read_policy_change(R"({"policy": "rr", "quantum_micros": 2000, "slots": 3, // all
                               "preemption": "boundary"})") ==
        PolicyChange{.policy = Policy::round_robin,
                     .quantum = 2ms,
                     .slots = Slots{3},
                     .preemption = Preemption::boundary});
  CHECK(
      read_policy_change(R"({"quantum": "20ms", "slots": "auto"})") ==
      PolicyChange{.policy = {}, .quantum = 20ms, .slots = SlotsOfTheMachine{}, .preemption = {}});
  CHECK(read_policy_change(R"({"quantum": 5000})").quantum == 5ms);
}

TEST_CASE("wire: the faults of a policy request are named") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the request is not JSON"},
      {"{", "the request is not JSON"},
      {"[]", "the request must be a JSON object"},
      {"null", "the request must be a JSON object"},
      {R"({"polcy": "Fair"})", "field polcy: unknown; did you mean policy?"},
      {R"({"colour": 1})", "field colour: unknown"},
      {R"({"policy": 1})", "field policy: must be a string"},
      {R"({"policy": "x"})", "Invalid policy. Must be RoundRobin, Priority, or Fair"},
      {R"({"policy": "rr", "policy": "Fair"})", "field policy: is there twice"},
      {R"({"quantum_micros": "100ms"})",
       "field quantum_micros: must be a whole number of microseconds"},
      {R"({"quantum_micros": 1.5})",
       "field quantum_micros: must be a whole number of microseconds"},
      {R"({"quantum_micros": 999})", "Invalid quantum: 999 must be between 1ms and 60s"},
      {R"({"quantum_micros": -1})", "Invalid quantum: -1 must be between 1ms and 60s"},
      {R"({"quantum": "1s", "quantum_micros": 1000})",
       "field quantum_micros: quantum and quantum_micros are the same thing"},
      {R"({"quantum": true})", "field quantum: must be a number or a string"},
      {R"({"slots": 0})", "Invalid slots: 0 must be between 1 and 4096, or auto"},
      {R"({"slots": null})", "field slots: must be a number or a string"},
      {R"({"preemption": "never"})", "Invalid preemption. Must be suspend or boundary"},
  };
  for (const auto& [json, message] : cases) {
    CAPTURE(json);
    CHECK(refused_change(json) == message);
  }
}

TEST_CASE("wire: what the command line says overrides the request") {
  const PolicyChange base = read_policy_change(R"({"policy": "Fair", "quantum": "1s"})");
  const PolicyChange over{
      .policy = Policy::priority, .quantum = {}, .slots = Slots{2}, .preemption = {}};
  CHECK(
      merged(base, over) ==
      PolicyChange{.policy = Policy::priority, .quantum = 1s, .slots = Slots{2}, .preemption = {}});
}

TEST_CASE("wire: priorities have names, numbers and an end") {
  CHECK(priority_in("low") == Priority{2});
  CHECK(priority_in("normal") == Priority{5});
  CHECK(priority_in("high") == Priority{8});
  CHECK(priority_in("urgent") == Priority{10});
  CHECK(priority_in("0") == Priority{0});
  CHECK(refusal([] { (void)priority_in("15"); }) == "Priority 15 exceeds maximum (10)");
  CHECK(!refusal([] { (void)priority_in("-1"); }).empty());
  CHECK(!refusal([] { (void)priority_in("bold"); }).empty());
}

TEST_CASE("wire: a step beyond the range is denied") {
  CHECK(stepped({5}, PriorityStep::boost) == Priority{6});
  CHECK(stepped({5}, PriorityStep::lower) == Priority{4});
  CHECK(stepped({5}, Priority{0}) == Priority{0});
  CHECK(stepped({10}, PriorityStep::boost) == std::nullopt);
  CHECK(stepped({0}, PriorityStep::lower) == std::nullopt);
  CHECK(stepped({10}, Priority{10}) == Priority{10});
  CHECK(at_the_end(PriorityStep::boost).what() == std::string("Already at maximum priority (10)"));
  CHECK(at_the_end(PriorityStep::lower).what() == std::string("Already at minimum priority (0)"));
  CHECK(at_the_end(PriorityStep::lower).kind() == ErrorKind::denied);
}

TEST_CASE("wire: a priority request names an execution and one wish") {
  const PriorityRequest request = read_priority_request(R"({"execution": 17, "priority": "high"})");
  CHECK(request.execution == "17");
  CHECK(request.wish == PriorityWish(Priority{8}));
  CHECK(read_priority_request(R"({"execution": "@latest", "boost": true})").wish ==
        PriorityWish(PriorityStep::boost));
  CHECK(read_priority_request(R"({"lower": true, "boost": false})").wish ==
        PriorityWish(PriorityStep::lower));
  CHECK(!read_priority_request(R"({"execution": "a"})").wish);
  const std::pair<const char*, const char*> cases[] = {
      {R"({"priority": 15})", "Priority 15 exceeds maximum (10)"},
      {R"({"boost": 1})", "field boost: must be true or false"},
      {R"({"boost": true, "lower": true})", "field lower: only one of priority, boost and lower"},
      {R"({"prio": 3})", "field prio: unknown"},
      {R"({"prioritty": 3})", "field prioritty: unknown; did you mean priority?"},
  };
  for (const auto& [json, message] : cases) {
    CAPTURE(json);
    CHECK(refused_priority(json) == message);
  }
}

}  // namespace dsched::tests
