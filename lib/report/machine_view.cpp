// SPDX-License-Identifier: Apache-2.0
#include "report/machine_view.h"

#include <algorithm>

namespace dsched::report {
namespace {

// The lessee of the lease that was granted last.
std::optional<engine::LesseeId> latest_holder(const engine::ArbiterState& state) {
  const engine::SlotState* latest = nullptr;
  for (const engine::SlotState& slot : state.slots) {
    if (!slot.holder) continue;
    if (latest == nullptr || slot.granted_seq > latest->granted_seq) latest = &slot;
  }
  return latest == nullptr ? std::nullopt : latest->holder;
}

}  // namespace

wire::SchedulerAnswer scheduler_of(const machine::Table& table, Instant now) {
  const engine::ArbiterState& state = table.arbiter;
  const engine::Arbiter arbiter(state);
  const auto current = latest_holder(state);
  wire::SchedulerAnswer answer;
  answer.total_scheduled = state.counters.total_scheduled;
  answer.context_switches = state.counters.context_switches;
  answer.preemptions = state.counters.preemptions;
  answer.policy = name_of(state.settings.policy);
  answer.quantum = state.settings.quantum;
  for (const machine::Member& member : table.members) {
    const auto lessee =
        std::find_if(state.lessees.begin(), state.lessees.end(),
                     [&](const engine::Lessee& one) { return one.id == member.lessee; });
    if (lessee == state.lessees.end()) continue;
    wire::SchedulerProcess& process = answer.processes.emplace_back();
    process.pid = member.pid;
    process.execution_id = member.execution_id;
    process.priority = lessee->priority;
    process.effective_priority = arbiter.effective(member.lessee, now);
    process.virtual_time = lessee->virtual_time;
    process.slot_time = lessee->slot_time;
    process.held = arbiter.holding(member.lessee).held;
    process.wanted = lessee->demand.wanted;
    process.is_current = current == member.lessee;
  }
  return answer;
}

SlotsNow slots_of(const machine::Table& table) {
  const auto& slots = table.arbiter.slots;
  const auto held = std::count_if(slots.begin(), slots.end(),
                                  [](const auto& slot) { return slot.holder.has_value(); });
  return {.slots = table.arbiter.settings.slots, .in_use = {static_cast<std::uint32_t>(held)}};
}

}  // namespace dsched::report
