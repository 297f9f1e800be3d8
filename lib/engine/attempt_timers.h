// SPDX-License-Identifier: Apache-2.0
#pragma once
// When something is due for an attempt, and which attempts stand still. A timer that was set for an
// attempt stands still with it; the delay before a retry goes on.

#include <algorithm>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "base/ids.h"

namespace dsched::engine {

enum class TimerKind : std::uint8_t {
  retry,    // the delay is over
  timeout,  // the attempt's time is over
  force,    // it was told to end, and had the time to
};

struct Timer {
  Instant at;
  TimerKind kind = TimerKind::retry;
  NodeIndex node;
  std::uint32_t attempt = 0;   // it was set for; a timer of another attempt is stale
  Nanoseconds stood_still{0};  // of the attempt when it was set: it fires later by the difference
  bool operator>(const Timer& other) const { return at > other.at; }
};

class AttemptTimers {
 public:
  void set(const Timer& timer) { timers_.push(timer); }
  [[nodiscard]] std::optional<Instant> next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.top().at;
  }
  // The next one that is due, taken out; empty: there is none.
  [[nodiscard]] std::optional<Timer> take_due(Instant now);
  // False: its attempt has stood still, or does, so it fires later. `stood_still` is until the
  // attempt was last stopped.
  [[nodiscard]] bool is_ripe(const Timer& timer, Nanoseconds stood_still);

  void stop(Instant now, NodeIndex node) { standing_.emplace(node, Standing{now, {}}); }
  // How long it has stood still by now, when it was `before` until it was last stopped.
  Nanoseconds go_on(Instant now, NodeIndex node, Nanoseconds before);
  [[nodiscard]] bool any_stands() const { return !standing_.empty(); }
  // Those that stand still for which `may_go_on`: first what is most important, then what stands
  // still for longest. `priority` says how important one is.
  template <class Priorities, class May>
  [[nodiscard]] std::vector<NodeIndex> in_order(const Priorities& priority,
                                                const May& may_go_on) const;
  template <class Visit>
  void each_standing(const Visit& visit) const {
    for (const auto& [node, standing] : standing_) visit(node);
  }

 private:
  struct Standing {
    Instant since;
    std::vector<Timer> timers;  // that came due meanwhile
  };
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::map<NodeIndex, Standing> standing_;
};

// ------------------------------------------------------------------------------------------------

template <class Priorities, class May>
std::vector<NodeIndex> AttemptTimers::in_order(const Priorities& priority,
                                               const May& may_go_on) const {
  std::vector<NodeIndex> nodes;
  for (const auto& [node, standing] : standing_) {
    if (may_go_on(node)) nodes.push_back(node);
  }
  std::stable_sort(nodes.begin(), nodes.end(), [&](NodeIndex a, NodeIndex b) {
    if (priority(a) != priority(b)) return priority(a) > priority(b);
    return standing_.at(a).since < standing_.at(b).since;
  });
  return nodes;
}

}  // namespace dsched::engine
