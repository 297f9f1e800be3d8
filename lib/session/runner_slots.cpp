// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "session/runner.h"

// The part of Runner that asks for slots and keeps to what it may use.

namespace dsched::session {

using engine::Phase;

// Asks when the demand is news to the source, when it has rung, or when it is time to look. True
// when the engine has something to decide.
bool Runner::settle_slots() {
  const auto others =
      others_wait_ ? engine::Execution::Others::waiting : engine::Execution::Others::none;
  const engine::Demand demand = engine_.demand(others);
  const std::optional<Instant> look = ports_.slots.next_look();
  const bool rang = ports_.slots.has_news();
  if (rang) {
    take_wishes();
    gates_due_ = now_;
  }
  const bool is_time = look && *look <= now_;
  if (!is_time && !rang && !ports_.slots.cares(demand)) return false;
  take_allowance(demand);
  return true;
}

void Runner::take_allowance(const engine::Demand& demand) {
  engine::Demand report = demand;
  report.slot_time = engine_.take_slot_time(now_);
  const Allowance allowance = ports_.slots.update(report);
  others_wait_ = allowance.holding.contended;
  held_ = allowance.holding.held;
  if (allowance.priority) execution_.priority = *allowance.priority;
  warn_of_wide_nodes(allowance.machine);
  waiting_attempts_ = allowance.waiting_attempts;
  note_nested();
  apply(engine::Leased{allowance.holding, allowance.machine, allowance.quantum,
                       allowance.preemption});
  give_width();
}

void Runner::warn_of_wide_nodes(Slots machine) {
  if (is_width_checked_) return;
  is_width_checked_ = true;
  for (const NodeIndex node : plan_.wanted) {
    Slots needed = plan_.dag.settings(node).slots;
    if (plan_.dag.node(node).operation == dag::Operation::map) {
      for (const dag::TemplateNode& one : plan_.dag.maps().template_of(node).nodes) {
        needed = std::max(needed, plan_.dag.settings_of(one.node).slots);
      }
    }
    if (needed <= machine) continue;
    warn("node " + std::string(plan_.dag.node(node).node_id) + " needs " +
         std::to_string(needed.count) + " slots and the machine has " +
         std::to_string(machine.count) + ": it will run alone");
  }
}

// An attempt that only waits for a nested execution keeps its worker busy, but none of the slots.
void Runner::give_width() {
  const Slots width{engine_.width_now().count + static_cast<std::uint32_t>(nested_.size())};
  if (width == width_given_) return;
  ports_.executor.set_width(width);
  width_given_ = width;
}

// Tells the engine which nodes have begun or ceased to wait for an execution of their own. To be
// called again when an attempt has started: one that is not known to run cannot wait yet.
void Runner::note_nested() {
  std::vector<NodeIndex> waiting;
  for (const auto& [node, under_way] : under_way_) {
    if (waiting_attempts_.empty() || engine_.phase(node) == Phase::granted) continue;
    const auto named =
        std::find(waiting_attempts_.begin(), waiting_attempts_.end(), under_way.attempt_id);
    if (named != waiting_attempts_.end()) waiting.push_back(node);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const NodeIndex node : waiting) {
    if (!std::binary_search(nested_.begin(), nested_.end(), node)) {
      apply(engine::NestedBegan{node});
    }
  }
  for (const NodeIndex node : nested_) {
    if (!std::binary_search(waiting.begin(), waiting.end(), node)) {
      apply(engine::NestedEnded{node});
    }
  }
  nested_ = std::move(waiting);
}

}  // namespace dsched::session
