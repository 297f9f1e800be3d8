// SPDX-License-Identifier: Apache-2.0
#pragma once
// The fields of a node: their names, and how the settings among them are read.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dag/builder.h"
#include "program/values.h"

namespace dsched::program {

enum class Field : std::uint8_t {
  node_id,
  operation,
  arguments,
  parameters,
  inputs,
  inputs_from,
  outputs,
  environment,
  environment_from,
  secret_environment,
  cache,
  stream,
  max_lag,
  on_reader_done,
  timeout_s,
  max_retries,
  backoff_s,
  priority,
  slots,
  pool,
  approval,
  preemptible,
  idempotent,
  expected_s,
  metadata,
};

// In the order of Field.
inline constexpr std::array<std::string_view, 25> k_field_names = {
    "node_id",          "operation",          "arguments",  "parameters",
    "inputs",           "inputs_from",        "outputs",    "environment",
    "environment_from", "secret_environment", "cache",      "stream",
    "max_lag",          "on_reader_done",     "timeout_s",  "max_retries",
    "backoff_s",        "priority",           "slots",      "pool",
    "approval",         "preemptible",        "idempotent", "expected_s",
    "metadata"};

[[nodiscard]] std::optional<Field> field_from(std::string_view name);
[[nodiscard]] constexpr std::string_view name_of(Field field) {
  return k_field_names[static_cast<std::size_t>(field)];
}

// Reads the value of any field that is kept in Settings, but for `pool`, whose number only the
// builder knows. A faulty value leaves what was there.
void read_setting(Field field, const Path& path, Values& values, dag::Settings& settings);

// What can follow dsched-op- in the name of an executable.
[[nodiscard]] bool is_operation_name(std::string_view name);

// The rules for names of nodes; empty, or what is wrong with this one.
[[nodiscard]] std::optional<std::string> fault_in_node_id(std::string_view node_id);

// A path as it is kept. `reads` says whether it may be absolute. After a fault it is empty.
enum class PathUse : std::uint8_t { reads, writes };
struct CleanPath {
  std::string path;     // empty: refused
  std::string message;  // why it was refused
  std::string hint;
};
[[nodiscard]] CleanPath clean_path(std::string_view path, PathUse use);

}  // namespace dsched::program
