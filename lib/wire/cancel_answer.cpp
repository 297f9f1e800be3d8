// SPDX-License-Identifier: Apache-2.0
#include "wire/cancel_answer.h"

#include <algorithm>

#include "base/text.h"

namespace dsched::wire {
namespace {

// The list of those that became what was asked for.
std::string_view done_name(CancelAction action) {
  switch (action) {
    case CancelAction::cancel:
      return "cancelled";
    case CancelAction::pause:
      return "paused";
    case CancelAction::go_on:
      return "continued";
  }
  return "cancelled";
}

std::string_view unchanged_name(CancelAction action) {
  return action == CancelAction::pause ? "already_paused" : "not_paused";
}

std::string shown_id(const CancelItem& item) {
  return item.node_id.empty() ? item.execution_id : item.execution_id + '/' + item.node_id;
}

std::string called(const CancelItem& item) {
  if (item.result == CancelResult::not_found) return escape_for_terminal(item.name);
  std::string out = "execution " + std::to_string(item.execution);
  if (!item.node_id.empty()) out += ": node " + escape_for_terminal(item.node_id);
  return out;
}

void write_list(JsonWriter& out, std::string_view name, const CancelAnswer& answer,
                CancelResult result) {
  out.key(name).begin_array();
  for (const CancelItem& item : answer.items) {
    if (item.result != result) continue;
    out.text(as_utf8(result == CancelResult::not_found ? item.name : shown_id(item)));
  }
  out.end_array();
}

// The first is the error, all of them are its details.
void write_error_member(JsonWriter& out, const std::vector<ErrorAnswer>& errors) {
  out.key("error").begin_object();
  out.key("kind").text(dsched::name_of(errors.front().kind));
  out.key("message").text(as_utf8(errors.front().message));
  out.key("details").begin_array();
  for (const ErrorAnswer& error : errors) {
    out.begin_object().key("message").text(as_utf8(error.message));
    out.end_object();
  }
  out.end_array().end_object();
}

std::string what_became(const CancelItem& item, CancelAction action) {
  switch (item.result) {
    case CancelResult::done:
      return std::string(done_name(action)) +
             (item.counts_on_resume ? "; it counts when it is resumed" : "");
    case CancelResult::already_finished:
      return "has already finished" + (item.detail.empty() ? "" : " (" + item.detail + ")");
    case CancelResult::unchanged:
      return action == CancelAction::pause ? "is already paused" : "is not paused";
    case CancelResult::not_found:
    case CancelResult::still_running:
      return item.detail;
  }
  return {};
}

}  // namespace

std::vector<ErrorAnswer> errors_of(const CancelAnswer& answer) {
  std::vector<ErrorAnswer> errors;
  for (const CancelResult result : {CancelResult::not_found, CancelResult::still_running}) {
    for (const CancelItem& item : answer.items) {
      if (item.result != result) continue;
      const bool is_missing = result == CancelResult::not_found;
      errors.push_back({.kind = is_missing ? ErrorKind::not_found : ErrorKind::environment,
                        .message = is_missing ? item.detail : called(item) + ": " + item.detail,
                        .hint = {},
                        .details = {}});
    }
  }
  return errors;
}

std::string cancel_document(const CancelAnswer& answer, JsonWriter::Layout layout) {
  const std::vector<ErrorAnswer> errors = errors_of(answer);
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(errors.empty());
  write_list(out, done_name(answer.action), answer, CancelResult::done);
  if (answer.action != CancelAction::cancel) {
    write_list(out, unchanged_name(answer.action), answer, CancelResult::unchanged);
  }
  write_list(out, "not_found", answer, CancelResult::not_found);
  write_list(out, "already_finished", answer, CancelResult::already_finished);
  if (answer.all) {
    const auto done =
        std::count_if(answer.items.begin(), answer.items.end(),
                      [](const CancelItem& item) { return item.result == CancelResult::done; });
    out.key("count").number(std::int64_t{done});
  }
  if (!answer.audit_head.empty()) out.key("audit_head").text(answer.audit_head);
  if (!errors.empty()) write_error_member(out, errors);
  out.end_object();
  return out.take() + '\n';
}

std::string cancel_lines(const CancelAnswer& answer) {
  std::string out;
  for (const CancelItem& item : answer.items) {
    const bool is_told_on_stderr =
        item.result == CancelResult::not_found || item.result == CancelResult::still_running;
    if (!is_told_on_stderr) out += called(item) + ' ' + what_became(item, answer.action) + '\n';
  }
  if (answer.all && answer.items.empty()) out = "nothing is queued or running\n";
  return out;
}

}  // namespace dsched::wire
