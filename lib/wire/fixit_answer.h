// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-fixit answers, as a value, as a JSON document and as lines for people
// (dsched-fixit(1), schemas/fixit-answer.schema.json).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/fixit_rules.h"
#include "wire/json_writer.h"

namespace dsched::wire {

enum class FixResult : std::uint8_t { fixed, failed, skipped, would_retry };

struct FixedTask {
  std::string task_id;
  std::string name;
  std::string previous_status;
  std::string new_status;
  std::string action;  // what was done, or would be
  std::uint32_t retries = 0;
  std::string reason;
  FixResult result = FixResult::skipped;
};

struct FixAnswer {
  std::string id;  // of this run of fix-it
  engine::FixMode mode = engine::FixMode::balanced;
  bool dry_run = false;
  std::vector<FixedTask> tasks;
  std::string by;
  WallTime began;
  std::optional<WallTime> ended;
  std::vector<std::string> warnings;
  std::string audit_head;
  [[nodiscard]] std::uint64_t count(FixResult result) const;
  [[nodiscard]] std::string_view status() const;
  [[nodiscard]] std::string message() const;
  // Whatever was tried came to a good end.
  [[nodiscard]] bool is_success() const { return count(FixResult::failed) == 0; }
};

[[nodiscard]] std::string fix_document(const FixAnswer& answer, JsonWriter::Layout layout);
[[nodiscard]] std::string fix_lines(const FixAnswer& answer);

}  // namespace dsched::wire
