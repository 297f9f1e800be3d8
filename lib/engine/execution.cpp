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
    : dag_(dag),
      options_(options),
      nodes_(dag.size()),
      queue_(limits_of(dag), dag.workers().size()),
      loads_(dag.workers()),
      slots_(options.slots) {
  DSCHED_ASSERT(plan.size() == dag.size(), "the plan has an entry per node");
  DSCHED_ASSERT(options.slots.width.count > 0, "an execution without slots would never end");
  for (NodeData& data : nodes_) data.phase = Phase::unwanted;
  admit({0}, plan);
}

void Execution::apply(Instant now, const Fact& fact, Effects& out) {
  std::visit([&](const auto& what) { on(now, what, out); }, fact);
}

// The one place that changes a phase; the counters follow from it.
void Execution::move(NodeIndex node, Phase to) {
  Phase& phase = nodes_[node.value].phase;
  const auto count = [this, node](Phase of, std::uint64_t by) {
    switch (of) {
      case Phase::examining:
      case Phase::evaluating:
        examining_ += by;
        break;
      case Phase::held:
        held_ += by;
        if (nodes_[node.value].needs_consent) gated_ += by;
        break;
      case Phase::backoff:
        backoffs_ += by;
        break;
      case Phase::running:
      case Phase::suspended:
      case Phase::unconfirmed:
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
  if (dag_.node(node).operation == dag::Operation::map) {
    move(node, Phase::evaluating);
    if (data.expanded) return out.push_back(Evaluate{node});
    out.push_back(Expand{node});
  } else if (data.in_process) {
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
  const bool is_map = phase(fact.node) == Phase::evaluating;
  DSCHED_ASSERT(phase(fact.node) == Phase::examining || (is_map && fact.needs_consent),
                "only an examined node can be queued; a map is held before it is expanded");
  NodeData& data = nodes_[fact.node.value];
  if (fact.needs_consent || data.needs_decision) {
    data.needs_consent = fact.needs_consent;
    move(fact.node, Phase::held);
    const Reason reason = fact.needs_consent ? Reason::awaiting_approval : Reason::needs_decision;
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

void Execution::on(Instant now, const CannotRun& fact, Effects& out) {
  const Phase before = phase(fact.node);
  DSCHED_ASSERT(before == Phase::examining || before == Phase::granted || before == Phase::held ||
                    before == Phase::evaluating || before == Phase::waiting,
                "what cannot run was about to, or is a map");
  if (before == Phase::granted) release_slots(now, fact.node);
  fail(now, fact.node, fact.failure, out);
}

void Execution::on(Instant, const Approved& fact, Effects& out) {
  // It may have been cancelled before anybody heard of the consent.
  if (phase(fact.node) == Phase::held && nodes_[fact.node.value].needs_consent) {
    make_ready(fact.node, out);
  }
}

void Execution::on(Instant now, const AttemptStarted& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.node) == Phase::granted, "an attempt starts when it was granted");
  NodeData& data = nodes_[fact.node.value];
  const std::uint32_t taken = data.taken;
  drop_slots(now, fact.node);
  move(fact.node, Phase::running);
  take_slots(now, fact.node, taken);
  data.timed_out = false;
  data.ended_by_readers = false;
  data.readers_are_behind = false;
  data.started = now;
  data.stood_still = Nanoseconds{0};
  slots_.note_start();
  if (const auto limit = timeout(fact.node)) {
    set_timer(now + *limit, TimerKind::timeout, fact.node);
  }
  // What was asked of all running attempts while this one was on its way holds for it as well.
  if (stopping_) {
    out.push_back(ControlTree{fact.node, control_for(*stopping_)});
    if (stopping_ == StopRequest::terminate) {
      set_timer(now + options_.grace, TimerKind::force, fact.node);
    }
  }
  // It may ignore an interrupt, and would wait for its stream for ever.
  if (data.stream_lost || (data.cancel_asked && !stopping_)) {
    out.push_back(ControlTree{
        fact.node, is_request(fact.node) ? TreeControl::cancel : TreeControl::terminate});
    set_timer(now + options_.grace, TimerKind::force, fact.node);
  }
  const bool paused = is_paused_ && !stopping_ && dag_.settings(fact.node).preemptible;
  // The instance that a request was given to may stand still.
  const auto others = loads_.together(fact.node);
  const bool stands =
      timers_.any_stands() && std::any_of(others.begin(), others.end(), [this](NodeIndex other) {
        return phase(other) == Phase::suspended;
      });
  if (is_suspended_ || paused || stands) suspend(now, fact.node, out);
  start_readers(fact.node, out);
  end_if_unread(now, fact.node, out);  // a resume may find all of them over
}

void Execution::on(Instant now, const AttemptEnded& fact, Effects& out) {
  NodeData& data = nodes_[fact.node.value];
  if (data.phase == Phase::evaluating) {
    if (fact.failure == FailureClass::none) return complete(fact.node, Phase::completed, out);
    return fail(now, fact.node, fact.failure, out);
  }
  // What stands still may be ended by somebody else.
  if (data.phase == Phase::suspended) resume(now, fact.node);
  DSCHED_ASSERT(data.phase == Phase::running, "an attempt ends when it has started");
  data.waits_for_nested = false;
  release_slots(now, fact.node);
  // What was granted ahead must not begin before this failure is decided upon; dispatch() grants it
  // again if anything may start.
  if (data.timed_out || fact.failure != FailureClass::none) withdraw_granted(out);
  if (data.cancel_asked && fact.failure != FailureClass::none) {
    move(fact.node, Phase::cancelled);
    out.push_back(NodeSettled{fact.node, NodeState::cancelled, Reason::none, fact.failure, {}, {}});
    settle_readers(now, fact.node, out);
    cancel_dependents(fact.node, out);
    if (const auto producer = dag_.stream_of(fact.node)) end_if_unread(now, *producer, out);
    return wake_twins(fact.node, out);
  }
  if (data.stream_lost) return lose_attempt(now, fact.node, out);
  if (data.ended_by_readers) return end_well(now, fact.node, out);
  if (data.timed_out) {
    AttemptEnded timed_out = fact;
    timed_out.failure = FailureClass::timeout;
    return retry_or_fail(now, fact.node, timed_out, out);
  }
  if (fact.failure == FailureClass::none) return end_well(now, fact.node, out);
  if (stopping_) {
    // It was told to end, so how it ended says nothing about it; a resume runs it again.
    move(fact.node, Phase::cancelled);
    out.push_back(NodeSettled{fact.node, NodeState::cancelled, Reason::none, fact.failure, {}, {}});
    return settle_readers(now, fact.node, out);
  }
  if (fact.is_innocent && dag_.settings(fact.node).idempotent) {
    ++data.earlier_attempts;
    return enqueue(fact.node, out);
  }
  retry_or_fail(now, fact.node, fact, out);
}

void Execution::retry_or_fail(Instant now, NodeIndex node, const AttemptEnded& fact, Effects& out) {
  const NodeData& data = nodes_[node.value];
  const dag::Settings& settings = dag_.settings(node);
  const std::uint32_t made = data.attempts - data.earlier_attempts;
  const std::uint32_t retries = settings.max_retries.value_or(options_.retries);
  const bool again = fact.word
                         ? fact.word->again
                         : made <= retries && is_retryable(fact.failure) && settings.idempotent;
  if (!again || is_stopping()) return fail(now, node, fact.failure, out);
  const bool at_once = fact.word && fact.word->at_once;
  if (fact.word && fact.word->timeout) set_timeout(node, *fact.word->timeout);
  const Nanoseconds delay =
      at_once ? Nanoseconds{0} : retry_delay(settings.backoff, made, fact.jitter);
  move(node, Phase::backoff);
  set_timer(now + delay, TimerKind::retry, node);
  out.push_back(NodeSettled{node, NodeState::pending, Reason::backoff, fact.failure, {}, delay});
  settle_readers(now, node, out);
}

void Execution::on(Instant now, const AttemptWithdrawn& fact, Effects& out) {
  DSCHED_ASSERT(phase(fact.node) == Phase::granted, "only what was granted can come back");
  release_slots(now, fact.node);
  --nodes_[fact.node.value].attempts;
  nodes_[fact.node.value].stream_lost = false;
  if (has_its_stream(fact.node)) {
    move(fact.node, Phase::queued);
    queue_up(fact.node);
  } else {
    wait_for_stream(fact.node, out);
  }
  if (!is_cancelled_ && !nodes_[fact.node.value].cancel_asked) return;
  if (!cancel_pending(fact.node, out)) return;
  cancel_dependents(fact.node, out);
  wake_twins(fact.node, out);
}

void Execution::on(Instant now, const ResultLost& fact, Effects& out) {
  if (fact.needed_by) {
    const NodeIndex user = *fact.needed_by;
    if (phase(user) == Phase::granted) {
      release_slots(now, user);
      --nodes_[user.value].attempts;
    }
    if (phase(user) != Phase::waiting) {
      nodes_[user.value].unmet = 0;
      move(user, Phase::waiting);
    }
    // When the result is still there for the engine, the loop below counts the user as well.
    if (!is_done(phase(fact.node))) ++nodes_[user.value].unmet;
    note_late_user(fact.node, user);
  }
  const Phase lost = phase(fact.node);
  // It was made again in vain, and this user had not heard of it because it was queued already.
  if (lost == Phase::failed || lost == Phase::cancelled) return cancel_dependents(fact.node, out);
  if (!is_done(lost)) return;  // it is being made again already
  each_user(fact.node, [this](NodeIndex user) {
    if (phase(user) == Phase::waiting) ++nodes_[user.value].unmet;
  });
  move(fact.node, Phase::waiting);
  nodes_[fact.node.value].unmet = 0;
  if (!revive_producer(fact.node, out)) make_ready(fact.node, out);
}

void Execution::enqueue(NodeIndex node, Effects& out) {
  if (!has_its_stream(node)) return wait_for_stream(node, out);
  move(node, Phase::queued);
  const Rank mine = rank(node);
  queue_up(node);
  // Attempts granted ahead, not begun, that this node should go before are taken back.
  std::uint32_t ahead = slots_.ahead();
  for (auto last = active_.rbegin(); last != active_.rend() && ahead > 0; ++last, --ahead) {
    if (phase(*last) == Phase::granted && mine.is_better_than(rank(*last))) {
      out.push_back(Withdraw{*last});
    }
  }
}

void Execution::complete_one(NodeIndex node, Phase how, Effects& out) {
  move(node, how);
  const Reason reason = how == Phase::reused ? Reason::reused : Reason::none;
  out.push_back(NodeSettled{node, NodeState::completed, reason, FailureClass::none, {}, {}});
  each_user(node, [&](NodeIndex user) {
    if (phase(user) == Phase::waiting) one_less_unmet(user, out);
  });
  wake_twins(node, out);
}

void Execution::one_less_unmet(NodeIndex node, Effects& out) {
  if (--nodes_[node.value].unmet == 0 || may_read_now(node)) make_ready(node, out);
}

void Execution::fail(Instant now, NodeIndex node, FailureClass failure, Effects& out) {
  move(node, Phase::failed);
  nodes_[node.value].failure = failure;
  const Reason reason = failure == FailureClass::timeout  ? Reason::timeout
                        : failure == FailureClass::denied ? Reason::denied
                        : failure == FailureClass::lost   ? Reason::lost
                                                          : Reason::none;
  out.push_back(NodeSettled{node, NodeState::failed, reason, failure, {}, {}});
  settle_readers(now, node, out);
  cancel_dependents(node, out);
  wake_twins(node, out);
  if (const auto producer = dag_.stream_of(node)) end_if_unread(now, *producer, out);
}

void Execution::cancel_dependents(NodeIndex failed, Effects& out) {
  std::vector<NodeIndex> to_visit{failed};
  while (!to_visit.empty()) {
    const NodeIndex node = to_visit.back();
    to_visit.pop_back();
    each_user(node, [&](NodeIndex user) {
      if (phase(user) != Phase::waiting) return;
      move(user, Phase::cancelled);
      out.push_back(NodeSettled{
          user, NodeState::cancelled, Reason::dependency_failed, FailureClass::none, failed, {}});
      to_visit.push_back(user);
    });
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

void Execution::dispatch(Instant now, Effects& out) {
  keep_within_lease(now, out);
  resume_what_fits(now, out);
  while (!is_stopping() && !is_suspended_ && !is_paused_ && !queue_.empty()) {
    const std::optional<Rank> best = queue_.best();
    const std::optional<Rank> request = best_opening();
    if (request && (!best || request->is_better_than(*best))) {
      if (!fits(request->node)) break;
      grant_request(now, *loads_.closed(dag_.worker_of(request->node)), out);
      continue;
    }
    // With all slots taken only the best node may be granted ahead; a wide one that was passed over
    // often enough is waited for.
    const bool only_best = slots_.is_full() || passes_ >= k_passes_max;
    const auto taken = queue_.take_best(only_best ? 0 : k_look_past, [&](const Rank& candidate) {
      if (dag_.has_streams() && must_wait_for_producer(candidate.node)) return false;
      return fits(candidate.node) || may_go_ahead(candidate);
    });
    if (!taken) {
      if (!request || only_best || !fits(request->node)) break;
      ++passes_;
      grant_request(now, *loads_.closed(dag_.worker_of(request->node)), out);
      continue;
    }
    passes_ = best && *taken == best->node ? 0 : passes_ + 1;
    grant(now, *taken, out);
  }
  admit_requests(now, out);
  resume_what_fits(now, out);
  const bool nothing_under_way = active_.empty() && examining_ == 0;
  const bool waits = options_.waits_for_consent && gated_ > 0;
  const bool nothing_to_come = is_stopping() || (queue_.empty() && backoffs_ == 0 && !waits);
  if (!ended_ && nothing_under_way && nothing_to_come) {
    ended_ = true;
    out.push_back(ExecutionEnded{final_status()});
  }
}

// Some nodes more than there are slots may be handed over, so that a worker finds its next attempt
// without waiting for the session (0.65 s instead of 0.78 s for 2,000 commands at width 2). Only
// when nothing that the active nodes could set free would have to go before it.
bool Execution::may_go_ahead(const Rank& rank_of_candidate) const {
  if (!slots_.allows_ahead() || need(rank_of_candidate.node).count != 1) return false;
  if (timers_.any_stands()) return false;
  // Its result may be known when the stream is complete.
  if (stream_under_way(rank_of_candidate.node)) return false;
  // The executor's threads know nothing of the slots of instances.
  if (loads_.has_any()) return false;
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

void Execution::release_slots(Instant now, NodeIndex node) {
  active_.erase(std::find(active_.begin(), active_.end(), node));
  drop_slots(now, node);
  if (is_request(node)) take_from_instance(now, node);
  if (const auto pool = dag_.settings(node).pool) queue_.release(*pool);
}

bool Execution::waits_for_people() const {
  return gated_ > 0 && active_.empty() && examining_ == 0 && queue_.empty() && backoffs_ == 0 &&
         !is_stopping();
}

bool Execution::limit_reached() const {
  return options_.failure_limit && counts_.failed - failed_by_streams_ >= *options_.failure_limit;
}

Rank Execution::rank(NodeIndex node) const {
  const Nanoseconds remaining = remaining_.empty() ? Nanoseconds{0} : remaining_[node.value];
  return {dag_.settings(node).priority.level, remaining, node};
}

ExecutionStatus Execution::final_status() const {
  if (counts_.completed == counts_.total) return ExecutionStatus::completed;
  if (is_cancelled_) return ExecutionStatus::cancelled;
  if (stopping_) return ExecutionStatus::interrupted;
  if (held_ > 0 && !limit_reached()) return ExecutionStatus::waiting;
  if (counts_.failed > 0) return ExecutionStatus::failed;
  return counts_.cancelled > 0 ? ExecutionStatus::cancelled : ExecutionStatus::waiting;
}

}  // namespace dsched::engine
