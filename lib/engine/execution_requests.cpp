// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/execution.h"

// The part of Execution that gives requests to the instances of persistent workers.
//
// A request goes to the least loaded instance that has room. Opening an instance takes a slot, for
// which the best request competes with the other nodes; joining one that has work takes none. While
// a slot is asked for by something of a higher priority, or has to go back, nobody joins, so that
// instances run empty and give their slots back.

namespace dsched::engine {

void Execution::queue_up(NodeIndex node) {
  std::optional<dag::WorkerIndex> worker;
  if (is_request(node)) worker = dag_.worker_of(node);
  queue_.add(rank(node), dag_.settings(node).pool, worker);
}

void Execution::grant(Instant now, NodeIndex node, Effects& out) {
  NodeData& data = nodes_[node.value];
  move(node, Phase::granted);
  active_.push_back(node);
  data.withdraw_asked = false;
  take_slots(now, node, need(node).count);
  const std::uint32_t instance = is_request(node) ? loads_.place(node).instance : 0;
  out.push_back(StartAttempt{node, ++data.attempts, instance});
}

void Execution::grant_request(Instant now, const WorkerLoads::Place& place, Effects& out) {
  const NodeIndex node = queue_.take_request(place.worker);
  loads_.enter(node, place);
  grant(now, node, out);
}

void Execution::admit_requests(Instant now, Effects& out) {
  if (is_stopping() || is_suspended_ || is_paused_) return;
  const auto goes_on = [this](NodeIndex bearer) { return phase(bearer) != Phase::suspended; };
  for (std::uint32_t i = 0; i < dag_.workers().size(); ++i) {
    const dag::WorkerIndex worker{i};
    while (slots_.running() <= slots_.start_limit()) {
      const std::optional<Rank> request = queue_.best_request(worker);
      if (!request) break;
      const std::optional<Rank> other = queue_.best();
      if (other && other->priority > request->priority && slots_.is_full()) break;
      const auto place = loads_.with_room(worker, goes_on);
      if (!place) break;
      grant_request(now, *place, out);
    }
  }
}

// The slot of the instance passes on to another one of its requests, unless it stands still.
void Execution::take_from_instance(Instant now, NodeIndex node) {
  const auto heir = loads_.leave(node);
  if (!heir || phase(*heir) == Phase::suspended || nodes_[heir->value].waits_for_nested) return;
  take_slots(now, *heir, 1);
}

std::optional<Rank> Execution::best_opening() const {
  std::optional<Rank> best;
  for (std::uint32_t i = 0; i < dag_.workers().size(); ++i) {
    const std::optional<Rank> request = queue_.best_request({i});
    if (!request || loads_.closed_count({i}) == 0) continue;
    if (!best || request->is_better_than(*best)) best = request;
  }
  return best;
}

std::uint32_t Execution::openings_wanted() const {
  std::uint32_t wanted = 0;
  for (std::uint32_t i = 0; i < dag_.workers().size(); ++i) {
    const std::size_t waiting = queue_.requests({i});
    const std::uint32_t closed = loads_.closed_count({i});
    wanted += static_cast<std::uint32_t>(std::min<std::size_t>(waiting, closed));
  }
  return wanted;
}

bool Execution::may_stand_still(NodeIndex node) const {
  const auto all = loads_.together(node);
  return std::all_of(all.begin(), all.end(), [this](NodeIndex one) {
    const NodeData& data = nodes_[one.value];
    return dag_.settings(one).preemptible && !data.timed_out && !data.cancel_asked;
  });
}

void Execution::suspend_all(Instant now, NodeIndex node, Effects& out) {
  for (const NodeIndex one : loads_.together(node)) {
    if (phase(one) == Phase::running) suspend(now, one, out);
  }
}

void Execution::resume_all(Instant now, NodeIndex node, Effects& out) {
  for (const NodeIndex one : loads_.together(node)) {
    if (phase(one) != Phase::suspended) continue;
    resume(now, one);
    out.push_back(ControlTree{one, TreeControl::resume});
  }
}

}  // namespace dsched::engine
