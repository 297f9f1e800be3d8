// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-stats answers about executions and their nodes, as values and as JSON text
// (dsched-stats(1), which names the schemas).
//
// lib/report fills them in; nothing here knows where the figures come from. Each text is one JSON
// object without a line end.

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/failure.h"
#include "base/ids.h"
#include "engine/execution.h"
#include "engine/state.h"
#include "wire/json_writer.h"

namespace dsched::wire {

struct ProgressAnswer {
  std::string dag_id;
  std::string execution_id;
  engine::Counts counts;
  double percentage = 0;
  std::optional<WallTime> estimated_completion;
};

struct ExecutionLine {
  std::uint64_t execution = 0;
  std::string execution_id;
  std::string dag_id;
  engine::ExecutionStatus status = engine::ExecutionStatus::submitted;
  Priority priority;
  engine::Counts counts;
  WallTime submitted_at;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::string initiated_by;
};

struct NodeLine {
  std::string_view node_id;
  engine::NodeState status = engine::NodeState::pending;
  engine::Reason reason = engine::Reason::none;
  std::string_view operation;
  std::uint32_t attempts = 0;
  bool reused = false;
  std::optional<int> exit_code;
  std::optional<WallTime> started_at;   // of the last attempt
  std::optional<WallTime> finished_at;  // of the last attempt
  Nanoseconds wall{0};
  Nanoseconds user{0};
  Nanoseconds system{0};
  std::uint64_t peak_memory_kib = 0;
  std::optional<Digest> key;
  std::optional<Digest> digest;
};

[[nodiscard]] std::string to_json(const ProgressAnswer& answer,
                                  JsonWriter::Layout layout = JsonWriter::Layout::compact);
[[nodiscard]] std::string to_json(const ExecutionLine& line);
[[nodiscard]] std::string to_json(const NodeLine& line);

// One digit behind the point, rounded down: 100.0 means that nothing more will run.
[[nodiscard]] std::string percentage_text(double percentage);

}  // namespace dsched::wire
