// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person asks of the machine's policy, from the words of a command line or as a JSON
// document, checked.
//
// Whatever is wrong is an Error of kind invalid_request whose message names the field or says the
// contract's own sentence ("Invalid policy. Must be RoundRobin, Priority, or Fair").

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/ids.h"
#include "engine/policy.h"

namespace dsched::wire {

// As many slots as the machine itself suggests: "auto".
struct SlotsOfTheMachine {
  bool operator==(const SlotsOfTheMachine&) const = default;
};
using SlotsChoice = std::variant<SlotsOfTheMachine, Slots>;

// Empty members stay as they are.
struct PolicyChange {
  std::optional<engine::Policy> policy;
  std::optional<Nanoseconds> quantum;
  std::optional<SlotsChoice> slots;
  std::optional<engine::Preemption> preemption;
  [[nodiscard]] bool is_empty() const { return *this == PolicyChange{}; }
  bool operator==(const PolicyChange&) const = default;
};

// One value each, as it is typed.
[[nodiscard]] engine::Policy policy_in(std::string_view text);
// "100ms", "1s", "0.5s", "250000us", "1m"; a plain number counts microseconds, as quantum_micros.
[[nodiscard]] Nanoseconds quantum_in(std::string_view text);
// A number from 1 to engine::k_slots_max, or "auto".
[[nodiscard]] SlotsChoice slots_in(std::string_view text);
[[nodiscard]] engine::Preemption preemption_in(std::string_view text);

// {"policy","quantum_micros" or "quantum","slots","preemption"}, all of them optional.
[[nodiscard]] PolicyChange read_policy_change(std::string_view json);
// What `over` says, and else what `base` says.
[[nodiscard]] PolicyChange merged(const PolicyChange& base, const PolicyChange& over);

// One step up or down.
enum class PriorityStep : std::uint8_t { boost, lower };
using PriorityWish = std::variant<Priority, PriorityStep>;

// 0 to 10, or low, normal, high, urgent.
[[nodiscard]] Priority priority_in(std::string_view text);
struct PriorityChange {
  std::string execution;  // its name, as people write it
  PriorityWish wish;
};
struct PriorityRequest {  // as much of it as was said
  std::string execution;
  std::optional<PriorityWish> wish;
};
// {"execution","priority" or "boost": true or "lower": true}, all of them optional.
[[nodiscard]] PriorityRequest read_priority_request(std::string_view json);

// What is wished for, from the level now; empty at the end of the range.
[[nodiscard]] std::optional<Priority> stepped(Priority now, const PriorityWish& wish);
// Of kind denied: "Already at maximum priority (10)", "Already at minimum priority (0)".
[[nodiscard]] Error at_the_end(const PriorityWish& wish);

}  // namespace dsched::wire
