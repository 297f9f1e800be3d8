// SPDX-License-Identifier: Apache-2.0
#pragma once
// Nodes whose large inputs are being read in the background, so that whoever presses Ctrl-C, waits
// for a slot or looks at the display does not wait for them.

#include <map>

#include "executor/workspace.h"

namespace dsched::session {

class Readings {
 public:
  // True: what the node reads is being read, and it is to be asked again when there is news.
  // `begin` begins it.
  template <class Begin>
  [[nodiscard]] bool waits(NodeIndex node, const Begin& begin) {
    using Reading = executor::Workspace::Reading;
    const auto before = begun_.find(node);
    const int readings = before == begun_.end() ? 0 : before->second;
    const Reading reading = readings < k_readings_max ? begin() : Reading::nothing;
    if (reading != Reading::nothing) {
      begun_[node] = readings + (reading == Reading::begun ? 1 : 0);
      return true;
    }
    if (before != begun_.end()) begun_.erase(before);
    return false;
  }
  // False: it did not wait.
  bool forget(NodeIndex node) { return begun_.erase(node) > 0; }
  [[nodiscard]] bool empty() const { return begun_.empty(); }
  [[nodiscard]] std::vector<NodeIndex> nodes() const {
    std::vector<NodeIndex> nodes;
    for (const auto& [node, readings] : begun_) nodes.push_back(node);
    return nodes;
  }

 private:
  // A file that changes as often as it is read is examined as it is.
  static constexpr int k_readings_max = 3;
  std::map<NodeIndex, int> begun_;  // how often reading was begun
};

}  // namespace dsched::session
