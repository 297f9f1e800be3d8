// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which requests are in flight in which instance of a persistent worker, and who bears its slot.
//
// An instance with work in flight occupies one slot, however many requests it serves: one of them,
// the bearer, holds the slot for all. When the bearer leaves, another one inherits it. An instance
// without work is closed: it occupies nothing, and its next request needs a slot. It knows nothing
// of processes: whether one lives, or stands still, is not its business.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "dag/worker.h"

namespace dsched::engine {

class WorkerLoads {
 public:
  struct Place {
    dag::WorkerIndex worker;
    std::uint32_t instance = 0;
  };
  explicit WorkerLoads(std::span<const dag::Worker> workers);

  // The least loaded instance that has work and room for more, of those whose bearer `may_take`
  // more; empty: there is none.
  [[nodiscard]] std::optional<Place> with_room(
      dag::WorkerIndex worker, const std::function<bool(NodeIndex)>& may_take) const;
  // The first instance without work; empty: there is none.
  [[nodiscard]] std::optional<Place> closed(dag::WorkerIndex worker) const;
  [[nodiscard]] std::uint32_t closed_count(dag::WorkerIndex worker) const;

  void enter(NodeIndex node, const Place& place);
  // The one that inherits the slot, if `node` bore it and is not the last.
  std::optional<NodeIndex> leave(NodeIndex node);

  [[nodiscard]] bool has_any() const { return !places_.empty(); }
  [[nodiscard]] bool is_in_flight(NodeIndex node) const { return places_.contains(node); }
  // Of what is in flight:
  [[nodiscard]] const Place& place(NodeIndex node) const { return places_.at(node); }
  [[nodiscard]] bool is_bearer(NodeIndex node) const { return sharers(node).front() == node; }
  // All requests of its instance, itself included, the bearer first.
  [[nodiscard]] std::span<const NodeIndex> sharers(NodeIndex node) const;
  // All that stand still and go on together with the node: its instance, or the node itself, which
  // must outlive the answer.
  [[nodiscard]] std::span<const NodeIndex> together(const NodeIndex& node) const {
    return is_in_flight(node) ? sharers(node) : std::span<const NodeIndex>(&node, 1);
  }
  // A slot is needed for it, once: it is no request, or bears the slot of its instance.
  [[nodiscard]] bool needs_slot(NodeIndex node) const {
    return !is_in_flight(node) || is_bearer(node);
  }

 private:
  struct State {
    std::uint32_t max_batch = 1;
    std::vector<std::vector<NodeIndex>> instances;  // the bearer first
    std::uint32_t open = 0;                         // instances that have work
  };
  std::vector<State> workers_;
  std::unordered_map<NodeIndex, Place> places_;
};

}  // namespace dsched::engine
