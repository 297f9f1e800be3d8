// SPDX-License-Identifier: Apache-2.0
#include "wire/policy_request.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "wire/request_fields.h"

namespace dsched::wire {
namespace {

using nlohmann::json;

[[noreturn]] void refuse_request(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::invalid_request, message, hint);
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number is meant as it stands, a string as it would be typed.
std::string as_typed(std::string_view name, const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) refuse_field(name, "must be a number or a string");
  return value.dump();
}

}  // namespace

engine::Policy policy_in(std::string_view text) {
  const auto policy = engine::policy_from(text);
  if (!policy) refuse_request("Invalid policy. Must be RoundRobin, Priority, or Fair");
  return *policy;
}

Nanoseconds quantum_in(std::string_view text) {
  // Out of range, so that what is no time at all is refused with the same sentence.
  Nanoseconds quantum{0};
  if (const auto micros = whole_number<std::int64_t>(text)) {
    constexpr std::int64_t k_micros_max = 1'000'000'000'000;  // keeps the product within 64 bits
    if (*micros > 0 && *micros < k_micros_max) quantum = std::chrono::microseconds{*micros};
  } else if (const auto duration = duration_from_text(text);
             duration && text.find_first_not_of("0123456789.") != std::string_view::npos) {
    quantum = *duration;
  }
  if (const auto fault = engine::quantum_fault(quantum, escape_for_terminal(text))) {
    refuse_request(*fault, "write it as 100ms, 1s or 250000us; a plain number counts microseconds");
  }
  return quantum;
}

SlotsChoice slots_in(std::string_view text) {
  if (text == "auto") return SlotsOfTheMachine{};
  const auto count = whole_number<std::uint32_t>(text);
  if (!count || *count < 1 || *count > engine::k_slots_max) {
    refuse_request("Invalid slots: " + escape_for_terminal(text) + " must be between 1 and " +
                   std::to_string(engine::k_slots_max) + ", or auto");
  }
  return Slots{*count};
}

engine::Preemption preemption_in(std::string_view text) {
  const auto preemption = engine::preemption_from(text);
  if (!preemption) refuse_request("Invalid preemption. Must be suspend or boundary");
  return *preemption;
}

PolicyChange read_policy_change(std::string_view text) {
  PolicyChange change;
  const auto take_quantum = [&](const char* name, const json& value) {
    if (change.quantum) refuse_field(name, "quantum and quantum_micros are the same thing");
    change.quantum = quantum_in(as_typed(name, value));
  };
  const RequestField fields[] = {
      {"policy", [&](const json& value) { change.policy = policy_in(string_in("policy", value)); }},
      {"quantum_micros",
       [&](const json& value) {
         if (!value.is_number_integer()) {
           refuse_field("quantum_micros", "must be a whole number of microseconds");
         }
         take_quantum("quantum_micros", value);
       }},
      {"quantum", [&](const json& value) { take_quantum("quantum", value); }},
      {"slots", [&](const json& value) { change.slots = slots_in(as_typed("slots", value)); }},
      {"preemption",
       [&](const json& value) {
         change.preemption = preemption_in(string_in("preemption", value));
       }},
  };
  read_request(text, fields);
  return change;
}

PolicyChange merged(const PolicyChange& base, const PolicyChange& over) {
  return {.policy = over.policy ? over.policy : base.policy,
          .quantum = over.quantum ? over.quantum : base.quantum,
          .slots = over.slots ? over.slots : base.slots,
          .preemption = over.preemption ? over.preemption : base.preemption};
}

Priority priority_in(std::string_view text) {
  const auto read = engine::priority_from(text);
  if (const auto* fault = std::get_if<std::string>(&read)) refuse_request(*fault);
  return std::get<Priority>(read);
}

PriorityRequest read_priority_request(std::string_view text) {
  PriorityRequest request;
  const auto wish_for = [&](const char* name, PriorityWish wish) {
    if (request.wish) refuse_field(name, "only one of priority, boost and lower");
    request.wish = wish;
  };
  const RequestField fields[] = {
      {"execution", [&](const json& value) { request.execution = as_typed("execution", value); }},
      {"priority",
       [&](const json& value) { wish_for("priority", priority_in(as_typed("priority", value))); }},
      {"boost",
       [&](const json& value) {
         if (bool_in("boost", value)) wish_for("boost", PriorityStep::boost);
       }},
      {"lower",
       [&](const json& value) {
         if (bool_in("lower", value)) wish_for("lower", PriorityStep::lower);
       }},
  };
  read_request(text, fields);
  return request;
}

std::optional<Priority> stepped(Priority now, const PriorityWish& wish) {
  if (const auto* level = std::get_if<Priority>(&wish)) return *level;
  const bool up = std::get<PriorityStep>(wish) == PriorityStep::boost;
  if (now.level == (up ? engine::k_priority_max : 0)) return std::nullopt;
  return Priority{static_cast<std::uint8_t>(up ? now.level + 1 : now.level - 1)};
}

Error at_the_end(const PriorityWish& wish) {
  const auto* step = std::get_if<PriorityStep>(&wish);
  if (step != nullptr && *step == PriorityStep::boost) {
    return {ErrorKind::denied,
            "Already at maximum priority (" + std::to_string(engine::k_priority_max) + ")"};
  }
  return {ErrorKind::denied, "Already at minimum priority (0)"};
}

}  // namespace dsched::wire
