// SPDX-License-Identifier: Apache-2.0
#include "wire/stats_answer.h"

#include <cmath>

#include "base/text.h"
#include "base/time_text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

std::int64_t milliseconds_of(Nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

void digest_or_null(JsonWriter& out, std::string_view name, const std::optional<Digest>& digest) {
  out.key(name);
  if (digest) {
    out.text(to_hex(*digest));
  } else {
    out.null();
  }
}

void reason_or_null(JsonWriter& out, engine::Reason reason) {
  out.key("reason");
  if (reason == engine::Reason::none) {
    out.null();
  } else {
    out.text(name_of(reason));
  }
}

}  // namespace

std::string percentage_text(double percentage) {
  const long tenths = std::lround(std::floor(percentage * 10.0));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string to_json(const ProgressAnswer& answer, JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  any_text(out.key("dag_id"), answer.dag_id);
  out.key("execution_id").text(answer.execution_id);
  out.key("total_nodes").number(answer.counts.total);
  out.key("completed_nodes").number(answer.counts.completed);
  out.key("failed_nodes").number(answer.counts.failed);
  out.key("running_nodes").number(answer.counts.running);
  out.key("pending_nodes").number(answer.counts.pending());
  out.key("cancelled_nodes").number(answer.counts.cancelled);
  out.key("reused_nodes").number(answer.counts.reused);
  out.key("progress_percentage").raw(percentage_text(answer.percentage));
  time_or_null(out, "estimated_completion", answer.estimated_completion);
  out.end_object();
  return out.take();
}

std::string to_json(const ExecutionLine& line) {
  JsonWriter out;
  out.begin_object();
  out.key("execution").number(line.execution);
  out.key("execution_id").text(line.execution_id);
  any_text(out.key("dag_id"), line.dag_id);
  out.key("status").text(name_of(line.status));
  out.key("priority").number(std::uint64_t{line.priority.level});
  out.key("total_nodes").number(line.counts.total);
  out.key("completed_nodes").number(line.counts.completed);
  out.key("failed_nodes").number(line.counts.failed);
  out.key("reused_nodes").number(line.counts.reused);
  out.key("submitted_at").text(to_rfc3339(line.submitted_at));
  time_or_null(out, "started_at", line.started_at);
  time_or_null(out, "finished_at", line.finished_at);
  any_text(out.key("initiated_by"), line.initiated_by);
  out.end_object();
  return out.take();
}

std::string to_json(const NodeLine& line) {
  JsonWriter out;
  out.begin_object();
  out.key("node_id").text(line.node_id);
  out.key("status").text(name_of(line.status));
  reason_or_null(out, line.reason);
  out.key("operation").text(line.operation);
  out.key("attempts").number(std::uint64_t{line.attempts});
  out.key("reused").boolean(line.reused);
  out.key("exit_code");
  if (line.exit_code) {
    out.number(std::int64_t{*line.exit_code});
  } else {
    out.null();
  }
  time_or_null(out, "started_at", line.started_at);
  time_or_null(out, "finished_at", line.finished_at);
  out.key("wall_ms").number(milliseconds_of(line.wall));
  out.key("user_ms").number(milliseconds_of(line.user));
  out.key("system_ms").number(milliseconds_of(line.system));
  out.key("peak_memory_kib").number(line.peak_memory_kib);
  digest_or_null(out, "key", line.key);
  digest_or_null(out, "digest", line.digest);
  out.end_object();
  return out.take();
}

}  // namespace dsched::wire
