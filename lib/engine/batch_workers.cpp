// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/batch.h"

// The part of Batch that gives requests to the instances of persistent workers. The rules are those
// of engine/execution_requests.cpp.

namespace dsched::engine {

// The next one that may begin.
std::optional<NodeIndex> Batch::next_to(dag::WorkerIndex worker) {
  if (room_ != Room::for_first || in_order_.empty()) return next_in(requests_to_[worker.value]);
  const Data& first = data(in_order_.front());
  if (first.worker != worker || first.phase != RequestPhase::queued) return std::nullopt;
  return in_order_.front();
}

void Batch::open_instance(NodeIndex request, const Data& data) {
  if (data.worker) loads_.enter(request, *loads_.closed(*data.worker));
}

// While a slot is asked for by something of a higher priority, or has to go back, nobody joins, so
// that instances run empty and give their slots back.
void Batch::join_instances(Instant now, BatchEffects& out) {
  if (queued_to_workers_ == 0 || !loads_.has_any()) return;
  const auto goes_on = [this](NodeIndex bearer) {
    return data(bearer).phase != RequestPhase::suspended;
  };
  for (std::uint32_t i = 0; i < requests_to_.size(); ++i) {
    while (slots_.running() <= slots_.start_limit()) {
      const auto next = next_to({i});
      if (!next || !may_begin(*next)) break;
      const auto other = next_in(attempts_);
      if (other && data(*other).priority > data(*next).priority && slots_.is_full()) break;
      const auto place = loads_.with_room({i}, goes_on);
      if (!place) break;
      loads_.enter(*next, *place);
      grant(now, *next, out);
    }
  }
}

// The slot of the instance passes on to another one of its requests, unless it stands still.
void Batch::leave_instance(Instant now, NodeIndex request) {
  const auto heir = loads_.leave(request);
  if (!heir) return;
  Data& next = data(*heir);
  if (next.phase != RequestPhase::suspended && !next.waits_for_nested) take_slot(now, next);
}

std::uint32_t Batch::openings_wanted() const {
  std::uint32_t wanted = 0;
  for (std::uint32_t i = 0; i < queued_requests_.size(); ++i) {
    wanted += static_cast<std::uint32_t>(
        std::min<std::size_t>(queued_requests_[i], loads_.closed_count({i})));
  }
  return wanted;
}

bool Batch::may_stand_still(NodeIndex request) {
  const auto all = loads_.together(request);
  return std::all_of(all.begin(), all.end(), [this](NodeIndex one) {
    return !data(one).timed_out && !data(one).cancel_asked;
  });
}

void Batch::suspend_all(Instant now, NodeIndex request, BatchEffects& out) {
  for (const NodeIndex one : loads_.together(request)) {
    if (data(one).phase == RequestPhase::running) suspend(now, one, out);
  }
}

void Batch::resume_all(Instant now, NodeIndex request, BatchEffects& out) {
  for (const NodeIndex one : loads_.together(request)) {
    if (data(one).phase != RequestPhase::suspended) continue;
    resume(now, one);
    out.push_back(ControlTree{one, TreeControl::resume});
  }
}

}  // namespace dsched::engine
