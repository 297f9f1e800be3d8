// SPDX-License-Identifier: Apache-2.0
#include "session/machine_slots.h"

#include <algorithm>
#include <utility>

namespace dsched::session {

MachineSlots::MachineSlots(std::string folder, const sys::Clock& clock, sys::Host& host,
                           machine::Member member, Priority priority)
    : membership_(std::move(folder), clock, host, std::move(member), priority),
      priority_(priority) {}

Allowance MachineSlots::update(const engine::Demand& demand) {
  standing_ = membership_.report(demand);
  reported_ = demand;
  Allowance allowance;
  allowance.holding = standing_.holding;
  allowance.machine = standing_.settings.slots;
  allowance.quantum = standing_.settings.quantum;
  allowance.preemption = standing_.settings.preemption;
  allowance.waiting_attempts = standing_.waiting_attempts;
  if (standing_.priority != priority_) {
    priority_ = standing_.priority;
    allowance.priority = priority_;
  }
  return allowance;
}

bool MachineSlots::cares(const engine::Demand& demand) const {
  return is_worth_telling(reported_, demand, standing_);
}

bool is_worth_telling(const engine::Demand& before, const engine::Demand& now,
                      const machine::Standing& standing) {
  const engine::Holding& holding = standing.holding;
  const Slots all = standing.settings.slots;
  // Alone, with all there is, and nobody can give more; else nobody gives more than all there is.
  const bool has_all =
      standing.is_alone && standing.settings.slots_are_chosen && holding.held >= all;
  const auto wanted = [&](const engine::Demand& demand) {
    return standing.is_alone ? demand.wanted : std::min(demand.wanted, all);
  };
  const bool wants = now.wanted > holding.held && !has_all;
  if (wants && (wanted(now) != wanted(before) || now.next_need != before.next_need ||
                now.next_is_short != before.next_is_short)) {
    return true;
  }
  if (!wants && before.wanted > holding.held && !has_all) return true;
  const bool has_changed = now.wanted != before.wanted || now.in_use != before.in_use;
  if (holding.contended && has_changed && holding.held > std::min(now.wanted, now.in_use)) {
    return true;
  }
  return (holding.due.count > 0 || holding.lent) && now.in_use < before.in_use;
}

}  // namespace dsched::session
