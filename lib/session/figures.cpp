// SPDX-License-Identifier: Apache-2.0
#include "session/figures.h"

#include <algorithm>

namespace dsched::session {

void Figures::ready(NodeIndex node, Instant at) {
  const auto [found, is_new] = times_.try_emplace(node);
  if (is_new) found->second.first_ready = at;
  found->second.ready = at;
}

void Figures::attempt_ended(NodeIndex node, Instant started, Instant ended) {
  const auto found = times_.find(node);
  if (found == times_.end()) return;
  Times& times = found->second;
  times.waited = std::max(started - times.ready, Nanoseconds{0});
  if (!times.queued) times.queued = times.waited;
  times.took = ended - started;
  times.ended = ended;
}

Nanoseconds Figures::waited(NodeIndex node) const {
  const auto found = times_.find(node);
  return found == times_.end() ? Nanoseconds{0} : found->second.waited;
}

void add_worker_use(journal::Summary& figures, const executor::Ended& ended) {
  const Nanoseconds took = ended.ended - ended.started;
  figures.batch_used += took;
  figures.batch_room += ended.worker_use->room;
  if (!ended.worker_use->tokens) return;
  figures.tokens += *ended.worker_use->tokens;
  figures.token_time += took;
}

void Figures::worker_used(NodeIndex node, const executor::Ended& ended) {
  add_worker_use(of_operation(node), ended);
}

journal::Summary& Figures::of_operation(NodeIndex node) {
  has_something_ = true;
  const dag::Node& data = dag_.node(node);
  std::size_t number = static_cast<std::size_t>(data.operation);
  const bool is_external =
      data.operation == dag::Operation::external || data.operation == dag::Operation::worker;
  if (is_external) {
    number = static_cast<std::size_t>(dag::Operation::external) + data.operation_name;
  }
  if (number >= by_operation_.size()) by_operation_.resize(number + 1);
  Named& named = by_operation_[number];
  if (named.operation.empty()) {
    named.operation = is_external ? dag_.operation_name(node) : dag::name_of(data.operation);
  }
  return named.figures;
}

void Figures::count_ended(NodeIndex node, journal::Summary& figures) {
  const auto found = times_.find(node);
  if (found == times_.end()) return;
  const Times& times = found->second;
  if (times.queued) figures.queue.add(*times.queued);
  if (times.ended) {
    figures.latency.add(*times.ended - times.first_ready);
    figures.processing += times.took;
  }
  times_.erase(found);
}

void Figures::completed(NodeIndex node) {
  journal::Summary& figures = of_operation(node);
  ++figures.completed;
  count_ended(node, figures);
}

void Figures::failed(NodeIndex node) {
  journal::Summary& figures = of_operation(node);
  ++figures.failed;
  count_ended(node, figures);
}

void Figures::cancelled(NodeIndex node) {
  ++of_operation(node).cancelled;
  times_.erase(node);
}

void Figures::reused(NodeIndex node, Instant ready, Instant at) {
  journal::Summary& figures = of_operation(node);
  ++figures.completed;
  ++figures.reused;
  figures.latency.add(at - ready);
}

void Figures::evaluated(NodeIndex node, Nanoseconds waited) {
  journal::Summary& figures = of_operation(node);
  ++figures.completed;
  figures.latency.add(waited);
  figures.queue.add(waited);
}

std::optional<Instant> Figures::ready_since(NodeIndex node) const {
  const auto found = times_.find(node);
  if (found == times_.end()) return std::nullopt;
  return found->second.ready;
}

void Figures::write(sys::Database& database, ExecutionNumber execution, WallTime now) {
  for (Named& named : by_operation_) {
    if (named.figures.nodes() == 0 && named.figures.batch_room.count() == 0) continue;
    journal::add_summary(database, execution, now, named.operation, named.figures);
    named.figures = {};
  }
  has_something_ = false;
}

}  // namespace dsched::session
