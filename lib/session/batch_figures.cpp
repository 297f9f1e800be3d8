// SPDX-License-Identifier: Apache-2.0
#include "session/batch_figures.h"

#include <algorithm>

namespace dsched::session {

journal::Summary& BatchFigures::of_operation(std::string_view operation) {
  auto found = std::find_if(by_operation_.begin(), by_operation_.end(),
                            [&](const Named& named) { return named.operation == operation; });
  if (found == by_operation_.end()) {
    found = by_operation_.insert(found, Named{std::string(operation), {}});
  }
  return found->figures;
}

void BatchFigures::settled(std::string_view operation, engine::Completion completion, How how,
                           const RequestTimes& times) {
  journal::Summary& figures = of_operation(operation);
  switch (completion) {
    case engine::Completion::completed:
      ++figures.completed;
      break;
    case engine::Completion::failed:
    case engine::Completion::timeout:
      ++figures.failed;
      break;
    case engine::Completion::cancelled:
    case engine::Completion::skipped:
      ++figures.cancelled;
      return;
  }
  if (how == How::reused) {
    ++figures.reused;
  } else if (times.queued) {
    figures.queue.add(*times.queued);
    figures.processing += times.took;
  }
  figures.latency.add(times.latency);
}

void BatchFigures::write(sys::Database& database, ExecutionNumber execution, WallTime now) {
  for (const Named& named : by_operation_) {
    journal::add_summary(database, execution, now, named.operation, named.figures);
  }
  by_operation_.clear();
}

}  // namespace dsched::session
