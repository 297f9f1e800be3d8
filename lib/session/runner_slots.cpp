// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "session/runner.h"

// The part of Runner that is steered from outside: slots, suspension, cancelling.

namespace dsched::session {

using engine::Phase;

bool Runner::settle_slots() {
  const bool rang = steering_.take_ring();
  if (rang) gates_due_ = now_;
  return steering_.settle_slots(now_, rang ? Steering::Rang::yes : Steering::Rang::no);
}

void Runner::take(const SteeringFact& fact) {
  now_ = ports_.clock.now();
  if (const auto* lease = std::get_if<engine::Leased>(&fact)) warn_of_wide_nodes(lease->machine);
  std::visit([this](const auto& what) { apply(what); }, fact);
  if (std::holds_alternative<engine::Continued>(fact)) tracker_.continue_all();
}

void Runner::cancel(const std::optional<std::string>& name) {
  if (!name) {
    give_up_reading();
    return apply(engine::Cancel{});
  }
  const auto node = plan_.dag.find(*name);
  if (!node) return;
  give_up_reading(*node);
  apply(engine::CancelNode{*node});
}

// Called before everything stands still.
bool Runner::settle() {
  take_events();
  drain();
  tracker_.suspend_all();
  return engine_.has_granted();
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

std::vector<NodeIndex> Runner::running(const std::vector<std::string>& attempt_ids) const {
  std::vector<NodeIndex> found;
  for (const auto& [node, under_way] : under_way_) {
    if (engine_.phase(node) == Phase::granted) continue;
    const auto named = std::find(attempt_ids.begin(), attempt_ids.end(), under_way.attempt_id);
    if (named != attempt_ids.end()) found.push_back(node);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace dsched::session
