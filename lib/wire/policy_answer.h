// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-policy answers (dsched-policy(1), schemas/policy.schema.json and its like), as JSON
// text and for people.

#include <cstdint>
#include <optional>
#include <string>

#include "engine/arbiter.h"
#include "wire/json_writer.h"

namespace dsched::wire {

struct NextAnswer {
  std::int32_t pid = 0;  // of its dsched-run
  std::string execution_id;
};

struct PriorityAnswer {
  std::string execution_id;
  std::uint64_t execution = 0;
  Priority priority;
  Priority before;
  bool is_running = false;  // false: recorded for when it is resumed
  std::string audit_head;   // of the store
};

// Documents, each with a line feed at its end. `audit_head` is that of the store in which a change
// was recorded; empty: in none.
[[nodiscard]] std::string policy_document(const engine::MachineSettings& settings,
                                          JsonWriter::Layout layout,
                                          const std::string& audit_head = {});
// Empty: nobody wants a slot.
[[nodiscard]] std::string next_document(const std::optional<NextAnswer>& next,
                                        JsonWriter::Layout layout);
[[nodiscard]] std::string priority_document(const PriorityAnswer& answer,
                                            JsonWriter::Layout layout);

// The same for people.
[[nodiscard]] std::string policy_lines(const engine::MachineSettings& settings);
[[nodiscard]] std::string next_line(const std::optional<NextAnswer>& next);
[[nodiscard]] std::string priority_line(const PriorityAnswer& answer);

// "100ms", "1s", "1500us": the largest unit that needs no fraction.
[[nodiscard]] std::string quantum_text(Nanoseconds quantum);

}  // namespace dsched::wire
