// SPDX-License-Identifier: Apache-2.0
#pragma once
// The situation report as a value and as a JSON document (dsched-stats(1),
// schemas/stats-sitrep.schema.json). What follows from the figures is decided here: levels, health,
// rates.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/execution.h"
#include "wire/json_writer.h"

namespace dsched::wire {

enum class Health : std::uint8_t { healthy, degraded, critical, unknown };
[[nodiscard]] std::string_view name_of(Health health);

// By the share of goals of open executions that have a result.
[[nodiscard]] std::string_view defense_level(double coverage);

struct RecentTask {
  std::string task_id;
  std::string name;
  std::string_view status;  // pending, in_progress, completed, failed, cancelled
  std::string description;
  std::optional<WallTime> started_at;
  std::optional<WallTime> completed_at;
  std::optional<Nanoseconds> duration;
  std::string error;  // empty: none
};

// A whole command, and why it should be given.
struct ImmediateAction {
  std::string command;
  std::string reason;
  int urgency = 0;  // the least first
};
struct WatchItem {
  std::string_view kind;  // slow_execution, slow_node, near_timeout, approval, disk, failed
  std::string object;     // a task, an execution, or what else it is
  std::string reason;
};
// An execution that stands still, and why.
struct StandingStill {
  std::uint64_t execution = 0;
  std::string dag_id;
  engine::ExecutionStatus status = engine::ExecutionStatus::running;
  std::string_view reason;  // no_slot, approval, decision, backoff, dependency_failed, failed,
                            // runner_gone, paused
  std::string explanation;
};

struct SitrepAnswer {
  WallTime at;
  engine::Counts counts;  // of all executions on record
  std::vector<RecentTask> recent;
  std::uint64_t goals = 0;          // of open executions
  std::uint64_t goals_covered = 0;  // that have a result
  std::uint64_t critical_gaps = 0;  // that cannot complete without a person
  double slot_utilization = 0;
  Health health = Health::healthy;
  std::vector<ImmediateAction> actions;
  std::vector<WatchItem> watch;
  std::vector<StandingStill> still;
  WallTime last_update;  // of anything on record
  std::string error;     // of a store that cannot be read

  [[nodiscard]] double coverage() const;
  [[nodiscard]] double success_rate() const;
  [[nodiscard]] double completion_rate() const;
  [[nodiscard]] bool is_crisis() const;
};

[[nodiscard]] std::string to_json(const SitrepAnswer& answer, JsonWriter::Layout layout);

}  // namespace dsched::wire
