// SPDX-License-Identifier: Apache-2.0
#include "wire/approve_answer.h"

#include "base/text.h"
#include "base/time_text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const std::string& text : texts) out.text(as_utf8(text));
  out.end_array();
}

std::string count_text(std::size_t count) {
  return std::to_string(count) + " task(s)";
}

// "multiple" where one name would not say it.
std::string task_id_of(const ApprovalAnswer& answer) {
  if (answer.tasks.size() > 1) return "multiple";
  return answer.tasks.empty() ? answer.task_id : answer.tasks.front().task_id;
}

}  // namespace

std::string pending_document(const std::vector<PendingApproval>& pending,
                             JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("pending").begin_array();
  for (const PendingApproval& one : pending) {
    out.begin_object();
    out.key("task_id").text(one.task_id);
    out.key("name").text(one.name);
    text_or_null(out, "reason", one.reason);
    out.key("command").text(as_utf8(one.command));
    out.key("arguments").raw(one.arguments);
    out.key("waiting_since").text(to_rfc3339(one.waiting_since));
    text_or_null(out, "expires_at", one.expires_at ? to_rfc3339(*one.expires_at) : std::string{});
    out.key("digest").text(to_hex(one.digest));
    if (!one.approvers.empty()) write_texts(out, "approvers", one.approvers);
    out.end_object();
  }
  out.end_array().end_object();
  return out.take() + '\n';
}

std::string token_document(const TokenAnswer& answer, JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("token").text(answer.token);
  write_texts(out, "task_ids", answer.task_ids);
  out.key("task_type").text(as_utf8(answer.type));
  out.key("expires_at").text(to_rfc3339(answer.expires_at));
  out.key("message").text("Approval token generated for " + count_text(answer.task_ids.size()));
  out.key("audit_head").text(answer.audit_head);
  out.end_object();
  return out.take() + '\n';
}

std::string_view name_of(ApprovalStatus status) {
  switch (status) {
    case ApprovalStatus::approved:
      return "approved";
    case ApprovalStatus::denied:
      return "denied";
    case ApprovalStatus::invalid_token:
      return "invalid_token";
    case ApprovalStatus::expired:
      return "expired";
    case ApprovalStatus::used:
      return "used";
    case ApprovalStatus::stale:
      return "stale";
    case ApprovalStatus::not_found:
      return "not_found";
    case ApprovalStatus::rate_limited:
      return "rate_limited";
  }
  return "not_found";
}

ErrorKind error_kind_of(ApprovalStatus status) {
  return status == ApprovalStatus::not_found ? ErrorKind::not_found : ErrorKind::denied;
}

std::string message_of(const ApprovalAnswer& answer) {
  switch (answer.status) {
    case ApprovalStatus::approved:
      return "Successfully approved " + count_text(answer.tasks.size()) + ".";
    case ApprovalStatus::denied:
      return "Successfully denied " + count_text(answer.tasks.size()) + ".";
    case ApprovalStatus::invalid_token:
    case ApprovalStatus::expired:
      return "Invalid or expired approval token.";
    case ApprovalStatus::used:
      return "This has been answered already.";
    case ApprovalStatus::stale:
      return "What would run has changed since the token was made; it waits on.";
    case ApprovalStatus::not_found:
      return "The token is not for a task of this name that waits.";
    case ApprovalStatus::rate_limited:
      return "Too many unknown tokens; try again in a minute.";
  }
  return {};
}

std::string approval_document(const ApprovalAnswer& answer, JsonWriter::Layout layout) {
  const bool is_approval = answer.action == ApprovalAction::approve;
  const std::uint64_t count = answer.tasks.size();
  const std::string at = to_rfc3339(answer.at);
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(answer.is_success());
  out.key("status").text(name_of(answer.status));
  out.key("action").text(name_of(answer.action));
  text_or_null(out, "task_id", task_id_of(answer));
  out.key("approved_tasks").number(is_approval ? count : std::uint64_t{0});
  out.key("denied_tasks").number(is_approval ? std::uint64_t{0} : count);
  out.key("task_details").begin_array();
  for (const ApprovedTask& task : answer.tasks) {
    out.begin_object();
    out.key("task_id").text(task.task_id);
    out.key("task_name").text(task.name);
    out.key("task_type").text(as_utf8(task.type));
    out.key("previous_status").text("awaiting_approval");
    out.key("new_status").text(is_approval ? "approved" : "denied");
    out.key("approved_at").text(at);
    out.end_object();
  }
  out.end_array();
  out.key("approved_by").text(as_utf8(answer.by));
  text_or_null(out, "approved_at", answer.is_success() ? at : std::string{});
  out.key("message").text(message_of(answer));
  write_texts(out, "warnings", answer.warnings);
  out.key("audit_head").text(answer.audit_head);
  if (!answer.is_success()) {
    out.key("error").begin_object();
    out.key("kind").text(dsched::name_of(error_kind_of(answer.status)));
    out.key("message").text(message_of(answer));
    out.key("details").begin_array().end_array();
    out.end_object();
  }
  out.end_object();
  return out.take() + '\n';
}

}  // namespace dsched::wire
