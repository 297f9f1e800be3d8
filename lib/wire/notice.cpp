// SPDX-License-Identifier: Apache-2.0
#include "wire/notice.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"
#include "wire/answer.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

constexpr std::size_t k_characters_max = 200;
// A folder's name, which must be whole to be of use; no system allows a longer one.
constexpr std::size_t k_store_characters_max = 4096;

std::string cut_for_notice(std::string_view text) {
  return first_characters(as_utf8(text), k_characters_max);
}

std::string counted(std::uint64_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

void write_notice_head(JsonWriter& out, NoticeKind kind, WallTime at, const std::string& store,
                       const std::string& text) {
  out.key("event").text(name_of(kind));
  out.key("text").text(text);
  out.key("time").text(to_rfc3339(at));
  out.key("store").text(first_characters(as_utf8(store), k_store_characters_max));
}

std::string sentence_of(const ExecutionNotice& notice) {
  std::string text =
      "execution " + std::to_string(notice.execution) + " (" + cut_for_notice(notice.dag_id) + ") ";
  switch (notice.kind) {
    case NoticeKind::completed:
      return text + "completed: " + counted(notice.counts.completed, "node");
    case NoticeKind::waits:
      text += "waits for approval of " + counted(notice.nodes_count, "node");
      break;
    case NoticeKind::failed:
    case NoticeKind::fix_it_failed:
      if (notice.status == engine::name_of(engine::ExecutionStatus::interrupted)) {
        return text + "failed: its runner could not go on";
      }
      text += "failed: " + counted(notice.nodes_count, "node") + " failed";
      break;
  }
  if (notice.nodes.empty()) return text;
  const NoticeNode& first = notice.nodes.front();
  return text + ": " + cut_for_notice(first.node_id) +
         (first.why.empty() ? "" : " (" + cut_for_notice(first.why) + ")");
}

void write_notice_node(JsonWriter& out, const ExecutionNotice& notice, const NoticeNode& node) {
  out.begin_object();
  out.key("task_id").text(std::to_string(notice.execution) + '/' + node.node_id);
  out.key("name").text(node.node_id);
  if (notice.kind != NoticeKind::waits) {
    out.key("error").text(cut_for_notice(node.why));
    out.end_object();
    return;
  }
  text_or_null(out, "reason", cut_for_notice(node.why));
  out.key("command").text(cut_for_notice(node.command));
  time_or_null(out, "expires_at", node.expires_at);
  out.key("digest").text(to_hex(node.digest.value_or(Digest{})));
  out.end_object();
}

}  // namespace

std::string_view name_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::completed:
      return "execution_completed";
    case NoticeKind::failed:
      return "execution_failed";
    case NoticeKind::waits:
      return "approval_waiting";
    case NoticeKind::fix_it_failed:
      return "fixit_failed";
  }
  return "execution_failed";
}

std::string notice_line(const ExecutionNotice& notice) {
  JsonWriter out;
  out.begin_object();
  write_notice_head(out, notice.kind, notice.at, notice.store, sentence_of(notice));
  out.key("execution").number(notice.execution);
  out.key("execution_id").text(notice.execution_id);
  out.key("dag_id").text(cut_for_notice(notice.dag_id));
  out.key("status").text(notice.status);
  write_counts(out, notice.counts);
  if (notice.kind != NoticeKind::completed) {
    out.key(notice.kind == NoticeKind::waits ? "waiting_count" : "failed_count")
        .number(notice.nodes_count);
    out.key(notice.kind == NoticeKind::waits ? "waiting" : "failed").begin_array();
    const std::size_t named = std::min(notice.nodes.size(), k_notice_nodes_max);
    for (std::size_t i = 0; i < named; ++i) write_notice_node(out, notice, notice.nodes[i]);
    out.end_array();
  }
  out.end_object();
  return out.take();
}

std::string notice_line(const FixAnswer& answer, const std::string& store) {
  JsonWriter out;
  out.begin_object();
  write_notice_head(out, NoticeKind::fix_it_failed, answer.ended.value_or(answer.began), store,
                    answer.message());
  out.key("fixit_id").text(answer.id);
  out.key("mode").text(engine::name_of(answer.mode));
  out.key("initiated_by").text(cut_for_notice(answer.by));
  out.key("status").text(answer.status());
  const std::uint64_t failed = answer.count(FixResult::failed);
  out.key("tasks_fixed").number(answer.count(FixResult::fixed));
  out.key("tasks_failed").number(failed);
  out.key("tasks_skipped").number(answer.count(FixResult::skipped));
  out.key("failed_count").number(failed);
  out.key("failed").begin_array();
  std::size_t named = 0;
  for (const FixedTask& task : answer.tasks) {
    if (task.result != FixResult::failed || named == k_notice_nodes_max) continue;
    ++named;
    out.begin_object();
    out.key("task_id").text(task.task_id);
    out.key("name").text(task.name);
    out.key("error").text(cut_for_notice(task.reason));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

}  // namespace dsched::wire
