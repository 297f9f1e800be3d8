// SPDX-License-Identifier: Apache-2.0
#include "engine/execution.h"

#include <algorithm>

#include "base/error.h"
#include "engine/retry.h"

namespace dsched::engine {
namespace {

std::vector<Slots> limits_of(const dag::Dag& dag) {
  std::vector<Slots> limits;
  for (const dag::Pool& pool : dag.pools()) limits.push_back(pool.limit);
  return limits;
}

bool is_done(Phase phase) {
  return phase == Phase::completed || phase == Phase::reused;
}

TreeControl control_for(StopRequest request) {
  switch (request) {
    case StopRequest::interrupt:
      return TreeControl::interrupt;
    case StopRequest::terminate:
      return TreeControl::terminate;
    case StopRequest::kill:
      break;
  }
  return TreeControl::kill;
}

// A wide node at the head of the queue is passed over this often by narrower ones before slots are
// kept free for it: often enough to keep the machine busy, seldom enough that it cannot starve.
constexpr std::uint32_t k_passes_max = 64;
// Entries behind a best one that does not fit which are tried for size.
constexpr std::size_t k_look_past = 256;
// Dependents of an active node that are looked at before granting ahead; a wider fan-out is not
// worth it.
constexpr std::size_t k_dependents_checked = 64;

}  // namespace

Execution::Execution(const dag::Dag& dag, const Options& options, std::vector<NodePlan> plan)
    : dag_(dag), options_(options), nodes_(dag.size()), queue_(limits_of(dag)) {
  DSCHED_ASSERT(plan.size() == dag.size(), "the plan has an entry per node");
  DSCHED_ASSERT(options.width.count > 0, "an execution without slots would never end");
  std::optional<Priority> common;
  for (std::uint32_t i = 0; i < plan.size(); ++i) {
    NodeData& data = nodes_[i];
    data.in_process = plan[i].in_process;
    if (!plan[i].wanted) {
      data.phase = Phase::unwanted;
      continue;
    }
    ++counts_.total;
    if (data.in_process) continue;
    const Priority priority = dag.settings({i}).priority;
    uniform_priority_ = uniform_priority_ && (!common || *common == priority);
    common = priority;
  }
}

void Execution::recall(NodeIndex node, Phase done, std::uint32_t attempts) {
  DSCHED_ASSERT(is_done(done), "only what is done is recalled");
  recall_attempts(node, attempts);
  if (nodes_[node.value].phase == Phase::waiting) move(node, done);
}

void Execution::recall_attempts(NodeIndex node, std::uint32_t attempts) {
  nodes_[node.value].attempts = attempts;
  nodes_[node.value].earlier_attempts = attempts;
}

void Execution::begin(Effects& out) {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].phase != Phase::waiting) continue;
    std::uint32_t unmet = 0;
    for (const NodeIndex before : dag_.predecessors({i})) {
      DSCHED_ASSERT(nodes_[before.value].phase != Phase::unwanted, "wanted nodes need wanted ones");
      if (!is_done(nodes_[before.value].phase)) ++unmet;
    }
    nodes_[i].unmet = unmet;
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].phase == Phase::waiting && nodes_[i].unmet == 0) make_ready({i}, out);
  }
}

void Execution::apply(Instant now, const Fact& fact, Effects& out) {
  std::visit([&](const auto& what) { on(now, what, out); }, fact);
}

// The one place that changes a phase; the counters follow from it.
void Execution::move(NodeIndex node, Phase to) {
  Phase& phase = nodes_[node.value].phase;
  const auto count = [this](Phase of, std::uint64_t by) {
    switch (of) {
      case Phase::examining:
      case Phase::evaluating:
        examining_ += by;
        break;
      case Phase::held:
        held_ += by;
        break;
      case Phase::backoff:
        backoffs_ += by;
        break;
      case Phase::running:
        counts_.running += by;
        break;
      case Phase::completed:
        counts_.completed += by;
        break;
      case Phase::reused:
        counts_.completed += by, counts_.reused += by;
        break;
      case Phase::failed:
        counts_.failed += by;
        break;
      case Phase::cancelled:
        counts_.cancelled += by;
        break;
      case Phase::waiting:
      case Phase::twin:
      case Phase::queued:
      case Phase::granted:
      case Phase::unwanted:
        break;
    }
  };
  count(phase, ~std::uint64_t{0});  // minus one, modulo 2^64
  phase = to;
  count(phase, 1);
}

