// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/batch.h"

// The part of Batch that keeps to what is leased: what occupies slots, what is suspended and what
// goes on. The rules are those of engine/execution_slots.cpp, for requests of one slot each.

namespace dsched::engine {
namespace {

// When slots are wanted back at once, nothing is waited for.
constexpr Nanoseconds k_none{0};

}  // namespace

void Batch::on(Instant, const Leased& fact, BatchEffects&) {
  const bool newly_lent = fact.holding.lent && !(lease_ && lease_->holding.lent);
  if (newly_lent || !fact.holding.lent) lent_used_ = 0;
  lease_ = fact;
  if (options_.is_as_wide_as_machine) options_.width = std::max(fact.machine, Slots{1});
}

void Batch::on(Instant now, const Suspended&, BatchEffects& out) {
  if (is_suspended_) return;
  is_suspended_ = true;
  withdraw_granted(out);
  for (const NodeIndex request : active_) {
    if (data(request).phase == RequestPhase::running) suspend(now, request, out);
  }
}

void Batch::on(Instant, const Continued&, BatchEffects&) {
  is_suspended_ = false;  // dispatch() lets go on what fits
}

void Batch::on(Instant now, const Paused&, BatchEffects& out) {
  if (is_paused_) return;
  is_paused_ = true;
  if (stopping_) return;
  withdraw_granted(out);
  for (const NodeIndex request : active_) {
    if (data(request).phase == RequestPhase::running) suspend(now, request, out);
  }
}

void Batch::on(Instant, const Released&, BatchEffects&) {
  is_paused_ = false;
}

void Batch::on(Instant now, const NestedBegan& fact, BatchEffects&) {
  const auto found = requests_.find(fact.node);
  if (found == requests_.end() || found->second.phase != RequestPhase::running ||
      found->second.waits_for_nested) {
    return;
  }
  drop_slot(now, found->second);
  found->second.waits_for_nested = true;
}

void Batch::on(Instant now, const NestedEnded& fact, BatchEffects&) {
  const auto found = requests_.find(fact.node);
  if (found == requests_.end() || !found->second.waits_for_nested) return;
  found->second.waits_for_nested = false;
  if (found->second.phase == RequestPhase::running) take_slot(now, found->second);
}

std::uint32_t Batch::run_limit() const {
  if (!lease_) return options_.is_leased ? 0 : options_.width.count;
  const Holding& holding = lease_->holding;
  return std::min(holding.held.count - std::min(holding.due.count, holding.held.count),
                  options_.width.count);
}

std::uint32_t Batch::start_limit() const {
  const std::uint32_t limit = run_limit();
  const bool lent_is_gone = lease_ && lease_->holding.lent && lent_used_ > 0;
  return lent_is_gone && limit > 0 ? limit - 1 : limit;
}

// As Execution: some attempts more than there are slots may be handed over, so that a worker finds
// its next one without waiting for the session.
bool Batch::may_go_ahead() const {
  const std::uint32_t limit = start_limit();
  if (used_ >= limit + k_ahead_max || limit == 0 || !suspended_.empty()) return false;
  return !lease_ || (lease_->holding.due.count == 0 && !lease_->holding.lent);
}

Nanoseconds Batch::take_slot_time(Instant now) {
  slot_time_ += running_ * (now - slot_time_at_);
  slot_time_at_ = now;
  return std::exchange(slot_time_, Nanoseconds{0});
}

void Batch::take_slot(Instant now, Data& request) {
  DSCHED_ASSERT(!request.takes_slot, "a slot is taken once");
  slot_time_ = take_slot_time(now);
  request.takes_slot = true;
  ++used_;
  if (request.phase == RequestPhase::running) ++running_;
}

void Batch::drop_slot(Instant now, Data& request) {
  if (!request.takes_slot) return;
  slot_time_ = take_slot_time(now);
  request.takes_slot = false;
  --used_;
  if (request.phase == RequestPhase::running) --running_;
}

void Batch::release(Instant now, NodeIndex request) {
  active_.erase(std::find(active_.begin(), active_.end(), request));
  drop_slot(now, data(request));
}

void Batch::suspend(Instant now, NodeIndex index, BatchEffects& out) {
  Data& request = data(index);
  drop_slot(now, request);
  move(request, RequestPhase::suspended);
  suspended_.emplace(index, Suspension{now, {}});
  out.push_back(ControlTree{index, TreeControl::suspend});
}

// The timers of the attempt go on where they stood.
void Batch::resume(Instant now, NodeIndex index) {
  const auto found = suspended_.find(index);
  Data& request = data(index);
  const Nanoseconds stood = now - found->second.since;
  request.stood_still += stood;
  for (Timer timer : found->second.timers) {
    timer.at += stood;
    timer.stood_still = request.stood_still;
    timers_.push(timer);
  }
  suspended_.erase(found);
  move(request, RequestPhase::running);
  if (!request.waits_for_nested) take_slot(now, request);
}

// Attempts that may be suspended, first whom it harms least. Notes when to look again for those
// that may be later.
std::vector<NodeIndex> Batch::victims(Instant now) {
  look_at_.reset();
  const bool at_once = lease_->holding.at_once;
  std::vector<NodeIndex> found;
  for (const NodeIndex index : active_) {
    const Data& request = data(index);
    const bool may_stand_still = request.phase == RequestPhase::running && request.takes_slot &&
                                 !request.timed_out && !request.cancel_asked;
    if (!may_stand_still) continue;
    const Nanoseconds ran = now - request.started - request.stood_still;
    const Nanoseconds left = at_once ? k_none : lease_->quantum - ran;
    if (left <= k_none) {
      found.push_back(index);
    } else if (!look_at_ || now + left < *look_at_) {
      look_at_ = now + left;
    }
  }
  std::stable_sort(found.begin(), found.end(), [this](NodeIndex a, NodeIndex b) {
    const Data& of_a = data(a);
    const Data& of_b = data(b);
    if (of_a.priority != of_b.priority) return of_a.priority < of_b.priority;
    return of_a.started > of_b.started;
  });
  return found;
}

void Batch::keep_within_lease(Instant now, BatchEffects& out) {
  look_at_.reset();
  if (!lease_ || stopping_) return;
  const std::uint32_t limit = run_limit();
  if (used_ > limit && (lease_->holding.due.count > 0 || limit == 0 || running_ > limit)) {
    std::uint32_t over = used_ - limit;
    for (auto last = active_.rbegin(); last != active_.rend() && over > 0; ++last) {
      Data& request = data(*last);
      if (request.phase != RequestPhase::granted || request.withdraw_asked) continue;
      request.withdraw_asked = true;
      out.push_back(Withdraw{*last});
      --over;
    }
  }
  if (running_ <= limit || lease_->preemption == Preemption::boundary) return;
  for (const NodeIndex request : victims(now)) {
    if (running_ <= limit) break;
    suspend(now, request, out);
  }
}

// First what is most important, then what stands still for longest.
std::vector<NodeIndex> Batch::suspended_in_order() const {
  std::vector<NodeIndex> requests;
  for (const auto& [request, suspension] : suspended_) requests.push_back(request);
  std::stable_sort(requests.begin(), requests.end(), [this](NodeIndex a, NodeIndex b) {
    const Priority of_a = requests_.at(a).priority;
    const Priority of_b = requests_.at(b).priority;
    if (of_a != of_b) return of_a > of_b;
    return suspended_.at(a).since < suspended_.at(b).since;
  });
  return requests;
}

// What was suspended goes on before anything starts: that it was begun counts for more here than a
// priority, because its answer may be what others wait behind.
void Batch::resume_what_fits(Instant now, BatchEffects& out) {
  if (is_suspended_ || is_paused_ || suspended_.empty()) return;
  for (const NodeIndex index : suspended_in_order()) {
    if (!data(index).waits_for_nested && used_ >= start_limit()) continue;
    resume(now, index);
    out.push_back(ControlTree{index, TreeControl::resume});
  }
}

Demand Batch::demand(Execution::Others others) const {
  const std::uint32_t width = options_.width.count;
  const std::uint32_t limit = run_limit();
  Demand demand;
  // An attempt that was handed over ahead of its turn occupies nothing yet, but one that could not
  // be taken back has begun.
  std::uint32_t begun = running_;
  std::uint32_t ahead = 0;
  for (const NodeIndex index : active_) {
    const Data& request = requests_.at(index);
    if (request.phase != RequestPhase::granted) continue;
    ++(request.withdraw_asked ? begun : ahead);
  }
  demand.in_use = {std::max(begun, std::min(used_, limit))};
  const bool starts_nothing = is_stopping() || is_suspended_ || is_paused_ || room_ == Room::none;
  std::uint32_t more = 0;
  if (!is_suspended_ && !is_paused_) more = static_cast<std::uint32_t>(suspended_.size());
  if (!starts_nothing) {
    more += static_cast<std::uint32_t>(std::min<std::size_t>(queued_attempts_, width));
    if (used_ > limit) more += ahead;
  }
  demand.wanted = {std::min(demand.in_use.count + more, std::max(width, demand.in_use.count))};
  // More may come any moment; said at once, it need not be said again while nobody else waits.
  if (others == Execution::Others::none && !starts_nothing && more > 0 && !input_ended_ &&
      options_.running == BatchOptions::Running::parallel) {
    demand.wanted = std::max(demand.wanted, {width});
  }
  return demand;
}

}  // namespace dsched::engine
