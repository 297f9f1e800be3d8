// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "session/batch_runner.h"

// The part of BatchRunner that other processes see and steer.

namespace dsched::session {
namespace {

using engine::NodeState;
using engine::Reason;
using engine::RequestPhase;

// Waiting requests that are named; the others are counted.
constexpr std::size_t k_waiting_named = 1000;

}  // namespace

bool BatchRunner::settle_slots() {
  const bool rang = steering_.take_ring();
  return steering_.settle_slots(now_, rang ? Steering::Rang::yes : Steering::Rang::no);
}

void BatchRunner::take(const SteeringFact& fact) {
  now_ = ports_.clock.now();
  std::visit([this](const auto& what) { apply(what); }, fact);
}

void BatchRunner::stop(engine::StopRequest how) {
  const bool at_once = how == engine::StopRequest::kill;
  if (at_once) {
    gives_up_output_ = true;
    end_input({.cut = true});
  }
  apply(engine::Stop{how});
  if (!at_once) stop_reading();
}

void BatchRunner::cancel(const std::optional<std::string>& name) {
  if (!name) {
    apply(engine::Cancel{});
    return stop_reading();
  }
  if (const auto index = find(*name)) apply(engine::CancelNode{*index});
}

std::vector<NodeIndex> BatchRunner::running(const std::vector<std::string>& attempt_ids) const {
  std::vector<NodeIndex> found;
  for (const NodeIndex index : running_) {
    const std::string& id = open_.at(index).outcome->attempt_id;
    if (std::find(attempt_ids.begin(), attempt_ids.end(), id) != attempt_ids.end()) {
      found.push_back(index);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool BatchRunner::settle() {
  take_events();
  drain();
  return batch_.view().has_granted;
}

// An open request by what people call it: the text of its id, or the number.
std::optional<NodeIndex> BatchRunner::find(const std::string& name) const {
  std::string text;
  append_json_string(text, name);
  for (const std::string& id : {text, name}) {
    if (const auto found = ids_.find(id); found != ids_.end()) return found->second;
  }
  return std::nullopt;
}

// ---- news

engine::Counts BatchRunner::counts() const {
  engine::Counts counts = batch_.view().counts;
  counts.reused = reused_;
  return counts;
}

// Within the transaction of a commit.
void BatchRunner::write_news() {
  execution_.counts = counts();
  figures_.write(ports_.store.database(), execution_.number, wall_at(now_));
  journal::put_live(ports_.store.database(), execution_.number, live_state());
}

journal::LiveState BatchRunner::live_state() {
  const Progress now = progress();
  const engine::Batch::View view = batch_.view();
  journal::LiveState state;
  state.at = now.wall;
  state.width = call_.run.run.width;
  state.held = steering_.held();
  state.in_use = view.in_use;
  state.is_paused = view.is_paused;
  state.is_stopping = view.is_stopping;
  state.ready_nodes = view.queued;
  state.percentage = now.percentage;
  const auto add = [&](NodeIndex index, const Open& open, NodeState what, Reason reason,
                       Instant since) {
    journal::LiveNode node;
    node.node = index;
    node.node_id = open.name;
    node.state = what;
    node.reason = reason;
    node.attempt = open.attempts;
    node.since = wall_at(since);
    state.nodes.push_back(std::move(node));
  };
  for (const NodeIndex index : running_) {
    const Open& open = open_.at(index);
    const bool stands = batch_.phase(index) == RequestPhase::suspended;
    add(index, open, NodeState::running, stands ? Reason::suspended : Reason::none,
        open.outcome->began);
  }
  if (view.queued + view.backing_off == 0 && readings_.empty()) return state;
  for (const auto& [index, open] : open_) {
    if (state.nodes.size() >= k_waiting_named) break;
    const auto phase = batch_.phase(index);
    if (phase == RequestPhase::queued || phase == RequestPhase::granted) {
      add(index, open, NodeState::pending, Reason::ready, open.ready);
    } else if (phase == RequestPhase::backoff) {
      add(index, open, NodeState::pending, Reason::backoff, open.ready);
    }
  }
  return state;
}

Progress BatchRunner::progress() {
  shown_running_.clear();
  for (const NodeIndex index : running_) {
    const Open& open = open_.at(index);
    RunningNode node;
    node.node_id = open.name;
    node.started = open.outcome->began;
    node.attempt = open.attempts;
    node.suspended = batch_.phase(index) == RequestPhase::suspended;
    shown_running_.push_back(node);
  }
  const engine::Counts counts = this->counts();
  Progress progress;
  progress.dag_id = dag_id_;
  progress.execution_id = execution_id_;
  progress.execution = execution_.number.value;
  progress.counts.total = counts.total;
  progress.counts.completed = counts.completed;
  progress.counts.reused = counts.reused;
  progress.counts.failed = counts.failed;
  progress.counts.cancelled = counts.cancelled;
  progress.counts.running = counts.running;
  progress.counts.pending = counts.pending();
  // How much will come nobody knows before the input ends.
  const std::uint64_t done = counts.completed + counts.failed + counts.cancelled;
  if (is_input_over_ && counts.total > 0) {
    progress.percentage = 100.0 * static_cast<double>(done) / static_cast<double>(counts.total);
  }
  if (ended_) progress.percentage = 100;
  progress.running = shown_running_;
  progress.now = now_;
  progress.wall = wall_at(now_);
  return progress;
}

// The last record of the batch.
void BatchRunner::close() {
  now_ = ports_.clock.now();
  execution_.status = *ended_;
  execution_.counts = counts();
  execution_.finished_at = wall_at(now_);
  recorder_.commit();
  {
    sys::Transaction transaction(ports_.store.database());
    figures_.write(ports_.store.database(), execution_.number, *execution_.finished_at);
    journal::remove_live(ports_.store.database(), execution_.number);
    journal_.update(execution_);
    transaction.commit();
  }
  // What ran survives a crash of the machine from here on; values can be worked out again.
  if (has_run_) ports_.store.sync();
  ports_.observer.ended(progress(), engine::name_of(*ended_), now_ - begun_);
}

}  // namespace dsched::session