void Execution::make_ready(NodeIndex node, Effects& out) {
  const NodeData& data = nodes_[node.value];
  if (is_stopping()) return;  // it stays waiting: nothing new begins
  ended_ = false;
  if (data.in_process) {
    move(node, Phase::evaluating);
    out.push_back(Evaluate{node});
  } else {
    move(node, Phase::examining);
    out.push_back(Examine{node});
  }
}

void Execution::on(Instant, const FoundReusable& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.node) == Phase::examining, "only an examined node can be reused");
  complete(fact.node, Phase::reused, out);
}

void Execution::on(Instant, const MustRun& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.node) == Phase::examining, "only an examined node can be queued");
  const bool gated = dag_.settings(fact.node).approval.has_value();
  if (gated || nodes_[fact.node.value].needs_decision) {
    move(fact.node, Phase::held);
    const Reason reason = gated ? Reason::awaiting_approval : Reason::needs_decision;
    out.push_back(NodeSettled{fact.node, NodeState::pending, reason, FailureClass::none, {}, {}});
    return;
  }
  enqueue(fact.node, out);
}

void Execution::on(Instant, const SameKeyUnderWay& fact, Effects&) {
  DSCHED_ASSERT(phase(fact.node) == Phase::examining, "only an examined node can be a twin");
  move(fact.node, Phase::twin);
  twins_.emplace(fact.first, fact.node);
}

void Execution::on(Instant, const CannotRun& fact, Effects& out) {
  const Phase before = phase(fact.node);
  DSCHED_ASSERT(before == Phase::examining || before == Phase::granted,
                "what cannot run was about to");
  if (before == Phase::granted) release_slots(fact.node);
  fail(fact.node, fact.failure, out);
}

void Execution::on(Instant now, const AttemptStarted& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.node) == Phase::granted, "an attempt starts when it was granted");
  move(fact.node, Phase::running);
  nodes_[fact.node.value].timed_out = false;
  if (const auto timeout = dag_.settings(fact.node).timeout) {
    timers_.push({now + *timeout, TimerKind::timeout, fact.node, attempts(fact.node)});
  }
  if (stopping_ == StopRequest::terminate) {
    timers_.push({now + options_.grace, TimerKind::force, fact.node, attempts(fact.node)});
  }
  // What was asked of all running attempts while this one was on its way holds for it as well.
  if (stopping_) out.push_back(ControlTree{fact.node, control_for(*stopping_)});
  if (suspended_at_) out.push_back(ControlTree{fact.node, TreeControl::suspend});
}

void Execution::on(Instant now, const AttemptEnded& fact, Effects& out) {
  NodeData& data = nodes_[fact.node.value];
  if (data.phase == Phase::evaluating) {
    if (fact.failure == FailureClass::none) return complete(fact.node, Phase::completed, out);
    return fail(fact.node, fact.failure, out);
  }
  DSCHED_ASSERT(data.phase == Phase::running, "an attempt ends when it has started");
  release_slots(fact.node);
  // What was granted ahead must not begin before this failure is decided upon; dispatch() grants it
  // again if anything may start.
  if (data.timed_out || fact.failure != FailureClass::none) withdraw_granted(out);
  if (data.timed_out) {
    return retry_or_fail(now, fact.node, {fact.node, FailureClass::timeout, fact.jitter}, out);
  }
  if (fact.failure == FailureClass::none) return complete(fact.node, Phase::completed, out);
  if (stopping_) {
    // It was told to end, so how it ended says nothing about it; a resume runs it again.
    move(fact.node, Phase::cancelled);
    out.push_back(NodeSettled{fact.node, NodeState::cancelled, Reason::none, fact.failure, {}, {}});
    return;
  }
  retry_or_fail(now, fact.node, fact, out);
}

