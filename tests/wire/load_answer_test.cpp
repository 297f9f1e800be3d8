// SPDX-License-Identifier: Apache-2.0
#include "wire/load_answer.h"

#include <doctest/doctest.h>

namespace dsched::wire {
namespace {

using namespace std::chrono_literals;
constexpr Layout k_compact = Layout::compact;

TEST_CASE("wire: status has the fields of the contract in their order") {
  StatusAnswer answer;
  answer.is_running = true;
  answer.active = 2;
  answer.queued = 3;
  answer.completed = 4;
  answer.slot_utilization = 0.5;
  answer.memory_utilization = 0.25;
  answer.slots = {4};
  answer.last_update = WallTime{1s};
  CHECK(to_json(answer, k_compact) ==
        R"({"success":true,"is_running":true,"active_requests":2,"queued_requests":3,)"
        R"("completed_requests":4,"slot_utilization":0.5,"memory_utilization":0.25,"slots":4,)"
        R"("last_update_time":"1970-01-01T00:00:01.000Z"})");
}

TEST_CASE("wire: scheduler has the fields of the contract in their order, times in microseconds") {
  SchedulerAnswer answer;
  answer.total_scheduled = 7;
  answer.context_switches = 6;
  answer.preemptions = 5;
  answer.policy = "Fair";
  answer.quantum = 100ms;
  SchedulerProcess process;
  process.pid = 1234;
  process.execution_id = "0199";
  process.priority = {5};
  process.effective_priority = {6};
  process.virtual_time = 3ms;
  process.slot_time = 4ms;
  process.held = {1};
  process.wanted = {2};
  process.is_current = true;
  answer.processes = {process};
  CHECK(to_json(answer, k_compact) ==
        R"({"success":true,"stats":{"total_scheduled":7,"context_switches":6,"preemptions":5,)"
        R"("active_processes":1,"policy":"Fair","quantum_micros":100000},"processes":[)"
        R"({"pid":1234,"execution_id":"0199","priority":5,"effective_priority":6,)"
        R"("vruntime_micros":3000,"cpu_time_micros":4000,"slots_held":1,"slots_wanted":2,)"
        R"("is_current":true}]})");
}

TEST_CASE("wire: statistics of nothing have zeros and nulls") {
  CHECK(
      to_json(StatisticsAnswer{}, k_compact) ==
      R"({"success":true,"total_requests":0,"total_completed_requests":0,)"
      R"("total_failed_requests":0,"total_cancelled_requests":0,"total_reused":0,"total_processing_time_s":0.0,)"
      R"("average_requests_per_second":0.0,"average_tokens_per_second":null,)"
      R"("p50_latency_ms":null,"p95_latency_ms":null,"p99_latency_ms":null,)"
      R"("queue_time_ms":{"p50":null,"p95":null,"p99":null},)"
      R"("average_batch_utilization":null,"start_time":null})");
}

TEST_CASE("wire: statistics count in milliseconds and seconds, and the total is the sum") {
  StatisticsAnswer answer;
  answer.completed = 5;
  answer.failed = 1;
  answer.queued = 2;
  answer.processing = 1500ms;
  answer.latency.p50 = 1250us;
  answer.queue_time.p99 = 2ms;
  const std::string text = to_json(answer, k_compact);
  CHECK(text.find(R"("total_requests":8,)") != std::string::npos);
  CHECK(text.find(R"("total_processing_time_s":1.5,)") != std::string::npos);
  CHECK(text.find(R"("p50_latency_ms":1.25,)") != std::string::npos);
  CHECK(text.find(R"("queue_time_ms":{"p50":null,"p95":null,"p99":2.0})") != std::string::npos);
}

TEST_CASE("wire: a waiting time is in seconds, or null") {
  CHECK(to_json(WaitAnswer{}, k_compact) == R"({"success":true,"estimated_wait_s":null})");
  CHECK(to_json(WaitAnswer{1500ms}, k_compact) == R"({"success":true,"estimated_wait_s":1.5})");
}

TEST_CASE("wire: the line of a node that waits says for what") {
  WaitingLine line;
  line.node_id = "all";
  line.waits_for = "dependency";
  line.nodes = {"a", "b"};
  line.nodes_in_all = 7;
  line.explanation = "waits for a, b and 5 more";
  CHECK(to_json(line) ==
        R"({"node_id":"all","waits_for":"dependency","pool":null,"until":null,)"
        R"("nodes":["a","b"],"nodes_total":7,"explanation":"waits for a, b and 5 more"})");
}

}  // namespace
}  // namespace dsched::wire
