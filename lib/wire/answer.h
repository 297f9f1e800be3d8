// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-run answers (spec: dsched-run(1), schemas/run-answer.schema.json) as a value, and its
// text.
//
// The session fills it in; nothing here knows where the figures come from.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "base/ids.h"
#include "engine/execution.h"
#include "wire/json_writer.h"

namespace dsched::wire {

// One goal's result.
// Bytes of a result that stand in an answer unless all are asked for.
inline constexpr std::uint64_t k_shown_bytes_max = 64 * 1024;

struct ResultAnswer {
  std::string node_id;  // or what it stands under instead
  // Of what a VoxLogica program prints: a line of its own, with this before the bytes.
  std::optional<std::string> before;
  std::string bytes;  // the first part of them when `truncated`
  bool truncated = false;
  std::optional<Digest> key;
  Digest digest;
  std::uint64_t size = 0;
  std::string data_type;
};

struct NodeAnswer {
  std::string node_id;
  engine::NodeState status = engine::NodeState::pending;
  engine::Reason reason = engine::Reason::none;
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::uint32_t attempts = 0;
  bool reused = false;
  Nanoseconds wall{0};
  Nanoseconds user{0};
  Nanoseconds system{0};
  std::uint64_t peak_memory_kib = 0;
  std::string error;        // empty: none
  std::string log;          // last lines
  std::string output;       // of a failed command: last lines of its stdout
  std::string because;      // dependency_failed: the node that failed; empty: none
  std::string explanation;  // with --explain; empty: none
};

struct ErrorAnswer {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  std::string hint;
  std::string details;  // JSON text; empty: []
};

struct RunAnswer {
  bool success = false;
  std::string execution_id;
  std::uint64_t execution = 0;
  std::string dag_id;
  engine::ExecutionStatus status = engine::ExecutionStatus::completed;
  engine::Counts counts;
  double percentage = 100;
  WallTime started_at;
  WallTime finished_at;
  std::vector<ResultAnswer> results;  // in the order of the goals
  std::vector<NodeAnswer> nodes;
  std::optional<ErrorAnswer> error;
  std::vector<std::string> warnings;
  std::string audit_head;  // of the store
};

// Of a detached execution, as soon as it is on record.
struct SubmittedAnswer {
  std::string execution_id;
  std::uint64_t execution = 0;
};

struct DryRunAnswer {
  struct Node {
    std::string node_id;
    std::string command;
    std::string explanation;
  };
  std::string dag_id;
  std::vector<Node> would_run;
  std::vector<std::string> would_reuse;
  std::vector<std::string> unknown;
};

// Each calls `write` with pieces of the document as it grows, the last one with a line feed.
using Write = std::function<void(std::string_view)>;
void write_answer(const RunAnswer& answer, JsonWriter::Layout layout, const Write& write);
void write_answer(const SubmittedAnswer& answer, JsonWriter::Layout layout, const Write& write);
void write_answer(const DryRunAnswer& answer, JsonWriter::Layout layout, const Write& write);
void write_error(const ErrorAnswer& error, JsonWriter::Layout layout, const Write& write);

// "total_nodes" and what became of them: the members, without the braces.
void write_counts(JsonWriter& out, const engine::Counts& counts);
// {"text": …} or {"base64": …}: the members, without the braces.
void write_bytes_members(JsonWriter& out, std::string_view bytes);
// All of a result but the name it stands under, likewise.
void write_result_members(JsonWriter& out, const ResultAnswer& result);

}  // namespace dsched::wire
