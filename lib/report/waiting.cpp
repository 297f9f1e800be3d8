// SPDX-License-Identifier: Apache-2.0
#include "report/waiting.h"

#include <algorithm>

#include "base/time_text.h"

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using wire::WaitingLine;

WaitingLine line_for(std::string_view node_id, std::string_view word, std::string explanation) {
  WaitingLine line;
  line.node_id = node_id;
  line.waits_for = word;
  line.explanation = std::move(explanation);
  return line;
}

const journal::LiveNode* news_of(const WaitingScene& scene, NodeIndex node) {
  if (!scene.live) return nullptr;
  const auto& nodes = scene.live->nodes;
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [node](const auto& one) { return one.node == node; });
  return found == nodes.end() ? nullptr : &*found;
}

// What holds for the execution as a whole and everything in it.
std::optional<WaitingLine> as_a_whole(const WaitingScene& scene, std::string_view id) {
  const ExecutionStatus status = scene.standing.status;
  const bool is_over = status == ExecutionStatus::completed || status == ExecutionStatus::failed ||
                       status == ExecutionStatus::cancelled;
  if (is_over) {
    return line_for(id, "ended",
                    "the execution " + std::string(name_of(status)) + " and never came to it");
  }
  if (!scene.standing.has_runner && status != ExecutionStatus::waiting) {
    return line_for(id, "runner",
                    "nobody works on the execution; go on with: dsched-run --resume " +
                        std::to_string(scene.execution.value));
  }
  if (scene.live && scene.live->is_stopping) {
    return line_for(id, "stopping", "the execution starts nothing new any more");
  }
  return std::nullopt;
}

std::optional<WaitingLine> by_dependencies(const WaitingScene& scene, NodeIndex node) {
  WaitingLine line = line_for(scene.dag.node(node).node_id, "dependency", "waits for ");
  for (const NodeIndex before : dag::needs_now(scene.dag, node)) {
    if (scene.states[before].state == NodeState::completed) continue;
    ++line.nodes_in_all;
    if (line.nodes.size() < k_dependencies_shown) {
      line.nodes.push_back(scene.dag.node(before).node_id);
    }
  }
  if (line.nodes_in_all == 0) return std::nullopt;
  for (std::size_t i = 0; i < line.nodes.size(); ++i) {
    line.explanation += (i == 0 ? "" : ", ") + std::string(line.nodes[i]);
  }
  if (line.nodes_in_all > line.nodes.size()) {
    line.explanation += " and " + std::to_string(line.nodes_in_all - line.nodes.size()) + " more";
  }
  return line;
}

std::optional<WaitingLine> by_reason(const WaitingScene& scene, NodeIndex node) {
  const std::string_view id = scene.dag.node(node).node_id;
  switch (scene.states[node].reason) {
    case Reason::awaiting_approval:
      return line_for(id, "approval", "waits for approval");
    case Reason::needs_decision:
      return line_for(id, "decision",
                      "may have taken effect already and is not idempotent: it runs again with "
                      "dsched-run --resume " +
                          std::to_string(scene.execution.value) + " --target " + std::string(id));
    case Reason::backoff: {
      WaitingLine line = line_for(id, "backoff", "is tried again");
      const journal::LiveNode* news = news_of(scene, node);
      if (news != nullptr && news->until) {
        line.until = news->until;
        line.explanation += " at " + to_rfc3339(*news->until);
      }
      return line;
    }
    default:
      return std::nullopt;
  }
}

WaitingLine for_a_place(const WaitingScene& scene, NodeIndex node) {
  const std::string_view id = scene.dag.node(node).node_id;
  if (scene.live && scene.live->is_paused) {
    return line_for(id, "paused", "the execution is paused");
  }
  const auto pool = scene.dag.settings(node).pool;
  if (pool && scene.live) {
    const std::string_view name = scene.dag.pools()[pool->value].name;
    for (const journal::LivePool& one : scene.live->pools) {
      if (one.name != name || one.in_use < one.limit) continue;
      WaitingLine line =
          line_for(id, "pool",
                   "pool " + one.name + " is full (" + std::to_string(one.in_use.count) + " of " +
                       std::to_string(one.limit.count) + " in use)");
      line.pool = one.name;
      return line;
    }
  }
  std::string text = "waits for a slot";
  if (scene.live) {
    text += " (the execution holds " + std::to_string(scene.live->held.count) + " and uses " +
            std::to_string(scene.live->in_use.count) + ")";
  }
  return line_for(id, "slot", std::move(text));
}

}  // namespace

std::optional<WaitingLine> why_waiting(const WaitingScene& scene, NodeIndex node) {
  const NodeFigures& figures = scene.states[node];
  const std::string_view id = scene.dag.node(node).node_id;
  if (figures.state == NodeState::running) {
    if (figures.reason != Reason::suspended) return std::nullopt;
    return line_for(id, "suspended", "is suspended: its slots were given back for the moment");
  }
  if (figures.state != NodeState::pending) return std::nullopt;
  if (auto line = as_a_whole(scene, id)) return line;
  if (auto line = by_dependencies(scene, node)) return line;
  if (auto line = by_reason(scene, node)) return line;
  return for_a_place(scene, node);
}

}  // namespace dsched::report