void Execution::retry_or_fail(Instant now, NodeIndex node, const AttemptEnded& fact, Effects& out) {
  const NodeData& data = nodes_[node.value];
  const dag::Settings& settings = dag_.settings(node);
  const std::uint32_t made = data.attempts - data.earlier_attempts;
  const std::uint32_t retries = settings.max_retries.value_or(options_.retries);
  const bool again = made <= retries && is_retryable(fact.failure) && settings.idempotent;
  if (!again || is_stopping()) return fail(node, fact.failure, out);
  const Nanoseconds delay = retry_delay(settings.backoff, made, fact.jitter);
  move(node, Phase::backoff);
  timers_.push({now + delay, TimerKind::retry, node, data.attempts});
  out.push_back(NodeSettled{node, NodeState::pending, Reason::backoff, fact.failure, {}, delay});
}

void Execution::on(Instant, const AttemptWithdrawn& fact, Effects&) {
  DSCHED_ASSERT(phase(fact.node) == Phase::granted, "only what was granted can come back");
  release_slots(fact.node);
  --nodes_[fact.node.value].attempts;
  move(fact.node, Phase::queued);
  queue_.add(rank(fact.node), dag_.settings(fact.node).pool);
}

void Execution::on(Instant, const ResultLost& fact, Effects& out) {
  if (fact.needed_by) {
    const NodeIndex user = *fact.needed_by;
    if (phase(user) == Phase::granted) {
      release_slots(user);
      --nodes_[user.value].attempts;
    }
    if (phase(user) != Phase::waiting) {
      nodes_[user.value].unmet = 0;
      move(user, Phase::waiting);
    }
    // When the result is still there for the engine, the loop below counts the user as well.
    if (!is_done(phase(fact.node))) ++nodes_[user.value].unmet;
  }
  const Phase lost = phase(fact.node);
  // It was made again in vain, and this user had not heard of it because it was queued already.
  if (lost == Phase::failed || lost == Phase::cancelled) return cancel_dependents(fact.node, out);
  if (!is_done(lost)) return;  // it is being made again already
  for (const NodeIndex user : dag_.dependents(fact.node)) {
    if (phase(user) == Phase::waiting) ++nodes_[user.value].unmet;
  }
  move(fact.node, Phase::waiting);
  nodes_[fact.node.value].unmet = 0;
  make_ready(fact.node, out);
}

void Execution::on(Instant now, const Stop& fact, Effects& out) {
  if (stopping_ && *stopping_ >= fact.request) return;
  stopping_ = fact.request;
  withdraw_granted(out);
  end_running(control_for(fact.request), out);
  if (fact.request != StopRequest::terminate) return;
  for (const NodeIndex node : active_) {
    timers_.push({now + options_.grace, TimerKind::force, node, attempts(node)});
  }
}

void Execution::withdraw_granted(Effects& out) {
  for (const NodeIndex node : active_) {
    if (phase(node) == Phase::granted) out.push_back(Withdraw{node});
  }
}

void Execution::end_running(TreeControl how, Effects& out) {
  for (const NodeIndex node : active_) {
    if (phase(node) == Phase::running) out.push_back(ControlTree{node, how});
  }
}

void Execution::on(Instant now, const Suspended&, Effects& out) {
  if (suspended_at_) return;
  suspended_at_ = now;
  for (const NodeIndex node : active_) {
    if (phase(node) == Phase::granted) out.push_back(Withdraw{node});
  }
  end_running(TreeControl::suspend, out);
}

