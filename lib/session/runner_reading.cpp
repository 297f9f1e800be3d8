// SPDX-License-Identifier: Apache-2.0
#include "session/runner.h"

// The part of Runner that lets large inputs be read in the background, so that whoever presses
// Ctrl-C, waits for a slot or looks at the display does not wait for them.

namespace dsched::session {
namespace {

// A file that changes as often as it is read is examined as it is.
constexpr int k_readings_max = 3;

}  // namespace

// True: its inputs are being read, and it will be examined later.
bool Runner::waits_for_reading(NodeIndex node) {
  using Reading = executor::Workspace::Reading;
  const auto before = reading_.find(node);
  const int readings = before == reading_.end() ? 0 : before->second;
  const Reading reading =
      readings < k_readings_max ? examiner_.begin_reading(node) : Reading::nothing;
  if (reading != Reading::nothing) {
    reading_[node] = readings + (reading == Reading::begun ? 1 : 0);
    return true;
  }
  if (before != reading_.end()) reading_.erase(before);
  return false;
}

void Runner::take_read() {
  const bool has_news = ports_.workspace.take_news();
  if (reading_.empty()) return;
  if (engine_.is_stopping()) return give_up_reading();
  if (!has_news) return;
  for (const auto& [node, readings] : reading_) effects_.push_back(engine::Examine{node});
}

// For nodes that will not run: they count as having to run, which costs nothing then.
void Runner::give_up_reading(std::optional<NodeIndex> node) {
  for (auto at = reading_.begin(); at != reading_.end();) {
    if (node && at->first != *node) {
      ++at;
      continue;
    }
    apply(engine::MustRun{at->first});
    at = reading_.erase(at);
  }
}

}  // namespace dsched::session
