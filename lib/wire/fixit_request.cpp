// SPDX-License-Identifier: Apache-2.0
#include "wire/fixit_request.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wire/approve_request.h"
#include "wire/request_fields.h"

namespace dsched::wire {
namespace {

using nlohmann::json;

// Numbers of executions may be written as numbers.
std::vector<std::string> executions_in(const json& value) {
  json names = value.is_array() ? value : json::array({value});
  for (json& name : names) {
    if (name.is_number_unsigned()) name = name.dump();
  }
  return strings_in("executions", names);
}

}  // namespace

FixWords read_fix_request(std::string_view text) {
  FixWords words;
  const RequestField fields[] = {
      {"executions", [&](const json& value) { words.executions = executions_in(value); }},
      {"target_task_ids",
       [&](const json& value) {
         if (!value.is_null()) words.targets = strings_in("target_task_ids", value);
       }},
      {"mode", [&](const json& value) { words.mode = string_in("mode", value); }},
      {"max_retries",
       [&](const json& value) { words.max_retries = number_in("max_retries", value); }},
      {"initiated_by", [&](const json& value) { words.by = string_in("initiated_by", value); }},
      {"auto_approve",
       [&](const json& value) { words.auto_approve = bool_in("auto_approve", value); }},
      {"dry_run", [&](const json& value) { words.dry_run = bool_in("dry_run", value); }},
  };
  read_request(text, fields);
  return words;
}

FixWords merged(FixWords base, FixWords over) {
  if (!over.executions.empty()) base.executions = std::move(over.executions);
  if (!over.targets.empty()) base.targets = std::move(over.targets);
  if (over.mode) base.mode = std::move(over.mode);
  if (over.max_retries) base.max_retries = std::move(over.max_retries);
  if (over.by) base.by = std::move(over.by);
  if (over.auto_approve) base.auto_approve = over.auto_approve;
  if (over.dry_run) base.dry_run = over.dry_run;
  return base;
}

FixRequest fix_request(const FixWords& words, const std::string& user) {
  FixRequest request;
  request.executions = words.executions;
  for (const std::string& target : words.targets) {
    const auto name = node_name_from(target);
    if (!name) {
      refuse_field("target_task_ids",
                   "must be EXECUTION/NODE_ID, not " + escape_for_terminal(target));
    }
    request.targets.push_back(*name);
  }
  if (words.mode) {
    const auto mode = engine::fix_mode_from(*words.mode);
    if (!mode) refuse_field("mode", "must be greedy, conservative or balanced");
    request.mode = *mode;
  }
  request.max_retries = static_cast<std::uint32_t>(
      number_within("max_retries", words.max_retries.value_or("3"), {1, 10}));
  request.by = text_within("initiated_by", words.by.value_or(user), {1, 100});
  request.auto_approve = words.auto_approve.value_or(false);
  request.dry_run = words.dry_run.value_or(false);
  return request;
}

}  // namespace dsched::wire
