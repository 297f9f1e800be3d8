// SPDX-License-Identifier: Apache-2.0
#pragma once
// The policies that share a machine between executions: their names, numbers and limits.
//
// Pure values and functions; engine/arbiter.h decides with them. The numbers are the contract's
// (spec of scheduling, doc/DESIGN.md): they are promised to users and never tuned in code.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"

namespace dsched::engine {

// stored: never renumber
enum class Policy : std::uint8_t {
  round_robin = 0,  // first come, first served; at a quantum's end the holder goes to the back
  priority = 1,     // highest first, first come within one level; waiting raises the level
  fair = 2,         // who has had the least slot time for its weight
};
// "RoundRobin", "Priority", "Fair".
[[nodiscard]] std::string_view name_of(Policy policy);
// Also round_robin, round-robin, rr, prio, cfs; upper and lower case are the same.
[[nodiscard]] std::optional<Policy> policy_from(std::string_view name);

// stored: never renumber
enum class Preemption : std::uint8_t {
  suspend = 0,   // running nodes are stopped when their lease must go back
  boundary = 1,  // a lease goes back when its node has ended
};
[[nodiscard]] std::string_view name_of(Preemption preemption);  // "suspend", "boundary"
[[nodiscard]] std::optional<Preemption> preemption_from(std::string_view name);

inline constexpr Nanoseconds k_quantum_default = std::chrono::milliseconds{100};
inline constexpr Nanoseconds k_quantum_min = std::chrono::milliseconds{1};
inline constexpr Nanoseconds k_quantum_max = std::chrono::seconds{60};
inline constexpr std::uint8_t k_priority_max = 10;
inline constexpr std::uint32_t k_slots_max = 4096;  // of a machine: sys::AttemptTable::k_slots
// Under Priority one level is gained for each so many quanta waited, up to k_priority_max.
inline constexpr std::int64_t k_quanta_per_level = 20;

// "Invalid quantum: N must be between 1ms and 60s", with `text` for N; empty: it is valid.
[[nodiscard]] std::optional<std::string> quantum_fault(Nanoseconds quantum, std::string_view text);
// The number 0 to 10 or one of low, normal, high, urgent; else the message, for a number above 10
// "Priority 15 exceeds maximum (10)".
[[nodiscard]] std::variant<Priority, std::string> priority_from(std::string_view text);

// Slot time counts less for who weighs more: 50 for 0 to 3, 100 for 4 to 7, 200 for 8 to 10.
[[nodiscard]] std::uint32_t fair_weight(Priority priority);
// What `slot_time` adds to the virtual run time: slot_time · 100 / weight.
[[nodiscard]] Nanoseconds virtual_time(Nanoseconds slot_time, Priority priority);
// The level after waiting so long; acts only at quantum ends.
[[nodiscard]] Priority effective_priority(Priority own, Nanoseconds waited, Nanoseconds quantum);

}  // namespace dsched::engine
