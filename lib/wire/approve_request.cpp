// SPDX-License-Identifier: Apache-2.0
#include "wire/approve_request.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "wire/request_fields.h"

namespace dsched::wire {
namespace {

using nlohmann::json;

constexpr Length k_token_length{8, 200};
constexpr Length k_name_length{1, 100};
constexpr Length k_notes_length{0, 500};
constexpr Length k_id_length{0, 255};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void ignore(const json&) {}

NodeName task_in(std::string_view field, const std::string& text) {
  const auto name = node_name_from(text);
  if (!name) refuse_field(field, "must be EXECUTION/NODE_ID, not " + escape_for_terminal(text));
  return *name;
}

// What was piped in is what dsched-approve token said when it had nothing to give.
void refuse_failure(const json& value) {
  if (value.is_boolean() && !value.get<bool>()) {
    throw Error(ErrorKind::invalid_request, "the request is the answer of a command that failed");
  }
}

}  // namespace

std::string text_within(std::string_view field, const std::string& text, const Length& length) {
  if (!is_utf8(text)) refuse_field(field, "must be UTF-8");
  const std::size_t size = characters(text);
  if (size < length.min || size > length.max) {
    refuse_field(field, "must be " + std::to_string(length.min) + " to " +
                            std::to_string(length.max) + " characters");
  }
  return text;
}

std::int64_t number_within(std::string_view field, const std::string& text, const Range& range) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  if (!is_whole || value < range.min || value > range.max) {
    refuse_field(field, "must be a whole number from " + std::to_string(range.min) + " to " +
                            std::to_string(range.max));
  }
  return value;
}

TokenWords read_token_request(std::string_view text) {
  TokenWords words;
  const RequestField fields[] = {
      {"task_ids", [&](const json& value) { words.tasks = strings_in("task_ids", value); }},
      {"task_id", [&](const json& value) { words.tasks = {string_in("task_id", value)}; }},
      {"task_type", [&](const json& value) { words.type = string_in("task_type", value); }},
      {"expires_in_hours",
       [&](const json& value) { words.hours = number_in("expires_in_hours", value); }},
      {"by", [&](const json& value) { words.by = string_in("by", value); }},
  };
  read_request(text, fields);
  return words;
}

TokenRequest token_request(const TokenWords& words, const std::string& user) {
  TokenRequest request;
  for (const std::string& task : words.tasks) request.tasks.push_back(task_in("task_ids", task));
  if (request.tasks.empty()) {
    throw Error(ErrorKind::usage, "which task is missing: --task EXECUTION/NODE_ID",
                "dsched-approve list shows those that wait");
  }
  request.type = text_within("task_type", words.type.value_or("node"), k_name_length);
  request.valid = std::chrono::hours{
      number_within("expires_in_hours", words.hours.value_or("24"), {1, k_token_hours_max})};
  request.by = text_within("by", words.by.value_or(user), k_name_length);
  return request;
}

std::string_view name_of(ApprovalAction action) {
  return action == ApprovalAction::approve ? "approve" : "deny";
}

ApprovalWords read_approval_request(std::string_view text, ApprovalAction action) {
  ApprovalWords words;
  const RequestField fields[] = {
      {"token", [&](const json& value) { words.token = string_in("token", value); }},
      {"task_id", [&](const json& value) { words.task = string_in("task_id", value); }},
      {"approved_by", [&](const json& value) { words.by = string_in("approved_by", value); }},
      {"approved_by_id",
       [&](const json& value) { words.by_id = string_in("approved_by_id", value); }},
      {"notes", [&](const json& value) { words.notes = string_in("notes", value); }},
      {"action",
       [&](const json& value) {
         if (string_in("action", value) != name_of(action)) {
           refuse_field("action", "is not " + std::string(name_of(action)));
         }
       }},
      {"success", refuse_failure},
      {"error", ignore},
      {"task_ids", ignore},
      {"task_type", ignore},
      {"expires_at", ignore},
      {"message", ignore},
      {"audit_head", ignore},
  };
  read_request(text, fields);
  return words;
}

ApprovalRequest approval_request(ApprovalAction action, const ApprovalWords& words,
                                 const std::string& user) {
  if (!words.token) {
    throw Error(ErrorKind::usage, "a token is missing: --token-file, --token, or - for a request",
                "dsched-approve token makes one");
  }
  ApprovalRequest request;
  request.action = action;
  request.token = text_within("token", *words.token, k_token_length);
  if (words.task) request.task = task_in("task_id", *words.task);
  request.by = text_within("approved_by", words.by.value_or(user), k_name_length);
  request.by_id = text_within("approved_by_id", words.by_id.value_or(""), k_id_length);
  request.notes = text_within("notes", words.notes.value_or(""), k_notes_length);
  return request;
}

}  // namespace dsched::wire
