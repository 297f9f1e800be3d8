// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "session/batch_runner.h"

// The part of BatchRunner that asks for slots, and that other processes see and steer.

namespace dsched::session {
namespace {

using engine::NodeState;
using engine::Reason;
using engine::RequestPhase;

// Waiting requests that are named; the others are counted.
constexpr std::size_t k_waiting_named = 1000;

}  // namespace

// Asks when the demand is news to the source, when it has rung, or when it is time to look. True
// when the engine has something to decide.
bool BatchRunner::settle_slots() {
  const auto others =
      others_wait_ ? engine::Execution::Others::waiting : engine::Execution::Others::none;
  const engine::Demand demand = batch_.demand(others);
  const std::optional<Instant> look = ports_.slots.next_look();
  const bool rang = ports_.slots.has_news();
  if (rang) take_wishes();
  const bool is_time = look && *look <= now_;
  if (!is_time && !rang && !ports_.slots.cares(demand)) return false;
  take_allowance(demand);
  return true;
}

void BatchRunner::take_allowance(const engine::Demand& demand) {
  engine::Demand report = demand;
  report.slot_time = batch_.take_slot_time(now_);
  const Allowance allowance = ports_.slots.update(report);
  others_wait_ = allowance.holding.contended;
  held_ = allowance.holding.held;
  if (allowance.priority) execution_.priority = *allowance.priority;
  waiting_attempts_ = allowance.waiting_attempts;
  note_nested();
  apply(engine::Leased{allowance.holding, allowance.machine, allowance.quantum,
                       allowance.preemption});
  give_width();
}

// An attempt that only waits for a nested execution keeps its worker busy, but no slot.
void BatchRunner::give_width() {
  const Slots width{batch_.width_now().count + static_cast<std::uint32_t>(nested_.size())};
  if (width == width_given_) return;
  ports_.executor.set_width(width);
  width_given_ = width;
}

void BatchRunner::note_nested() {
  std::vector<NodeIndex> waiting;
  for (const NodeIndex index : running_) {
    if (waiting_attempts_.empty()) break;
    const std::string& id = open_.at(index).outcome->attempt_id;
    if (std::find(waiting_attempts_.begin(), waiting_attempts_.end(), id) !=
        waiting_attempts_.end()) {
      waiting.push_back(index);
    }
  }
  std::sort(waiting.begin(), waiting.end());
  for (const NodeIndex index : waiting) {
    if (!std::binary_search(nested_.begin(), nested_.end(), index)) {
      apply(engine::NestedBegan{index});
    }
  }
  for (const NodeIndex index : nested_) {
    if (!std::binary_search(waiting.begin(), waiting.end(), index)) {
      apply(engine::NestedEnded{index});
    }
  }
  nested_ = std::move(waiting);
}

// ---- wishes

// Once a second, should a ring have been lost.
void BatchRunner::look_at_wishes() {
  if (now_ < wishes_due_) return;
  wishes_due_ = now_ + k_wishes_interval_of_batches;
  take_wishes();
}

void BatchRunner::take_wishes() {
  sys::Database& database = ports_.store.database();
  if (!journal::has_wishes(database, execution_.number)) return;
  sys::Transaction transaction(database);
  const std::vector<journal::Wish> wishes = journal::take_wishes(database, execution_.number);
  for (const journal::Wish& wish : wishes) {
    if (wish.kind != journal::WishKind::priority) continue;
    execution_.priority = {static_cast<std::uint8_t>(std::clamp<std::int64_t>(wish.value, 0, 10))};
  }
  journal_.update(execution_);
  transaction.commit();
  for (const journal::Wish& wish : wishes) serve(wish);
}

void BatchRunner::serve(const journal::Wish& wish) {
  switch (wish.kind) {
    case journal::WishKind::cancel:
      ports_.observer.note("cancelled from outside: ending what runs");
      apply(engine::Cancel{});
      return stop_reading();
    case journal::WishKind::cancel_node:
      if (const auto index = find(wish.node)) apply(engine::CancelNode{*index});
      return;
    case journal::WishKind::pause:
      ports_.observer.note("paused from outside: what runs stands still");
      return apply(engine::Paused{});
    case journal::WishKind::go_on:
      ports_.observer.note("goes on");
      return apply(engine::Released{});
    case journal::WishKind::priority:
      return;  // recorded when it was taken
  }
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
  state.held = held_;
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
  if (view.queued + view.backing_off == 0) return state;
  for (const auto& [index, open] : open_) {
    if (state.nodes.size() >= k_waiting_named) break;
    const auto phase = batch_.phase(index);
    if (phase == RequestPhase::queued) {
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
