// SPDX-License-Identifier: Apache-2.0
#include "engine/attempt_timers.h"

namespace dsched::engine {

std::optional<Timer> AttemptTimers::take_due(Instant now) {
  if (timers_.empty() || timers_.top().at > now) return std::nullopt;
  const Timer timer = timers_.top();
  timers_.pop();
  return timer;
}

bool AttemptTimers::is_ripe(const Timer& timer, Nanoseconds stood_still) {
  if (timer.kind == TimerKind::retry) return true;
  const Nanoseconds stood = stood_still - timer.stood_still;
  if (stood > Nanoseconds{0}) {
    set({timer.at + stood, timer.kind, timer.node, timer.attempt, stood_still});
    return false;
  }
  const auto found = standing_.find(timer.node);
  if (found == standing_.end()) return true;
  found->second.timers.push_back(timer);
  return false;
}

// The timers of the attempt go on where they stood.
Nanoseconds AttemptTimers::go_on(Instant now, NodeIndex node, Nanoseconds before) {
  const auto found = standing_.find(node);
  const Nanoseconds stood = now - found->second.since;
  for (Timer timer : found->second.timers) {
    timer.at += stood;
    timer.stood_still = before + stood;
    timers_.push(timer);
  }
  standing_.erase(found);
  return before + stood;
}

}  // namespace dsched::engine
