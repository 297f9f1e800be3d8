// SPDX-License-Identifier: Apache-2.0
#include "wire/load_answer.h"

#include "base/time_text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

double in_seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::int64_t in_micros(Nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

void real_or_null(JsonWriter& out, std::string_view name, std::optional<double> value) {
  out.key(name);
  if (value) {
    out.real(*value);
  } else {
    out.null();
  }
}

std::optional<double> in_ms(std::optional<Nanoseconds> time) {
  if (!time) return std::nullopt;
  return std::chrono::duration<double, std::milli>(*time).count();
}

void write_process(JsonWriter& out, const SchedulerProcess& process) {
  out.begin_object();
  out.key("pid").number(process.pid);
  out.key("execution_id").text(process.execution_id);
  out.key("priority").number(std::uint64_t{process.priority.level});
  out.key("effective_priority").number(std::uint64_t{process.effective_priority.level});
  out.key("vruntime_micros").number(in_micros(process.virtual_time));
  out.key("cpu_time_micros").number(in_micros(process.slot_time));
  out.key("slots_held").number(std::uint64_t{process.held.count});
  out.key("slots_wanted").number(std::uint64_t{process.wanted.count});
  out.key("is_current").boolean(process.is_current);
  out.end_object();
}

}  // namespace

std::string to_json(const StatusAnswer& answer, Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("is_running").boolean(answer.is_running);
  out.key("active_requests").number(answer.active);
  out.key("queued_requests").number(answer.queued);
  out.key("completed_requests").number(answer.completed);
  out.key("slot_utilization").real(answer.slot_utilization);
  out.key("memory_utilization").real(answer.memory_utilization);
  out.key("slots").number(std::uint64_t{answer.slots.count});
  out.key("last_update_time").text(to_rfc3339(answer.last_update));
  out.end_object();
  return out.take();
}

std::string to_json(const SchedulerAnswer& answer, Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("stats").begin_object();
  out.key("total_scheduled").number(answer.total_scheduled);
  out.key("context_switches").number(answer.context_switches);
  out.key("preemptions").number(answer.preemptions);
  out.key("active_processes").number(std::uint64_t{answer.processes.size()});
  out.key("policy").text(answer.policy);
  out.key("quantum_micros").number(in_micros(answer.quantum));
  out.end_object();
  out.key("processes").begin_array();
  for (const SchedulerProcess& process : answer.processes) write_process(out, process);
  out.end_array();
  out.end_object();
  return out.take();
}

std::string to_json(const StatisticsAnswer& answer, Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("total_requests").number(answer.total());
  out.key("total_completed_requests").number(answer.completed);
  out.key("total_failed_requests").number(answer.failed);
  out.key("total_cancelled_requests").number(answer.cancelled);
  out.key("total_reused").number(answer.reused);
  out.key("total_processing_time_s").real(in_seconds(answer.processing));
  out.key("average_requests_per_second").real(answer.requests_per_second);
  real_or_null(out, "average_tokens_per_second", answer.tokens_per_second);
  real_or_null(out, "p50_latency_ms", in_ms(answer.latency.p50));
  real_or_null(out, "p95_latency_ms", in_ms(answer.latency.p95));
  real_or_null(out, "p99_latency_ms", in_ms(answer.latency.p99));
  out.key("queue_time_ms").begin_object();
  real_or_null(out, "p50", in_ms(answer.queue_time.p50));
  real_or_null(out, "p95", in_ms(answer.queue_time.p95));
  real_or_null(out, "p99", in_ms(answer.queue_time.p99));
  out.end_object();
  real_or_null(out, "average_batch_utilization", answer.batch_utilization);
  time_or_null(out, "start_time", answer.start);
  out.end_object();
  return out.take();
}

std::string to_json(const WaitAnswer& answer, Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  std::optional<double> seconds;
  if (answer.estimated) seconds = in_seconds(*answer.estimated);
  real_or_null(out, "estimated_wait_s", seconds);
  out.end_object();
  return out.take();
}

std::string to_json(const WaitingLine& line) {
  JsonWriter out;
  out.begin_object();
  out.key("node_id").text(line.node_id);
  out.key("waits_for").text(line.waits_for);
  out.key("pool");
  if (line.pool.empty()) {
    out.null();
  } else {
    out.text(line.pool);
  }
  time_or_null(out, "until", line.until);
  out.key("nodes").begin_array();
  for (const std::string_view node : line.nodes) out.text(node);
  out.end_array();
  out.key("nodes_total").number(line.nodes_in_all);
  out.key("explanation").text(line.explanation);
  out.end_object();
  return out.take();
}

}  // namespace dsched::wire
