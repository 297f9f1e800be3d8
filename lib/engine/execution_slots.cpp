// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/execution.h"

// The part of Execution that keeps within what it has leased: what occupies slots, what is
// suspended and what goes on.

namespace dsched::engine {
namespace {

// When slots are wanted back at once, only an attempt that ends within this is waited for.
constexpr Nanoseconds k_at_once = std::chrono::milliseconds{50};

}  // namespace

void Execution::on(Instant, const Leased& fact, Effects&) {
  const bool newly_lent = fact.holding.lent && !(lease_ && lease_->holding.lent);
  if (newly_lent || !fact.holding.lent) lent_used_ = 0;
  lease_ = fact;
  if (options_.is_as_wide_as_machine) options_.width = std::max(fact.machine, Slots{1});
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

std::uint32_t Execution::run_limit() const {
  if (!lease_) return options_.is_leased ? 0 : options_.width.count;
  const Holding& holding = lease_->holding;
  return std::min(holding.held.count - std::min(holding.due.count, holding.held.count),
                  options_.width.count);
}

std::uint32_t Execution::start_limit() const {
  const std::uint32_t limit = run_limit();
  const bool lent_is_gone = lease_ && lease_->holding.lent && lent_used_ > 0;
  return lent_is_gone && limit > 0 ? limit - 1 : limit;
}

Slots Execution::need(NodeIndex node) const {
  if (loads_.is_in_flight(node)) return {loads_.is_bearer(node) ? 1U : 0U};
  Slots most = options_.width;
  if (lease_) most = std::min(most, std::max(lease_->machine, Slots{1}));
  return std::min(dag_.settings(node).slots, most);
}

Nanoseconds Execution::expected(NodeIndex node) const {
  return expected_.empty() ? Nanoseconds{0} : expected_[node.value];
}

bool Execution::fits(NodeIndex node) const {
  return used_ + need(node).count <= start_limit();
}

// Keeps the sum of slot time right: called before `running_` changes.
Nanoseconds Execution::take_slot_time(Instant now) {
  slot_time_ += running_ * (now - slot_time_at_);
  slot_time_at_ = now;
  return std::exchange(slot_time_, Nanoseconds{0});
}

void Execution::take_slots(Instant now, NodeIndex node, std::uint32_t count) {
  NodeData& data = nodes_[node.value];
  DSCHED_ASSERT(data.taken == 0, "slots are taken once");
  slot_time_ = take_slot_time(now);
  data.taken = count;
  used_ += count;
  if (count > 1) ++wide_active_;
  if (data.phase == Phase::running) running_ += count;
}

void Execution::drop_slots(Instant now, NodeIndex node) {
  NodeData& data = nodes_[node.value];
  slot_time_ = take_slot_time(now);
  used_ -= data.taken;
  if (data.taken > 1) --wide_active_;
  if (data.phase == Phase::running) running_ -= data.taken;
  data.taken = 0;
}

void Execution::suspend(Instant now, NodeIndex node, Effects& out) {
  drop_slots(now, node);
  move(node, Phase::suspended);
  suspended_.emplace(node, Suspension{now, {}});
  out.push_back(ControlTree{node, TreeControl::suspend});
}

// The timers of the attempt go on where they stood.
void Execution::resume(Instant now, NodeIndex node) {
  const auto found = suspended_.find(node);
  NodeData& data = nodes_[node.value];
  const Nanoseconds stood = now - found->second.since;
  data.stood_still += stood;
  for (Timer timer : found->second.timers) {
    timer.at += stood;
    timer.stood_still = data.stood_still;
    timers_.push(timer);
  }
  suspended_.erase(found);
  if (data.taken > 0) drop_slots(now, node);  // it kept them for its readers
  move(node, Phase::running);
  if (!data.waits_for_nested) take_slots(now, node, need(node).count);
}

Nanoseconds Execution::stood_still(NodeIndex node) const {
  return nodes_[node.value].stood_still;
}

// Attempts that may be suspended, first whom it harms least. Notes when to look again for those
// that may be later.
std::vector<NodeIndex> Execution::victims(Instant now) {
  look_at_.reset();
  const bool at_once = lease_->holding.at_once;
  const Nanoseconds quantum = lease_->quantum;
  const Nanoseconds horizon = at_once ? std::min(quantum, k_at_once) : quantum;
  std::vector<NodeIndex> found;
  for (const NodeIndex node : active_) {
    const NodeData& data = nodes_[node.value];
    const bool may_stop = data.phase == Phase::running && data.taken > 0 && may_stand_still(node) &&
                          !must_go_on_for_readers(node);
    if (!may_stop) continue;
    const Nanoseconds ran = now - data.started - data.stood_still;
    Nanoseconds left = at_once ? Nanoseconds{0} : quantum - ran;
    const Nanoseconds to_come = expected(node) - ran;
    if (to_come > Nanoseconds{0} && to_come <= horizon) left = std::max(left, to_come);
    if (left <= Nanoseconds{0}) {
      found.push_back(node);
    } else if (!look_at_ || now + left < *look_at_) {
      look_at_ = now + left;
    }
  }
  std::stable_sort(found.begin(), found.end(), [this](NodeIndex a, NodeIndex b) {
    const Priority of_a = dag_.settings(a).priority;
    const Priority of_b = dag_.settings(b).priority;
    if (of_a != of_b) return of_a < of_b;
    return nodes_[a.value].started > nodes_[b.value].started;
  });
  if (!dag_.has_streams()) return found;
  // Readers before what they read: without it they would soon stand still as well.
  std::stable_partition(found.begin(), found.end(),
                        [this](NodeIndex node) { return running_readers(node).empty(); });
  return found;
}

void Execution::keep_within_lease(Instant now, Effects& out) {
  look_at_.reset();
  if (!lease_ || stopping_) return;
  const std::uint32_t limit = run_limit();
  if (used_ > limit && (lease_->holding.due.count > 0 || limit == 0 || running_ > limit)) {
    std::uint32_t over = used_ - limit;
    for (auto last = active_.rbegin(); last != active_.rend() && over > 0; ++last) {
      NodeData& data = nodes_[last->value];
      if (data.phase != Phase::granted || data.withdraw_asked || data.taken == 0) continue;
      data.withdraw_asked = true;
      out.push_back(Withdraw{*last});
      over -= std::min(over, data.taken);
    }
  }
  if (running_ <= limit || lease_->preemption == Preemption::boundary) return;
  for (const NodeIndex node : victims(now)) {
    if (running_ <= limit) break;
    suspend_all(now, node, out);
  }
}

// What may go on: first what is most important, then what stands still for longest.
std::vector<NodeIndex> Execution::suspended_in_order() const {
  std::vector<NodeIndex> nodes;
  for (const auto& [node, suspension] : suspended_) {
    const bool may_go_on = !nodes_[node.value].readers_are_behind && !must_wait_for_producer(node);
    // The bearer goes on with all that share its instance.
    const bool bears = !is_request(node) || loads_.is_bearer(node);
    if (may_go_on && bears) nodes.push_back(node);
  }
  std::stable_sort(nodes.begin(), nodes.end(), [this](NodeIndex a, NodeIndex b) {
    const Priority of_a = dag_.settings(a).priority;
    const Priority of_b = dag_.settings(b).priority;
    if (of_a != of_b) return of_a > of_b;
    return suspended_.at(a).since < suspended_.at(b).since;
  });
  return nodes;
}

// What was suspended goes on before anything of its priority or a lower one starts. One that does
// not fit lets others pass: slots that none of them used would be of no use to anybody.
void Execution::resume_what_fits(Instant now, Effects& out) {
  if (is_suspended_ || is_paused_ || suspended_.empty()) return;
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
  const std::uint32_t width = options_.width.count;
  const std::uint32_t limit = run_limit();
  Demand demand;
  // An attempt that was handed over ahead of its turn occupies nothing yet, but one that could not
  // be taken back has begun.
  std::uint32_t begun = running_;
  for (const NodeIndex node : active_) {
    const NodeData& data = nodes_[node.value];
    if (data.phase == Phase::granted && data.withdraw_asked) begun += data.taken;
  }
  demand.in_use = {std::max(begun, std::min(used_, limit))};
  const bool starts_nothing = is_stopping() || is_suspended_ || is_paused_;
  std::uint32_t more = 0;
  if (!is_suspended_ && !is_paused_) {
    for (const auto& [node, suspension] : suspended_) {
      if (!nodes_[node.value].readers_are_behind) more += need(node).count;
    }
  }
  const bool goes_on = more > 0;
  if (!starts_nothing) {
    more += queue_.slots_wanted(width, [this](NodeIndex node) { return need(node); });
    more += openings_wanted();
    for (const NodeIndex node : active_) {
      const NodeData& data = nodes_[node.value];
      const bool is_ahead = data.phase == Phase::granted && !data.withdraw_asked && used_ > limit;
      if (is_ahead) more += data.taken;
    }
  }
  demand.wanted = {std::min(demand.in_use.count + more, std::max(width, demand.in_use.count))};
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
    demand.next_is_short = !goes_on && lease_ && takes > Nanoseconds{0} && takes <= lease_->quantum;
  }
  return demand;
}

}  // namespace dsched::engine
