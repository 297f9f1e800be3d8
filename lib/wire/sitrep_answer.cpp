// SPDX-License-Identifier: Apache-2.0
#include "wire/sitrep_answer.h"

#include "base/text.h"
#include "base/time_text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

constexpr std::size_t k_error_characters = 200;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string shortened(const std::string& text) {
  return first_characters(as_utf8(text), k_error_characters);
}

void write_metrics(JsonWriter& out, const SitrepAnswer& answer) {
  const engine::Counts& counts = answer.counts;
  out.key("task_metrics").begin_object();
  out.key("total_tasks").number(counts.total);
  out.key("active_tasks").number(counts.running);
  out.key("completed_tasks").number(counts.completed);
  out.key("failed_tasks").number(counts.failed);
  out.key("pending_tasks").number(counts.pending());
  out.key("cancelled_tasks").number(counts.cancelled);
  out.key("success_rate").real(answer.success_rate());
  out.key("completion_rate").real(answer.completion_rate());
  out.end_object();
}

void write_recent(JsonWriter& out, const RecentTask& task) {
  out.begin_object();
  out.key("task_id").text(task.task_id);
  out.key("name").text(task.name);
  out.key("status").text(task.status);
  out.key("description").text(shortened(task.description));
  time_or_null(out, "started_at", task.started_at);
  time_or_null(out, "completed_at", task.completed_at);
  out.key("duration_seconds");
  if (task.duration) {
    out.real(std::chrono::duration<double>(*task.duration).count());
  } else {
    out.null();
  }
  out.key("error_message");
  if (task.error.empty()) {
    out.null();
  } else {
    out.text(shortened(task.error));
  }
  out.end_object();
}

void write_lists(JsonWriter& out, const SitrepAnswer& answer) {
  out.key("immediate_actions").begin_array();
  for (const ImmediateAction& action : answer.actions) {
    out.begin_object();
    out.key("command").text(as_utf8(action.command));
    out.key("reason").text(as_utf8(action.reason));
    out.end_object();
  }
  out.end_array();
  out.key("watch_items").begin_array();
  for (const WatchItem& item : answer.watch) {
    out.begin_object();
    out.key("kind").text(item.kind);
    out.key("object").text(as_utf8(item.object));
    out.key("reason").text(as_utf8(item.reason));
    out.end_object();
  }
  out.end_array();
  out.key("standing_still").begin_array();
  for (const StandingStill& still : answer.still) {
    out.begin_object();
    out.key("execution").number(still.execution);
    out.key("dag_id").text(as_utf8(still.dag_id));
    out.key("status").text(engine::name_of(still.status));
    out.key("reason").text(still.reason);
    out.key("explanation").text(as_utf8(still.explanation));
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::string_view name_of(Health health) {
  switch (health) {
    case Health::healthy:
      return "healthy";
    case Health::degraded:
      return "degraded";
    case Health::critical:
      return "critical";
    case Health::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view defense_level(double coverage) {
  if (coverage >= 0.95) return "PREVENTION";
  if (coverage >= 0.90) return "CONTROL";
  if (coverage >= 0.80) return "SAFETY_SYSTEMS";
  if (coverage >= 0.70) return "CONTAINMENT";
  return "EMERGENCY";
}

double SitrepAnswer::coverage() const {
  return ratio(goals_covered, goals);
}

double SitrepAnswer::success_rate() const {
  return ratio(counts.completed, counts.completed + counts.failed);
}

double SitrepAnswer::completion_rate() const {
  return ratio(counts.completed, counts.total);
}

bool SitrepAnswer::is_crisis() const {
  return health == Health::critical && defense_level(coverage()) == "EMERGENCY";
}

std::string to_json(const SitrepAnswer& answer, JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(answer.error.empty());
  out.key("timestamp").text(to_rfc3339(answer.at));
  write_metrics(out, answer);
  out.key("health_status").text(name_of(answer.health));
  out.key("defense_level").text(defense_level(answer.coverage()));
  out.key("recent_tasks").begin_array();
  for (const RecentTask& task : answer.recent) write_recent(out, task);
  out.end_array();
  out.key("coverage_metrics").begin_object();
  out.key("coverage_rate").real(answer.coverage());
  out.key("blocks_covered").number(answer.goals_covered);
  out.key("blocks_total").number(answer.goals);
  out.key("critical_gaps").number(answer.critical_gaps);
  out.key("slot_utilization").real(answer.slot_utilization);
  out.end_object();
  write_lists(out, answer);
  out.key("last_update").text(to_rfc3339(answer.last_update));
  out.key("crisis_mode").boolean(answer.is_crisis());
  if (!answer.error.empty()) {
    out.key("error").begin_object();
    out.key("kind").text("storage");
    out.key("message").text(as_utf8(answer.error));
    out.key("details").begin_array().end_array();
    out.end_object();
  }
  out.end_object();
  return out.take();
}

}  // namespace dsched::wire
