// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/batch.h"

// The part of Batch that keeps to what is leased: what occupies slots, what is suspended and what
// goes on. The rules are those of engine/execution_slots.cpp, for requests of one slot each.

namespace dsched::engine {

void Batch::on(Instant, const Leased& fact, BatchEffects&) {
  slots_.lease(fact);
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
  const bool runs = found->second.phase == RequestPhase::running;
  if (runs && loads_.needs_slot(fact.node)) take_slot(now, found->second);
}

SlotBook::Stage Batch::stage(const Data& request) {
  return request.phase == RequestPhase::running ? SlotBook::Stage::running
                                                : SlotBook::Stage::handed_over;
}

void Batch::take_slot(Instant now, Data& request) {
  DSCHED_ASSERT(!request.takes_slot, "a slot is taken once");
  request.takes_slot = true;
  slots_.take(now, {1}, stage(request));
}

void Batch::drop_slot(Instant now, Data& request) {
  if (!request.takes_slot) return;
  request.takes_slot = false;
  slots_.drop(now, {1}, stage(request));
}

void Batch::release(Instant now, NodeIndex request) {
  active_.erase(std::find(active_.begin(), active_.end(), request));
  drop_slot(now, data(request));
  if (data(request).worker) leave_instance(now, request);
}

void Batch::suspend(Instant now, NodeIndex index, BatchEffects& out) {
  Data& request = data(index);
  drop_slot(now, request);
  move(request, RequestPhase::suspended);
  timers_.stop(now, index);
  out.push_back(ControlTree{index, TreeControl::suspend});
}

void Batch::resume(Instant now, NodeIndex index) {
  Data& request = data(index);
  request.stood_still = timers_.go_on(now, index, request.stood_still);
  move(request, RequestPhase::running);
  if (!request.waits_for_nested && loads_.needs_slot(index)) take_slot(now, request);
}

// Attempts that may be suspended, first whom it harms least.
std::vector<NodeIndex> Batch::victims(Instant now) {
  std::vector<Stoppable> running;
  for (const NodeIndex index : active_) {
    const Data& request = data(index);
    const bool runs = request.phase == RequestPhase::running && request.takes_slot;
    if (!runs || !may_stand_still(index)) continue;
    running.push_back({index, request.priority, request.started, request.stood_still});
  }
  return slots_.victims(now, std::move(running));
}

void Batch::keep_within_lease(Instant now, BatchEffects& out) {
  slots_.forget_look();
  if (stopping_) return;
  std::uint32_t over = slots_.to_take_back();
  for (auto last = active_.rbegin(); last != active_.rend() && over > 0; ++last) {
    Data& request = data(*last);
    const bool may_come_back = request.phase == RequestPhase::granted && request.takes_slot;
    if (!may_come_back || request.withdraw_asked) continue;
    request.withdraw_asked = true;
    out.push_back(Withdraw{*last});
    --over;
  }
  if (!slots_.must_suspend()) return;
  for (const NodeIndex request : victims(now)) {
    if (!slots_.must_suspend()) break;
    suspend_all(now, request, out);
  }
}

// What was suspended goes on before anything starts: that it was begun counts for more here than a
// priority, because its answer may be what others wait behind.
void Batch::resume_what_fits(Instant now, BatchEffects& out) {
  if (is_suspended_ || is_paused_ || !timers_.any_stands()) return;
  const auto priority = [this](NodeIndex request) { return requests_.at(request).priority; };
  // The bearer goes on with all that share its instance.
  const auto bears = [this](NodeIndex request) { return loads_.needs_slot(request); };
  for (const NodeIndex index : timers_.in_order(priority, bears)) {
    if (!data(index).waits_for_nested && slots_.is_full()) continue;
    resume_all(now, index, out);
  }
}

Demand Batch::demand(Execution::Others others) const {
  const std::uint32_t width = slots_.width().count;
  // An attempt that was handed over ahead of its turn occupies nothing yet, but one that could not
  // be taken back has begun.
  std::uint32_t begun = slots_.running();
  std::uint32_t ahead = 0;
  for (const NodeIndex index : active_) {
    const Data& request = requests_.at(index);
    const bool counts = request.phase == RequestPhase::granted && request.takes_slot;
    if (counts) ++(request.withdraw_asked ? begun : ahead);
  }
  const bool starts_nothing = is_stopping() || is_suspended_ || is_paused_ || room_ == Room::none;
  std::uint32_t more = 0;
  if (!is_suspended_ && !is_paused_) {
    timers_.each_standing([&](NodeIndex request) { more += loads_.needs_slot(request) ? 1 : 0; });
  }
  if (!starts_nothing) {
    more += static_cast<std::uint32_t>(std::min<std::size_t>(queued_attempts_, width));
    more += openings_wanted();
    if (slots_.used() > slots_.run_limit()) more += ahead;
  }
  Demand demand = slots_.demand({begun}, {more});
  // More may come any moment; said at once, it need not be said again while nobody else waits.
  if (others == Execution::Others::none && !starts_nothing && more > 0 && !input_ended_ &&
      options_.running == BatchOptions::Running::parallel) {
    demand.wanted = std::max(demand.wanted, {width});
  }
  return demand;
}

}  // namespace dsched::engine
