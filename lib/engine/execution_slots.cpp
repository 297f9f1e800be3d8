// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/execution.h"

// The part of Execution that keeps within what it has leased: what occupies slots, what is
// suspended and what goes on.

namespace dsched::engine {

void Execution::on(Instant, const Leased& fact, Effects&) {
  slots_.lease(fact);
}

void Execution::on(Instant now, const Suspended&, Effects& out) {
  if (is_suspended_) return;
  is_suspended_ = true;
  withdraw_granted(out);
  for (const NodeIndex node : active_) {
    if (phase(node) == Phase::running) suspend(now, node, out);
  }
}

void Execution::on(Instant, const Continued&, Effects&) {
  is_suspended_ = false;  // dispatch() lets go on what fits
}

void Execution::on(Instant now, const Paused&, Effects& out) {
  if (is_paused_) return;
  is_paused_ = true;
  if (stopping_) return;
  withdraw_granted(out);
  for (const NodeIndex node : active_) {
    const bool may_stop = may_stand_still(node) && !must_go_on_for_readers(node);
    if (phase(node) == Phase::running && may_stop) suspend(now, node, out);
  }
}

void Execution::on(Instant, const Released&, Effects&) {
  is_paused_ = false;
}

void Execution::on(Instant now, const NestedBegan& fact, Effects&) {
  NodeData& data = nodes_[fact.node.value];
  if (phase(fact.node) != Phase::running || data.waits_for_nested) return;
  drop_slots(now, fact.node);
  data.waits_for_nested = true;
}

void Execution::on(Instant now, const NestedEnded& fact, Effects&) {
  NodeData& data = nodes_[fact.node.value];
  if (!data.waits_for_nested) return;
  data.waits_for_nested = false;
  if (phase(fact.node) == Phase::running) take_slots(now, fact.node, need(fact.node).count);
}

Slots Execution::need(NodeIndex node) const {
  if (loads_.is_in_flight(node)) return {loads_.is_bearer(node) ? 1U : 0U};
  return slots_.need(dag_.settings(node).slots);
}

Nanoseconds Execution::expected(NodeIndex node) const {
  return expected_.empty() ? Nanoseconds{0} : expected_[node.value];
}

void Execution::take_slots(Instant now, NodeIndex node, std::uint32_t count) {
  NodeData& data = nodes_[node.value];
  DSCHED_ASSERT(data.taken == 0, "slots are taken once");
  data.taken = count;
  slots_.take(now, {count}, stage(node));
}

void Execution::drop_slots(Instant now, NodeIndex node) {
  NodeData& data = nodes_[node.value];
  slots_.drop(now, {data.taken}, stage(node));
  data.taken = 0;
}

void Execution::suspend(Instant now, NodeIndex node, Effects& out) {
  drop_slots(now, node);
  move(node, Phase::suspended);
  timers_.stop(now, node);
  out.push_back(ControlTree{node, TreeControl::suspend});
}

void Execution::resume(Instant now, NodeIndex node) {
  NodeData& data = nodes_[node.value];
  data.stood_still = timers_.go_on(now, node, data.stood_still);
  if (data.taken > 0) drop_slots(now, node);  // it kept them for its readers
  move(node, Phase::running);
  if (!data.waits_for_nested) take_slots(now, node, need(node).count);
}

Nanoseconds Execution::stood_still(NodeIndex node) const {
  return nodes_[node.value].stood_still;
}

// Attempts that may be suspended, first whom it harms least.
std::vector<NodeIndex> Execution::victims(Instant now) {
  std::vector<Stoppable> running;
  for (const NodeIndex node : active_) {
    const NodeData& data = nodes_[node.value];
    const bool may_stop = data.phase == Phase::running && data.taken > 0 && may_stand_still(node) &&
                          !must_go_on_for_readers(node);
    if (!may_stop) continue;
    running.push_back(
        {node, dag_.settings(node).priority, data.started, data.stood_still, expected(node)});
  }
  std::vector<NodeIndex> found = slots_.victims(now, std::move(running));
  if (!dag_.has_streams()) return found;
  // Readers before what they read: without it they would soon stand still as well.
  std::stable_partition(found.begin(), found.end(),
                        [this](NodeIndex node) { return running_readers(node).empty(); });
  return found;
}

void Execution::keep_within_lease(Instant now, Effects& out) {
  slots_.forget_look();
  if (stopping_) return;
  std::uint32_t over = slots_.to_take_back();
  for (auto last = active_.rbegin(); last != active_.rend() && over > 0; ++last) {
    NodeData& data = nodes_[last->value];
    if (data.phase != Phase::granted || data.withdraw_asked || data.taken == 0) continue;
    data.withdraw_asked = true;
    out.push_back(Withdraw{*last});
    over -= std::min(over, data.taken);
  }
  if (!slots_.must_suspend()) return;
  for (const NodeIndex node : victims(now)) {
    if (!slots_.must_suspend()) break;
    suspend_all(now, node, out);
  }
}

// What may go on: first what is most important, then what stands still for longest.
std::vector<NodeIndex> Execution::suspended_in_order() const {
  const auto priority = [this](NodeIndex node) { return dag_.settings(node).priority; };
  return timers_.in_order(priority, [this](NodeIndex node) {
    if (nodes_[node.value].readers_are_behind || must_wait_for_producer(node)) return false;
    return loads_.needs_slot(node);  // the bearer goes on with all that share its instance
  });
}

// What was suspended goes on before anything of its priority or a lower one starts. One that does
// not fit lets others pass: slots that none of them used would be of no use to anybody.
void Execution::resume_what_fits(Instant now, Effects& out) {
  if (is_suspended_ || is_paused_ || !timers_.any_stands()) return;
  // Readers go on after what they read.
  while (resume_some(now, out) && dag_.has_streams()) continue;
}

// False when nothing went on.
bool Execution::resume_some(Instant now, Effects& out) {
  bool any = false;
  const std::optional<Rank> next = queue_.best();
  for (const NodeIndex node : suspended_in_order()) {
    if (next && !is_stopping() && next->priority > dag_.settings(node).priority.level &&
        fits(next->node) && !must_wait_for_producer(next->node)) {
      return false;
    }
    const NodeData& data = nodes_[node.value];
    const bool needs_slots = !data.waits_for_nested && data.taken == 0;
    if (needs_slots && !fits(node)) make_room_for_producer(now, node, out);
    if (needs_slots && !fits(node)) continue;
    resume_all(now, node, out);
    any = true;
  }
  return any;
}

Demand Execution::demand(Others others) const {
  const std::uint32_t width = slots_.width().count;
  const bool starts_nothing = is_stopping() || is_suspended_ || is_paused_;
  // An attempt that was handed over ahead of its turn occupies nothing yet, but one that could not
  // be taken back has begun.
  std::uint32_t begun = slots_.running();
  std::uint32_t ahead = 0;
  for (const NodeIndex node : active_) {
    const NodeData& data = nodes_[node.value];
    if (data.phase == Phase::granted) (data.withdraw_asked ? begun : ahead) += data.taken;
  }
  std::uint32_t more = 0;
  if (!is_suspended_ && !is_paused_) {
    timers_.each_standing([&](NodeIndex node) {
      if (!nodes_[node.value].readers_are_behind) more += need(node).count;
    });
  }
  const bool goes_on = more > 0;
  if (!starts_nothing) {
    more += queue_.slots_wanted(width, [this](NodeIndex node) { return need(node); });
    more += openings_wanted();
    if (slots_.used() > slots_.run_limit()) more += ahead;
  }
  Demand demand = slots_.demand({begun}, {more});
  if (others == Others::none && !starts_nothing && more > 0) {
    const std::uint64_t left = counts_.pending() + counts_.running;
    demand.wanted =
        std::max(demand.wanted, {static_cast<std::uint32_t>(std::min<std::uint64_t>(left, width))});
  }
  std::optional<Rank> best = queue_.best();
  if (const auto request = best_opening(); request && (!best || request->is_better_than(*best))) {
    best = request;
  }
  const std::vector<NodeIndex> to_go_on = goes_on ? suspended_in_order() : std::vector<NodeIndex>{};
  if (more > 0 && (!to_go_on.empty() || best)) {
    const NodeIndex next = to_go_on.empty() ? best->node : to_go_on.front();
    demand.next_need = need(next);
    const Nanoseconds takes = expected(next);
    demand.next_is_short =
        !goes_on && slots_.lease() && takes > Nanoseconds{0} && takes <= slots_.lease()->quantum;
  }
  return demand;
}

}  // namespace dsched::engine
