// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/execution.h"

// The part of Execution that ends things: what was asked to stop or to be cancelled, and what has
// run out of time.

namespace dsched::engine {

void Execution::on(Instant now, const Stop& fact, Effects& out) {
  if (stopping_ && *stopping_ >= fact.request) return;
  stopping_ = fact.request;
  withdraw_granted(out);
  end_running(now, control_for(fact.request), out);
  if (fact.request != StopRequest::terminate) return;
  for (const NodeIndex node : active_) set_timer(now + options_.grace, TimerKind::force, node);
}

void Execution::withdraw_granted(Effects& out) {
  for (const NodeIndex node : active_) {
    if (phase(node) == Phase::granted) out.push_back(Withdraw{node});
  }
}

void Execution::end_running(Instant now, TreeControl how, Effects& out) {
  for (const NodeIndex node : active_) end_attempt(now, node, how, out);
}

// What stands still must go on to end.
void Execution::end_attempt(Instant now, NodeIndex node, TreeControl how, Effects& out) {
  const Phase before = phase(node);
  if (before != Phase::running && before != Phase::suspended) return;
  out.push_back(ControlTree{node, how});
  if (before == Phase::suspended) resume_all(now, node, out);
}

void Execution::on(Instant now, const Cancel&, Effects& out) {
  is_cancelled_ = true;
  on(now, Stop{StopRequest::terminate}, out);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) cancel_pending({i}, out);
}

void Execution::on(Instant now, const CancelNode& fact, Effects& out) {
  NodeData& data = nodes_[fact.node.value];
  if (data.phase == Phase::granted || data.phase == Phase::running ||
      data.phase == Phase::suspended) {
    if (data.cancel_asked) return;
    data.cancel_asked = true;
    if (data.phase == Phase::granted) return out.push_back(Withdraw{fact.node});
    end_attempt(now, fact.node,
                is_request(fact.node) ? TreeControl::cancel : TreeControl::terminate, out);
    return set_timer(now + options_.grace, TimerKind::force, fact.node);
  }
  if (!cancel_pending(fact.node, out)) return;
  cancel_elements(now, fact.node, out);
  settle_readers(now, fact.node, out);
  cancel_dependents(fact.node, out);
  wake_twins(fact.node, out);
  if (const auto producer = dag_.stream_of(fact.node)) end_if_unread(now, *producer, out);
}

// False when it is not pending: it runs, is over, or was never wanted.
bool Execution::cancel_pending(NodeIndex node, Effects& out) {
  switch (phase(node)) {
    case Phase::waiting:
    case Phase::held:
    case Phase::backoff:
    case Phase::unconfirmed:
      break;
    case Phase::twin:
      std::erase_if(twins_, [node](const auto& entry) { return entry.second == node; });
      break;
    case Phase::queued:
      queue_.remove(node);
      break;
    default:
      return false;
  }
  move(node, Phase::cancelled);
  out.push_back(NodeSettled{node, NodeState::cancelled, Reason::none, FailureClass::none, {}, {}});
  return true;
}

void Execution::set_timer(Instant at, TimerKind kind, NodeIndex node) {
  const NodeData& data = nodes_[node.value];
  timers_.set({at, kind, node, data.attempts, data.stood_still});
}

void Execution::on(Instant now, const Tick&, Effects& out) {
  if (is_suspended_) return;
  while (const auto timer = timers_.take_due(now)) fire(now, *timer, out);
  // For what may be suspended now dispatch() looks anyway.
}

void Execution::fire(Instant now, const Timer& timer, Effects& out) {
  NodeData& data = nodes_[timer.node.value];
  if (data.attempts != timer.attempt || !timers_.is_ripe(timer, data.stood_still)) return;
  switch (timer.kind) {
    case TimerKind::retry:
      if (data.phase == Phase::backoff) enqueue(timer.node, out);
      return;
    case TimerKind::timeout:
      if (data.phase != Phase::running) return;
      data.timed_out = true;
      out.push_back(ControlTree{
          timer.node, is_request(timer.node) ? TreeControl::cancel : TreeControl::terminate});
      set_timer(now + options_.grace, TimerKind::force, timer.node);
      return;
    case TimerKind::force:
      if (data.phase == Phase::running) out.push_back(ControlTree{timer.node, TreeControl::kill});
      return;
  }
}

std::optional<Instant> Execution::next_deadline() const {
  if (is_suspended_) return std::nullopt;
  return earliest(slots_.look_at(), timers_.next());
}

bool Execution::has_granted() const {
  return std::any_of(active_.begin(), active_.end(),
                     [this](NodeIndex node) { return phase(node) == Phase::granted; });
}

}  // namespace dsched::engine
