// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "engine/execution.h"

// The part of Execution that knows streams: when a reader may run beside its producer, what becomes
// of readers when a producer ends, and who stands still for whom. The rules are in the header.

namespace dsched::engine {
namespace {

bool is_over(Phase phase) {
  return is_done(phase) || phase == Phase::unconfirmed || phase == Phase::failed ||
         phase == Phase::cancelled || phase == Phase::unwanted;
}

}  // namespace

// Its bytes are there to be read from the start, and more may come.
bool Execution::is_streaming(NodeIndex node) const {
  const Phase now = phase(node);
  return now == Phase::running || now == Phase::suspended || now == Phase::unconfirmed;
}

std::optional<NodeIndex> Execution::stream_under_way(NodeIndex reader) const {
  const auto producer = dag_.stream_of(reader);
  if (!producer || is_done(phase(*producer))) return std::nullopt;
  return producer;
}

std::vector<NodeIndex> Execution::readers_of(NodeIndex producer) const {
  std::vector<NodeIndex> readers;
  if (!dag_.has_streams()) return readers;
  for (const NodeIndex user : dag_.dependents(producer)) {
    if (dag_.stream_of(user) == producer) readers.push_back(user);
  }
  return readers;
}

// Those that run, with their own readers, the last of a chain first.
std::vector<NodeIndex> Execution::running_readers(NodeIndex producer) const {
  std::vector<NodeIndex> found;
  std::vector<NodeIndex> to_visit{producer};
  while (!to_visit.empty()) {
    const NodeIndex node = to_visit.back();
    to_visit.pop_back();
    for (const NodeIndex reader : readers_of(node)) {
      const Phase now = phase(reader);
      if (now == Phase::running) found.push_back(reader);
      if (now == Phase::running || now == Phase::suspended) to_visit.push_back(reader);
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::uint32_t Execution::count_unmet(NodeIndex node) const {
  const auto before = dag_.predecessors(node);
  return static_cast<std::uint32_t>(std::count_if(
      before.begin(), before.end(), [this](NodeIndex one) { return !is_done(phase(one)); }));
}

// All but the stream that it may read is done.
bool Execution::may_read_now(NodeIndex reader) const {
  if (nodes_[reader.value].unmet != 1) return false;
  const auto producer = stream_under_way(reader);
  return producer && is_streaming(*producer);
}

// It has what it needs to start: its stream is there, or complete.
bool Execution::has_its_stream(NodeIndex node) const {
  const auto producer = stream_under_way(node);
  return !producer || is_streaming(*producer);
}

void Execution::wait_for_stream(NodeIndex reader, Effects& out) {
  move(reader, Phase::waiting);
  nodes_[reader.value].unmet = count_unmet(reader);
  if (may_read_now(reader)) return make_ready(reader, out);
  const auto producer = stream_under_way(reader);
  if (!producer) return;
  const Phase now = phase(*producer);
  if (now == Phase::failed || now == Phase::cancelled) cancel_dependents(*producer, out);
}

void Execution::start_readers(NodeIndex producer, Effects& out) {
  for (const NodeIndex reader : readers_of(producer)) {
    if (phase(reader) == Phase::waiting && may_read_now(reader)) make_ready(reader, out);
  }
}

// What a producer's new phase means for those that read its stream.
void Execution::settle_readers(Instant now, NodeIndex producer, Effects& out) {
  if (!dag_.has_streams() || is_streaming(producer)) return;
  const Phase fate = phase(producer);
  if (is_done(fate)) return;  // complete() has confirmed them
  const bool goes_on = fate != Phase::failed && fate != Phase::cancelled;
  for (const NodeIndex reader : readers_of(producer)) {
    NodeData& data = nodes_[reader.value];
    switch (data.phase) {
      case Phase::queued:
        queue_.remove(reader);
        move(reader, Phase::waiting);
        data.unmet = count_unmet(reader);
        break;
      case Phase::held:
      case Phase::backoff:
        if (goes_on) break;  // enqueue() looks for the stream
        move(reader, Phase::waiting);
        data.unmet = count_unmet(reader);
        break;
      case Phase::granted:
        if (data.stream_lost) break;
        data.stream_lost = true;
        out.push_back(Withdraw{reader});
        break;
      case Phase::running:
      case Phase::suspended:
        if (data.stream_lost) break;
        data.stream_lost = true;
        end_attempt(now, reader, TreeControl::terminate, out);
        set_timer(now + options_.grace, TimerKind::force, reader);
        break;
      case Phase::unconfirmed:
        lose_attempt(now, reader, out);
        break;
      default:
        break;
    }
  }
}

// The attempt of a reader is over, and the stream it read counts for nothing.
void Execution::lose_attempt(Instant now, NodeIndex reader, Effects& out) {
  NodeData& data = nodes_[reader.value];
  data.stream_lost = false;
  data.ended_by_readers = false;
  const NodeIndex producer = *dag_.stream_of(reader);
  const Phase fate = phase(producer);
  if (fate == Phase::failed) {
    NodeIndex root = producer;
    while (nodes_[root.value].is_failed_by_stream) root = *dag_.stream_of(root);
    const FailureClass failure = nodes_[producer.value].failure;
    data.failure = failure;
    data.is_failed_by_stream = true;
    ++failed_by_streams_;
    move(reader, Phase::failed);
    out.push_back(
        NodeSettled{reader, NodeState::failed, Reason::dependency_failed, failure, root, {}});
    settle_readers(now, reader, out);
    cancel_dependents(reader, out);
    return wake_twins(reader, out);
  }
  if (fate == Phase::cancelled || stopping_) {
    move(reader, Phase::cancelled);
    const Reason reason = stopping_ ? Reason::none : Reason::dependency_failed;
    out.push_back(
        NodeSettled{reader, NodeState::cancelled, reason, FailureClass::none, producer, {}});
    settle_readers(now, reader, out);
    if (!stopping_) cancel_dependents(reader, out);
    return wake_twins(reader, out);
  }
  if (!dag_.settings(reader).idempotent) {
    fail(now, reader, FailureClass::lost, out);
    return;
  }
  ++data.earlier_attempts;  // it is not the reader's doing, so it uses up no retry
  move(reader, Phase::waiting);
  data.unmet = count_unmet(reader);
  out.push_back(NodeSettled{reader, NodeState::pending, Reason::backoff, FailureClass::none,
                            producer, Nanoseconds{0}});
  settle_readers(now, reader, out);
  wake_twins(reader, out);
  if (data.phase == Phase::waiting && may_read_now(reader)) make_ready(reader, out);
}

// Its attempt ended well, and what it read is not complete.
void Execution::hold_until_confirmed(Instant now, NodeIndex reader, Effects& out) {
  move(reader, Phase::unconfirmed);
  start_readers(reader, out);
  if (const auto producer = dag_.stream_of(reader)) end_if_unread(now, *producer, out);
}

// The producer has completed: who read it to its end is done as well. The answer is who is to be
// completed next.
std::vector<NodeIndex> Execution::confirm_readers(NodeIndex producer, Effects& out) {
  std::vector<NodeIndex> confirmed;
  for (const NodeIndex reader : readers_of(producer)) {
    if (phase(reader) == Phase::unconfirmed) confirmed.push_back(reader);
    if (phase(reader) != Phase::queued || nodes_[reader.value].attempts > 0) continue;
    // It has not begun, and its result may be known now that all it needs is.
    queue_.remove(reader);
    move(reader, Phase::waiting);
    nodes_[reader.value].unmet = 0;
    make_ready(reader, out);
  }
  return confirmed;
}

void Execution::end_well(Instant now, NodeIndex node, Effects& out) {
  if (stream_under_way(node)) return hold_until_confirmed(now, node, out);
  complete(node, Phase::completed, out);
}

void Execution::complete(NodeIndex node, Phase how, Effects& out) {
  complete_one(node, how, out);
  if (!dag_.has_streams()) return;
  std::vector<NodeIndex> next = confirm_readers(node, out);
  while (!next.empty()) {
    const NodeIndex reader = next.back();
    next.pop_back();
    complete_one(reader, Phase::completed, out);
    const std::vector<NodeIndex> more = confirm_readers(reader, out);
    next.insert(next.end(), more.begin(), more.end());
  }
}

// on_reader_done "end": nobody wants more of it.
void Execution::end_if_unread(Instant now, NodeIndex producer, Effects& out) {
  NodeData& data = nodes_[producer.value];
  const bool is_under_way = data.phase == Phase::running || data.phase == Phase::suspended;
  if (!is_under_way || !dag_.settings(producer).ends_with_readers || data.is_goal ||
      data.ended_by_readers || data.stream_lost || data.is_read_outside || data.timed_out ||
      data.cancel_asked || stopping_) {
    return;
  }
  for (const NodeIndex user : dag_.dependents(producer)) {
    if (phase(user) == Phase::unwanted) continue;
    if (dag_.stream_of(user) != producer || !is_over(phase(user))) return;
  }
  data.ended_by_readers = true;
  end_attempt(now, producer, TreeControl::terminate, out);
  set_timer(now + options_.grace, TimerKind::force, producer);
}

// A reader that must run again needs what it read, and that was not kept.
bool Execution::revive_producer(NodeIndex reader, Effects& out) {
  const auto producer = dag_.stream_of(reader);
  if (!producer || !is_done(phase(*producer)) || !nodes_[producer->value].ended_by_readers) {
    return false;
  }
  nodes_[producer->value].ended_by_readers = false;
  move(*producer, Phase::waiting);
  nodes_[producer->value].unmet = 0;
  nodes_[reader.value].unmet = 1;
  if (!revive_producer(*producer, out)) make_ready(*producer, out);
  return true;
}

void Execution::on(Instant now, const OutsideReaderDone& fact, Effects& out) {
  nodes_[fact.node.value].is_read_outside = false;
  end_if_unread(now, fact.node, out);
}

void Execution::on(Instant now, const ReadersBehind& fact, Effects& out) {
  NodeData& data = nodes_[fact.node.value];
  const bool is_under_way = data.phase == Phase::running || data.phase == Phase::suspended;
  const bool is_ending =
      stopping_ || data.timed_out || data.cancel_asked || data.ended_by_readers || data.stream_lost;
  if (!is_under_way || is_ending || !dag_.settings(fact.node).preemptible) return;
  data.readers_are_behind = true;
  if (data.phase == Phase::suspended || data.waits_for_nested) return;
  const bool keeps_slots = must_go_on_for_readers(fact.node);
  suspend(now, fact.node, out);
  if (keeps_slots) take_slots(now, fact.node, need(fact.node).count);
}

// dispatch() lets it go on.
void Execution::on(Instant, const ReadersCaughtUp& fact, Effects&) {
  nodes_[fact.node.value].readers_are_behind = false;
}

// One of those that read it may not be suspended, and would wait for it in vain.
bool Execution::must_go_on_for_readers(NodeIndex producer) const {
  if (!dag_.has_streams()) return false;
  const std::vector<NodeIndex> readers = running_readers(producer);
  return std::any_of(readers.begin(), readers.end(),
                     [this](NodeIndex reader) { return !dag_.settings(reader).preemptible; });
}

// A producer that it depends on, however indirectly, stands still for want of slots: it would only
// take them from it.
bool Execution::must_wait_for_producer(NodeIndex reader) const {
  const bool may_stand_still = dag_.settings(reader).preemptible;
  for (auto producer = stream_under_way(reader); producer; producer = stream_under_way(*producer)) {
    const NodeData& data = nodes_[producer->value];
    if (data.phase == Phase::unconfirmed) return false;
    if (data.phase != Phase::suspended) continue;
    if (!data.readers_are_behind || !may_stand_still) return true;
  }
  return false;
}

// What reads a producer that stands still has soon nothing to do: its slots are the producer's.
void Execution::make_room_for_producer(Instant now, NodeIndex producer, Effects& out) {
  if (!dag_.has_streams()) return;
  for (const NodeIndex reader : running_readers(producer)) {
    if (fits(producer)) return;
    const NodeData& data = nodes_[reader.value];
    if (data.taken > 0 && dag_.settings(reader).preemptible) suspend(now, reader, out);
  }
}

}  // namespace dsched::engine
