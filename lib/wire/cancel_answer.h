// SPDX-License-Identifier: Apache-2.0
#pragma once
// What dsched-cancel answers (dsched-cancel(1), schemas/cancel-answer.schema.json) as a value, as
// JSON text, and for people.

#include <cstdint>
#include <string>
#include <vector>

#include "wire/answer.h"
#include "wire/cancel_request.h"

namespace dsched::wire {

enum class CancelResult : std::uint8_t {
  done,              // cancelled: nothing of it runs any more; paused; continued
  already_finished,  // it had ended before
  unchanged,         // paused already; not paused
  not_found,
  still_running,  // could not be brought to its end; `detail` says why
};

struct CancelItem {
  std::string name;          // as it was asked for
  std::string execution_id;  // empty when it was not found
  std::uint64_t execution = 0;
  std::string node_id;  // empty: all of the execution
  CancelResult result = CancelResult::done;
  // It has no runner: what was asked for counts when it is resumed.
  bool counts_on_resume = false;
  std::string detail;
};

struct CancelAnswer {
  CancelAction action = CancelAction::cancel;
  bool all = false;
  std::vector<CancelItem> items;  // in the order they were asked for
  std::string audit_head;         // of the store
};

// What could not be done, those that were not found first: a wrong name decides the exit code.
[[nodiscard]] std::vector<ErrorAnswer> errors_of(const CancelAnswer& answer);
// With a line feed at its end.
[[nodiscard]] std::string cancel_document(const CancelAnswer& answer, JsonWriter::Layout layout);
// One line for each that was found, escaped.
[[nodiscard]] std::string cancel_lines(const CancelAnswer& answer);

}  // namespace dsched::wire
