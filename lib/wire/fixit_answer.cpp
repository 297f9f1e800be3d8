// SPDX-License-Identifier: Apache-2.0
#include "wire/fixit_answer.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"

namespace dsched::wire {
std::uint64_t FixAnswer::count(FixResult result) const {
  return static_cast<std::uint64_t>(
      std::count_if(tasks.begin(), tasks.end(),
                    [result](const FixedTask& task) { return task.result == result; }));
}

std::string_view FixAnswer::status() const {
  if (dry_run) return "dry_run";
  const std::uint64_t fixed = count(FixResult::fixed);
  const std::uint64_t failed = count(FixResult::failed);
  if (fixed + failed == 0) return "nothing_to_do";
  return fixed > 0 ? "completed" : "failed";
}

std::string FixAnswer::message() const {
  const std::uint64_t fixed = count(FixResult::fixed);
  const std::uint64_t failed = count(FixResult::failed);
  const std::string all = std::to_string(tasks.size());
  if (dry_run) {
    return "Dry run complete. Would retry " + std::to_string(count(FixResult::would_retry)) +
           " tasks in " + std::string(name_of(mode)) + " mode.";
  }
  if (tasks.empty()) return "Nothing to fix.";
  if (fixed + failed == 0) return "Nothing to do: " + all + " tasks skipped.";
  const std::string of_all = std::to_string(fixed) + "/" + all + " tasks recovered.";
  return (fixed > 0 ? "Fix-it completed: " : "Fix-it failed: ") + of_all;
}

std::string fix_document(const FixAnswer& answer, JsonWriter::Layout layout) {
  const std::uint64_t fixed = answer.count(FixResult::fixed);
  const std::uint64_t failed = answer.count(FixResult::failed);
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(answer.is_success());
  out.key("status").text(answer.status());
  out.key("execution_id").text(answer.id);
  out.key("mode").text(name_of(answer.mode));
  out.key("tasks_fixed").number(fixed);
  out.key("tasks_retried").number(fixed + failed);
  out.key("tasks_skipped").number(answer.tasks.size() - fixed - failed);
  out.key("tasks_failed").number(failed);
  out.key("affected_tasks").begin_array();
  for (const FixedTask& task : answer.tasks) {
    out.begin_object();
    out.key("task_id").text(task.task_id);
    out.key("task_name").text(task.name);
    out.key("previous_status").text(task.previous_status);
    out.key("new_status").text(task.new_status);
    out.key("action_taken").text(as_utf8(task.action));
    out.key("retry_count").number(std::uint64_t{task.retries});
    out.key("reason").text(as_utf8(task.reason));
    out.end_object();
  }
  out.end_array();
  out.key("estimated_completion").null();
  out.key("initiated_by").text(as_utf8(answer.by));
  out.key("initiated_at").text(to_rfc3339(answer.began));
  out.key("completed_at");
  if (answer.ended) {
    out.text(to_rfc3339(*answer.ended));
  } else {
    out.null();
  }
  out.key("message").text(answer.message());
  out.key("warnings").begin_array();
  for (const std::string& warning : answer.warnings) out.text(as_utf8(warning));
  out.end_array();
  out.key("audit_head").text(answer.audit_head);
  if (!answer.is_success()) {
    out.key("error").begin_object();
    out.key("kind").text("node_failed");
    out.key("message").text(answer.message());
    out.key("details").begin_array().end_array();
    out.end_object();
  }
  out.end_object();
  return out.take() + '\n';
}

std::string fix_lines(const FixAnswer& answer) {
  std::string out;
  for (const FixedTask& task : answer.tasks) {
    out += escape_for_terminal(task.task_id) + "  " + task.previous_status + " -> " +
           task.new_status + "  " + escape_for_terminal(task.action) + " (" +
           escape_for_terminal(task.reason) + ")\n";
  }
  return out + answer.message() + '\n';
}

}  // namespace dsched::wire
