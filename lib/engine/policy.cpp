// SPDX-License-Identifier: Apache-2.0
#include "engine/policy.h"

#include <algorithm>
#include <charconv>

namespace dsched::engine {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& letter : out) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::string_view name_of(Policy policy) {
  switch (policy) {
    case Policy::round_robin:
      return "RoundRobin";
    case Policy::priority:
      return "Priority";
    case Policy::fair:
      break;
  }
  return "Fair";
}

std::optional<Policy> policy_from(std::string_view name) {
  const std::string low = lower(name);
  for (const char* word : {"roundrobin", "round_robin", "round-robin", "rr"}) {
    if (low == word) return Policy::round_robin;
  }
  if (low == "priority" || low == "prio") return Policy::priority;
  if (low == "fair" || low == "cfs") return Policy::fair;
  return std::nullopt;
}

std::string_view name_of(Preemption preemption) {
  return preemption == Preemption::suspend ? "suspend" : "boundary";
}

std::optional<Preemption> preemption_from(std::string_view name) {
  const std::string low = lower(name);
  if (low == "suspend") return Preemption::suspend;
  if (low == "boundary") return Preemption::boundary;
  return std::nullopt;
}

std::optional<std::string> quantum_fault(Nanoseconds quantum, std::string_view text) {
  if (quantum >= k_quantum_min && quantum <= k_quantum_max) return std::nullopt;
  return "Invalid quantum: " + std::string(text) + " must be between 1ms and 60s";
}

std::variant<Priority, std::string> priority_from(std::string_view text) {
  const std::string low = lower(text);
  if (low == "low") return Priority{2};
  if (low == "normal") return Priority{5};
  if (low == "high") return Priority{8};
  if (low == "urgent") return Priority{10};
  std::uint64_t level = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), level);
  if (text.empty() || end != text.data() + text.size() || problem == std::errc::invalid_argument) {
    return "Invalid priority: " + std::string(text) +
           " must be 0 to 10, low, normal, high or urgent";
  }
  if (problem == std::errc::result_out_of_range || level > k_priority_max) {
    return "Priority " + std::string(text) + " exceeds maximum (10)";
  }
  return Priority{static_cast<std::uint8_t>(level)};
}

std::uint32_t fair_weight(Priority priority) {
  if (priority.level <= 3) return 50;
  return priority.level <= 7 ? 100 : 200;
}

Nanoseconds virtual_time(Nanoseconds slot_time, Priority priority) {
  return slot_time * 100 / fair_weight(priority);
}

Priority effective_priority(Priority own, Nanoseconds waited, Nanoseconds quantum) {
  const std::int64_t gained = waited / (quantum * k_quanta_per_level);
  const std::int64_t level = own.level + std::max<std::int64_t>(gained, 0);
  return {static_cast<std::uint8_t>(std::min<std::int64_t>(level, k_priority_max))};
}

}  // namespace dsched::engine
