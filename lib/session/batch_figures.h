// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a batch's requests add to the figures of the store (journal/summary.h), by operation.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch_facts.h"
#include "journal/summary.h"
#include "session/figures.h"

namespace dsched::session {

struct RequestTimes {
  std::optional<Nanoseconds> queued;  // until its first attempt began
  Nanoseconds latency{0};             // from ready to ended
  Nanoseconds took{0};                // its last attempt
};

class BatchFigures {
 public:
  enum class How : std::uint8_t { ran, reused };
  void settled(std::string_view operation, engine::Completion completion, How how,
               const RequestTimes& times);
  // An attempt that was a request to a worker.
  void worker_used(std::string_view operation, const executor::Ended& ended) {
    add_worker_use(of_operation(operation), ended);
  }
  // Adds what came together since the last call; joins the caller's transaction.
  void write(sys::Database& database, ExecutionNumber execution, WallTime now);

 private:
  [[nodiscard]] journal::Summary& of_operation(std::string_view operation);
  struct Named {
    std::string operation;
    journal::Summary figures;
  };
  std::vector<Named> by_operation_;
};

}  // namespace dsched::session