void Execution::on(Instant now, const Continued&, Effects& out) {
  if (!suspended_at_) return;
  const Nanoseconds stood_still = now - *suspended_at_;
  suspended_at_.reset();
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> shifted;
  for (; !timers_.empty(); timers_.pop()) {
    Timer timer = timers_.top();
    if (timer.kind != TimerKind::retry) timer.at += stood_still;
    shifted.push(timer);
  }
  timers_ = std::move(shifted);
  end_running(TreeControl::resume, out);
}

void Execution::on(Instant now, const Tick&, Effects& out) {
  if (suspended_at_) return;
  while (!timers_.empty() && timers_.top().at <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    fire(now, timer, out);
  }
}

void Execution::fire(Instant now, const Timer& timer, Effects& out) {
  NodeData& data = nodes_[timer.node.value];
  if (data.attempts != timer.attempt) return;
  switch (timer.kind) {
    case TimerKind::retry:
      if (data.phase == Phase::backoff) enqueue(timer.node, out);
      return;
    case TimerKind::timeout:
      if (data.phase != Phase::running) return;
      data.timed_out = true;
      out.push_back(ControlTree{timer.node, TreeControl::terminate});
      timers_.push({now + options_.grace, TimerKind::force, timer.node, timer.attempt});
      return;
    case TimerKind::force:
      if (data.phase == Phase::running) out.push_back(ControlTree{timer.node, TreeControl::kill});
      return;
  }
}

void Execution::enqueue(NodeIndex node, Effects& out) {
  move(node, Phase::queued);
  const Rank mine = rank(node);
  queue_.add(mine, dag_.settings(node).pool);
  // Attempts granted ahead, not begun, that this node should go before are taken back.
  std::uint32_t ahead = used_ > options_.width.count ? used_ - options_.width.count : 0;
  for (auto last = active_.rbegin(); last != active_.rend() && ahead > 0; ++last, --ahead) {
    if (phase(*last) == Phase::granted && mine.is_better_than(rank(*last))) {
      out.push_back(Withdraw{*last});
    }
  }
}

void Execution::complete(NodeIndex node, Phase how, Effects& out) {
  move(node, how);
  const Reason reason = how == Phase::reused ? Reason::reused : Reason::none;
  out.push_back(NodeSettled{node, NodeState::completed, reason, FailureClass::none, {}, {}});
  for (const NodeIndex user : dag_.dependents(node)) {
    NodeData& data = nodes_[user.value];
    if (data.phase == Phase::waiting && --data.unmet == 0) make_ready(user, out);
  }
  wake_twins(node, out);
}

void Execution::fail(NodeIndex node, FailureClass failure, Effects& out) {
  move(node, Phase::failed);
  const Reason reason = failure == FailureClass::timeout  ? Reason::timeout
                        : failure == FailureClass::denied ? Reason::denied
                        : failure == FailureClass::lost   ? Reason::lost
                                                          : Reason::none;
  out.push_back(NodeSettled{node, NodeState::failed, reason, failure, {}, {}});
  cancel_dependents(node, out);
  wake_twins(node, out);
}

void Execution::cancel_dependents(NodeIndex failed, Effects& out) {
  std::vector<NodeIndex> to_visit{failed};
  while (!to_visit.empty()) {
    const NodeIndex node = to_visit.back();
    to_visit.pop_back();
    for (const NodeIndex user : dag_.dependents(node)) {
      if (phase(user) != Phase::waiting) continue;
      move(user, Phase::cancelled);
      out.push_back(NodeSettled{
          user, NodeState::cancelled, Reason::dependency_failed, FailureClass::none, failed, {}});
      to_visit.push_back(user);
    }
  }
}

void Execution::wake_twins(NodeIndex node, Effects& out) {
  const auto [first, last] = twins_.equal_range(node);
  if (first == last) return;
  std::vector<NodeIndex> waiting;
  for (auto it = first; it != last; ++it) waiting.push_back(it->second);
  twins_.erase(first, last);
  for (const NodeIndex twin : waiting) {
    nodes_[twin.value].unmet = 0;
    move(twin, Phase::waiting);
    make_ready(twin, out);
  }
}

