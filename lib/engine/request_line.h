// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests that wait, the most important first, of equal ones the oldest.
//
// It holds numbers only. One that ceased to wait stays in it until it would be next: whoever takes
// numbers out asks whether they still wait.

#include <array>
#include <deque>
#include <optional>

#include "base/ids.h"

namespace dsched::engine {

class RequestLine {
 public:
  void add(Priority priority, NodeIndex request) { levels_[place(priority)].push_back(request); }
  // Before all others of its priority: it has waited before.
  void add_again(Priority priority, NodeIndex request) {
    levels_[place(priority)].push_front(request);
  }
  // The best one for which waits() is true; those before it are forgotten.
  template <class Waits>
  [[nodiscard]] std::optional<NodeIndex> best(const Waits& waits) {
    for (std::deque<NodeIndex>& level : levels_) {
      while (!level.empty()) {
        if (waits(level.front())) return level.front();
        level.pop_front();
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t k_levels = 11;
  static std::size_t place(Priority priority) { return k_levels - 1 - priority.level; }
  std::array<std::deque<NodeIndex>, k_levels> levels_;  // the most important first
};

}  // namespace dsched::engine
