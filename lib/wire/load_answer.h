// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-stats answers about a store and the machine as a whole: status, scheduler,
// statistics, wait; and why a node of an execution does not run. Values and their JSON text.
//
// The fields are the contract's (dsched-stats(1)). Utilisations are fractions, latencies
// milliseconds. Each text is one JSON object without a line end.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "wire/json_writer.h"

namespace dsched::wire {

struct StatusAnswer {
  bool is_running = false;  // some execution has a living runner
  std::uint64_t active = 0;
  std::uint64_t queued = 0;
  std::uint64_t completed = 0;
  double slot_utilization = 0;
  double memory_utilization = 0;
  Slots slots;
  WallTime last_update;
};

struct SchedulerProcess {
  std::int64_t pid = 0;
  std::string execution_id;
  Priority priority;
  Priority effective_priority;
  Nanoseconds virtual_time{0};
  Nanoseconds slot_time{0};
  Slots held;
  Slots wanted;
  bool is_current = false;  // holds the latest lease
};

struct SchedulerAnswer {
  std::uint64_t total_scheduled = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t preemptions = 0;
  std::string_view policy;
  Nanoseconds quantum{0};
  std::vector<SchedulerProcess> processes;
};

struct Percentiles {
  std::optional<Nanoseconds> p50;
  std::optional<Nanoseconds> p95;
  std::optional<Nanoseconds> p99;
};

struct StatisticsAnswer {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t active = 0;
  std::uint64_t queued = 0;
  std::uint64_t reused = 0;
  Nanoseconds processing{0};
  double requests_per_second = 0;
  std::optional<double> tokens_per_second;
  Percentiles latency;
  Percentiles queue_time;
  std::optional<double> batch_utilization;
  std::optional<WallTime> start;
  // Holds by construction: nobody can count a request and not say what became of it.
  [[nodiscard]] std::uint64_t total() const {
    return completed + failed + cancelled + active + queued;
  }
};

struct WaitAnswer {
  std::optional<Nanoseconds> estimated;
};

// Why a node does not run at this moment.
struct WaitingLine {
  std::string_view node_id;
  std::string_view waits_for;           // a word of the closed list in report/waiting.h
  std::string pool;                     // for "pool"
  std::optional<WallTime> until;        // for "backoff"
  std::vector<std::string_view> nodes;  // for "dependency": the first few
  std::uint64_t nodes_in_all = 0;
  std::string explanation;  // a sentence for people
};

using Layout = JsonWriter::Layout;
[[nodiscard]] std::string to_json(const StatusAnswer& answer, Layout layout);
[[nodiscard]] std::string to_json(const SchedulerAnswer& answer, Layout layout);
[[nodiscard]] std::string to_json(const StatisticsAnswer& answer, Layout layout);
[[nodiscard]] std::string to_json(const WaitAnswer& answer, Layout layout);
[[nodiscard]] std::string to_json(const WaitingLine& line);

}  // namespace dsched::wire
