// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "dag/builder.h"
#include "session/elements.h"
#include "session/runner.h"

// The part of Runner that expands map nodes and makes their results.

namespace dsched::session {
// All bytes of a result; empty when the store has lost them.
std::optional<std::string> Runner::bytes_of(NodeIndex node) {
  try {
    return values_.bytes(node, k_list_bytes_max);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return std::nullopt;
  }
}

void Runner::perform(const engine::Expand& effect) {
  const NodeIndex map = effect.node;
  if (needs_consent(map)) return apply(engine::MustRun{map, true});
  const NodeIndex list = plan_.dag.arguments(map).front();
  const store::Content content = values_.content(list);
  if (plan_.dag.maps().template_of(map).kind != dag::MapKind::bytes) {
    return expand_values(map, content);
  }
  if (content.size > k_list_bytes_max) {
    return cannot_run(map, FailureClass::refused,
                      "its list has " + std::to_string(content.size) + " bytes, but at most " +
                          std::to_string(k_list_bytes_max) + " are read");
  }
  const auto bytes = bytes_of(list);
  if (!bytes) return lose(list, map);
  auto cut = elements_of(*bytes);
  auto* const elements = std::get_if<Elements>(&cut);
  if (elements == nullptr) {
    return cannot_run(map, FailureClass::refused,
                      "its list has more than " + std::to_string(k_elements_max) +
                          " elements, the limit of a map");
  }
  if (!elements->doubt.empty()) {
    warn("the list of " + std::string(plan_.dag.node(map).node_id) +
         " begins with [ but is no JSON array (" + elements->doubt +
         "); its lines are the elements");
  }
  take_elements(map, content, std::move(elements->values));
}

bool Runner::has_room_for(NodeIndex map, std::size_t elements) {
  const std::size_t copies = plan_.dag.maps().template_of(map).nodes.size() * elements;
  if (plan_.dag.size() + copies + elements <= 2 * dag::k_nodes_max) return true;
  cannot_run(map, FailureClass::refused,
             "with the elements of its list the execution would have more than " +
                 std::to_string(dag::k_nodes_max) + " nodes");
  return false;
}

void Runner::take_elements(NodeIndex map, const store::Content& list,
                           std::vector<std::string>&& elements) {
  if (!fan_out_.is_of(map, list)) {
    if (!has_room_for(map, elements.size())) return;
    expand(map, static_cast<std::uint32_t>(elements.size()), list);
  }
  join(*plan_.dag.maps().of(map), std::move(elements));
}

// Makes the nodes and puts it on record that they were made.
void Runner::expand(NodeIndex map, std::uint32_t elements, const store::Content& list) {
  const bool was_expanded = plan_.dag.maps().of(map) != nullptr;
  const dag::Expansion expansion = plan_.dag.expand(map, elements);
  journal::Outcome outcome = journal::expanded_outcome(expansion, list);
  outcome.at = since_submission(now_);
  recorder_.add(now_, outcome);
  fan_out_.note_list(map, list);
  if (was_expanded) hand_down();
}

// A list came out different after its result was lost, or with another program. What was completed
// counts where name and key are still the same.
void Runner::hand_down() {
  for (const dag::Expansion& expansion : plan_.dag.maps().expansions()) {
    if (expansion.is_current) continue;
    const std::uint32_t end = expansion.nodes_end().value;
    for (std::uint32_t i = expansion.nodes_begin().value; i < end; ++i) {
      const std::string_view id = plan_.dag.node({i}).node_id;
      if (auto kept = examiner_.take_kept({i})) fan_out_.hand_down(id, std::move(*kept));
      auto recalled = fan_out_.take_recalled({i});
      if (recalled && recalled->completed) fan_out_.hand_down(id, std::move(*recalled->completed));
    }
  }
}

// The nodes of the expansion take part from now on.
void Runner::join(const dag::Expansion& expansion, std::vector<std::string>&& elements) {
  values_.grow(plan_.dag.size());
  for (std::uint32_t i = 0; i < expansion.elements; ++i) {
    values_.set_value(expansion.value(i), std::move(elements[i]));
  }
  if (auto missing = fan_out_.missing(expansion)) {
    return cannot_run(expansion.map, FailureClass::not_found, *missing);
  }
  std::vector<engine::NodePlan> plans = fan_out_.plan(expansion);
  if (durations_) tracker_.add_expansion(expansion, *durations_, plans);
  engine_.admit(expansion.first, plans);
  for (std::uint32_t i = expansion.nodes_begin().value; i < expansion.nodes_end().value; ++i) {
    if (auto recalled = fan_out_.take_recalled({i})) recall(std::move(*recalled));
    if (auto kept = fan_out_.take_handed_down({i})) examiner_.keep({i}, std::move(*kept));
  }
  if (fixer_) fixer_->prepare(engine_, expansion.nodes_begin(), expansion.nodes_end());
  for (const NodeIndex goal : fan_out_.goals(expansion)) goals_.push_back(goal);
  prefetch(expansion);
  apply(engine::Expanded{expansion.map, fan_out_.wanted(expansion.map)});
}

void Runner::prefetch(const dag::Expansion& expansion) {
  if (expansion.elements == 0) return;
  bool any_examined = false;
  for (std::uint32_t i = 0; i < expansion.per_element; ++i) {
    any_examined = any_examined || !engine_.is_in_process({expansion.nodes_begin().value + i});
  }
  if (!any_examined) return;
  ports_.store.file_digests().load();
  if (expansion.elements >= k_bulk_min) ports_.store.results().preload();
}

// Copies of one template share a mean that follows the last of them.
void Runner::remember_duration(NodeIndex node, Nanoseconds took) {
  constexpr int k_weight = 8;
  const std::string name = recorded_name(plan_.dag, node);
  const bool is_shared = plan_.dag.maps().with(node) != nullptr;
  const auto before = is_shared ? durations_->duration(name) : std::nullopt;
  durations_->remember(name, before ? *before + (took - *before) / k_weight : took);
}

void Runner::gather(NodeIndex map) {
  if (plan_.dag.maps().template_of(map).kind != dag::MapKind::bytes) {
    return take_evaluated(map, program_values_.gather(map));
  }
  const dag::Expansion& expansion = *plan_.dag.maps().of(map);
  ResultArray results;
  std::vector<NodeIndex> lost;
  for (std::uint32_t i = 0; i < expansion.elements; ++i) {
    const NodeIndex node = expansion.result(i);
    const ResultArray::Kind kind = result_kind(plan_.dag.node(node));
    if (values_.is_in_process(node)) {
      results.add(values_.value(node), kind);
    } else if (results.size() + values_.content(node).size > k_list_bytes_max) {
      return cannot_run(map, FailureClass::refused,
                        "the results of its elements have more than " +
                            std::to_string(k_list_bytes_max) +
                            " bytes, which is more than one result may hold");
    } else if (const auto bytes = bytes_of(node)) {
      results.add(*bytes, kind);
    } else {
      lost.push_back(node);
    }
  }
  for (const NodeIndex node : lost) {
    lose(node, map);
    if (engine_.phase(map) == engine::Phase::failed) return;
  }
  if (lost.empty()) finish_in_process(map, results.take());
}

}  // namespace dsched::session
