// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lines that a batch answers with (schemas/batch-answer.schema.json and
// batch-summary.schema.json), as values and as text.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch_facts.h"
#include "wire/answer.h"

namespace dsched::wire {

// Why a request has no result.
struct RequestError {
  ErrorKind kind = ErrorKind::node_failed;
  std::string message;
  std::string hint;
  std::string details;  // JSON text; empty: []
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string output;  // of a failed command: last lines of its stdout
};

struct BatchAnswer {
  std::string request_id;  // JSON text
  engine::Completion completion = engine::Completion::completed;
  ResultAnswer result;  // when it completed; its node_id is not told
  RequestError error;   // when it did not
  Nanoseconds processing{0};
  Nanoseconds queue{0};
  std::uint32_t attempts = 0;
  std::optional<std::uint64_t> tokens;
  bool reused = false;
  std::string log;       // last lines of its stderr; empty: none
  std::string metadata;  // JSON text; empty: null
};

struct BatchSummary {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;  // cancelled ones and those out of time included
  std::uint64_t skipped = 0;
  Nanoseconds wall{0};
};

// Each appends one line, with its line feed.
void append_line(std::string& out, const BatchAnswer& answer);
void append_line(std::string& out, const BatchSummary& summary);

}  // namespace dsched::wire
