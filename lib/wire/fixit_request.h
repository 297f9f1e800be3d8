// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a person asks of dsched-fixit, from the words of a command line or as a JSON document,
// checked. Whatever is wrong is an Error of kind invalid_request that names the field.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fixit_rules.h"
#include "wire/cancel_request.h"

namespace dsched::wire {

// As much of it as was said.
struct FixWords {
  std::vector<std::string> executions;
  std::vector<std::string> targets;
  std::optional<std::string> mode;
  std::optional<std::string> max_retries;
  std::optional<std::string> by;
  std::optional<bool> auto_approve;
  std::optional<bool> dry_run;
};
struct FixRequest {
  std::vector<std::string> executions;  // none, and no targets: all of the store
  std::vector<NodeName> targets;        // none: what is in trouble
  engine::FixMode mode = engine::FixMode::balanced;
  std::uint32_t max_retries = 3;
  bool auto_approve = false;
  bool dry_run = false;
  std::string by;
};
// {"mode","max_retries","auto_approve","initiated_by","target_task_ids","dry_run","executions"}.
[[nodiscard]] FixWords read_fix_request(std::string_view json);
[[nodiscard]] FixWords merged(FixWords base, FixWords over);
[[nodiscard]] FixRequest fix_request(const FixWords& words, const std::string& user);

}  // namespace dsched::wire
