// SPDX-License-Identifier: Apache-2.0
#include "wire/cancel_request.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "wire/request_fields.h"

namespace dsched::wire {
namespace {

using nlohmann::json;

// Numbers of executions may be written as numbers.
std::vector<std::string> names_in(std::string_view name, const json& value) {
  if (value.is_number_unsigned()) return {value.dump()};
  if (!value.is_array()) return strings_in(name, value);
  json names = value;
  for (json& element : names) {
    if (element.is_number_unsigned()) element = element.dump();
  }
  return strings_in(name, names);
}

[[noreturn]] void refuse_options(const std::string& message) {
  throw Error(ErrorKind::usage, message, "see dsched-cancel --help");
}

}  // namespace

std::string_view name_of(CancelAction action) {
  switch (action) {
    case CancelAction::cancel:
      return "cancel";
    case CancelAction::pause:
      return "pause";
    case CancelAction::go_on:
      return "continue";
  }
  return "cancel";
}

std::optional<NodeName> node_name_from(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) {
    return std::nullopt;
  }
  return NodeName{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

CancelWords read_cancel_request(std::string_view text) {
  CancelWords words;
  const RequestField fields[] = {
      {"executions", [&](const json& value) { words.executions = names_in("executions", value); }},
      {"nodes", [&](const json& value) { words.nodes = strings_in("nodes", value); }},
      {"all", [&](const json& value) { words.all = bool_in("all", value); }},
      {"pause", [&](const json& value) { words.pause = bool_in("pause", value); }},
      {"continue", [&](const json& value) { words.go_on = bool_in("continue", value); }},
  };
  read_request(text, fields);
  return words;
}

CancelWords merged(CancelWords base, CancelWords over) {
  if (!over.executions.empty()) base.executions = std::move(over.executions);
  if (!over.nodes.empty()) base.nodes = std::move(over.nodes);
  if (over.all) base.all = over.all;
  if (over.pause) base.pause = over.pause;
  if (over.go_on) base.go_on = over.go_on;
  return base;
}

CancelRequest cancel_request(const CancelWords& words) {
  CancelRequest request;
  request.all = words.all.value_or(false);
  request.executions = words.executions;
  const bool pause = words.pause.value_or(false);
  const bool go_on = words.go_on.value_or(false);
  if (pause && go_on) refuse_options("--pause and --continue exclude each other");
  if (pause) request.action = CancelAction::pause;
  if (go_on) request.action = CancelAction::go_on;
  for (const std::string& text : words.nodes) {
    const auto name = node_name_from(text);
    if (!name) refuse_options("--node " + escape_for_terminal(text) + ": not EXECUTION/NODE_ID");
    request.nodes.push_back(*name);
  }
  const bool names_something = !request.executions.empty() || !request.nodes.empty();
  if (request.all && names_something) refuse_options("--all already names every execution");
  if (!request.all && !names_something) {
    refuse_options("what to " + std::string(name_of(request.action)) +
                   " is missing: executions or --all");
  }
  if (request.action != CancelAction::cancel && !request.nodes.empty()) {
    refuse_options(
        "a single node can be cancelled, but not held: --node goes without --pause and "
        "--continue");
  }
  return request;
}

}  // namespace dsched::wire
