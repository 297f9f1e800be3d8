// SPDX-License-Identifier: Apache-2.0
#include "session/runner.h"

// The part of Runner that lets large inputs be read in the background.

namespace dsched::session {

// True: its inputs are being read, and it will be examined later.
bool Runner::waits_for_reading(NodeIndex node) {
  return readings_.waits(node, [&] { return examiner_.begin_reading(node); });
}

void Runner::take_read() {
  const bool has_news = ports_.workspace.take_news();
  if (readings_.empty()) return;
  if (engine_.is_stopping()) return give_up_reading();
  if (!has_news) return;
  for (const NodeIndex node : readings_.nodes()) effects_.push_back(engine::Examine{node});
}

// For nodes that will not run: they count as having to run, which costs nothing then.
void Runner::give_up_reading(std::optional<NodeIndex> only) {
  for (const NodeIndex node : readings_.nodes()) {
    if (only && node != *only) continue;
    apply(engine::MustRun{node});
    readings_.forget(node);
  }
}

}  // namespace dsched::session