void Execution::dispatch(Instant, Effects& out) {
  while (!is_stopping() && !suspended_at_ && !queue_.empty()) {
    const std::optional<Rank> best = queue_.best();
    // With all slots taken only the best node may be granted ahead; a wide one that was passed over
    // often enough is waited for.
    const bool only_best = used_ >= options_.width.count || passes_ >= k_passes_max;
    const auto taken = queue_.take_best(only_best ? 0 : k_look_past, [&](const Rank& candidate) {
      return fits(candidate.node) || may_go_ahead(candidate);
    });
    if (!taken) break;
    passes_ = best && *taken == best->node ? 0 : passes_ + 1;
    NodeData& data = nodes_[taken->value];
    move(*taken, Phase::granted);
    active_.push_back(*taken);
    used_ += need(*taken).count;
    if (need(*taken).count > 1) ++wide_active_;
    out.push_back(StartAttempt{*taken, ++data.attempts});
  }
  const bool nothing_under_way = active_.empty() && examining_ == 0;
  const bool nothing_to_come = is_stopping() || (queue_.empty() && backoffs_ == 0);
  if (!ended_ && nothing_under_way && nothing_to_come) {
    ended_ = true;
    out.push_back(ExecutionEnded{final_status()});
  }
}

bool Execution::fits(NodeIndex node) const {
  return used_ + need(node).count <= options_.width.count;
}

// Some nodes more than there are slots may be handed over, so that a worker finds its next attempt
// without waiting for the session (0.65 s instead of 0.78 s for 2,000 commands at width 2). Only
// when nothing that the active nodes could set free would have to go before it.
bool Execution::may_go_ahead(const Rank& rank_of_candidate) const {
  if (used_ < options_.width.count || used_ >= options_.width.count + k_ahead_max ||
      wide_active_ != 0 || need(rank_of_candidate.node).count != 1) {
    return false;
  }
  for (const NodeIndex node : active_) {
    const auto users = dag_.dependents(node);
    if (users.size() > k_dependents_checked) return false;
    for (const NodeIndex user : users) {
      const NodeData& data = nodes_[user.value];
      if (data.phase != Phase::waiting || data.unmet > active_.size()) continue;
      if (!uniform_priority_ || rank(user).is_better_than(rank_of_candidate)) return false;
    }
  }
  return true;
}

void Execution::release_slots(NodeIndex node) {
  active_.erase(std::find(active_.begin(), active_.end(), node));
  used_ -= need(node).count;
  if (need(node).count > 1) --wide_active_;
  if (const auto pool = dag_.settings(node).pool) queue_.release(*pool);
}

bool Execution::has_granted() const {
  return std::any_of(active_.begin(), active_.end(),
                     [this](NodeIndex node) { return phase(node) == Phase::granted; });
}

bool Execution::limit_reached() const {
  return options_.failure_limit && counts_.failed >= *options_.failure_limit;
}

Rank Execution::rank(NodeIndex node) const {
  const Nanoseconds remaining = remaining_.empty() ? Nanoseconds{0} : remaining_[node.value];
  return {dag_.settings(node).priority.level, remaining, node};
}

Slots Execution::need(NodeIndex node) const {
  return std::min(dag_.settings(node).slots, options_.width);
}

ExecutionStatus Execution::final_status() const {
  if (counts_.completed == counts_.total) return ExecutionStatus::completed;
  if (stopping_) return ExecutionStatus::interrupted;
  if (held_ > 0 && !limit_reached()) return ExecutionStatus::waiting;
  if (counts_.failed > 0) return ExecutionStatus::failed;
  return counts_.cancelled > 0 ? ExecutionStatus::cancelled : ExecutionStatus::waiting;
}

std::optional<Instant> Execution::next_deadline() const {
  if (timers_.empty() || suspended_at_) return std::nullopt;
  return timers_.top().at;
}

}  // namespace dsched::engine
