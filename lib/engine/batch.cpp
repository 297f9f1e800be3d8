// SPDX-License-Identifier: Apache-2.0
#include "engine/batch.h"

#include <algorithm>

#include "base/error.h"
#include "engine/retry.h"

namespace dsched::engine {
namespace {

SlotBook::Terms terms_of(const BatchOptions& options) {
  SlotBook::Terms terms = options.slots;
  if (options.running == BatchOptions::Running::parallel) return terms;
  terms.width = {1};
  terms.is_as_wide_as_machine = false;
  return terms;
}

}  // namespace

std::string_view name_of(Completion completion) {
  switch (completion) {
    case Completion::completed:
      return "completed";
    case Completion::failed:
      return "failed";
    case Completion::cancelled:
      return "cancelled";
    case Completion::timeout:
      return "timeout";
    case Completion::skipped:
      return "skipped";
  }
  return {};
}

Batch::Batch(const BatchOptions& options, std::span<const dag::Worker> workers)
    : options_(options),
      requests_to_(workers.size()),
      queued_requests_(workers.size()),
      loads_(workers),
      slots_(terms_of(options)) {}

void Batch::apply(Instant now, const BatchFact& fact, BatchEffects& out) {
  std::visit([&](const auto& one) { on(now, one, out); }, fact);
}

void Batch::count(const Data& request, RequestPhase phase, std::size_t by) {
  switch (phase) {
    case RequestPhase::queued:
      if (request.worker) {
        queued_requests_[request.worker->value] += by;
        queued_to_workers_ += by;
      } else {
        (request.in_process ? queued_values_ : queued_attempts_) += by;
      }
      break;
    case RequestPhase::backoff:
      backing_off_ += by;
      break;
    case RequestPhase::running:
    case RequestPhase::suspended:
      counts_.running += by;
      break;
    case RequestPhase::granted:
      if (request.in_process) values_under_way_ += by;
      break;
    case RequestPhase::settled:
      break;
  }
}

// Keeps the counts right.
void Batch::move(Data& request, RequestPhase to) {
  count(request, request.phase, ~std::size_t{0});  // minus one, modulo 2^64
  request.phase = to;
  count(request, to, 1);
}

void Batch::on(Instant, const Admitted& fact, BatchEffects& out) {
  Data data;
  data.priority = fact.priority;
  data.in_process = fact.in_process;
  data.timeout = fact.timeout;
  data.worker = fact.worker;
  const bool is_new = requests_.emplace(fact.request, data).second;
  DSCHED_ASSERT(is_new, "a request is admitted once");
  ++counts_.total;
  if (options_.answers == BatchOptions::Answers::in_order) in_order_.push_back(fact.request);
  count(data, RequestPhase::queued, 1);
  if (options_.running == BatchOptions::Running::sequential) {
    attempts_.add({}, fact.request);  // in the order they come, whatever they are
  } else if (fact.in_process) {
    values_.add(fact.priority, fact.request);
  } else if (fact.worker) {
    requests_to_[fact.worker->value].add(fact.priority, fact.request);
  } else {
    attempts_.add(fact.priority, fact.request);
    take_back_for(fact.priority, out);
  }
}

void Batch::on(Instant, const InputEnded& fact, BatchEffects&) {
  input_ended_ = true;
  is_cut_ = is_cut_ || fact.cut;
}

void Batch::on(Instant, const RoomIs& fact, BatchEffects&) {
  room_ = fact.room;
}

void Batch::on(Instant now, const AttemptStarted& fact, BatchEffects& out) {
  Data& request = data(fact.node);
  DSCHED_ASSERT(request.phase == RequestPhase::granted, "an attempt starts when it was granted");
  const bool bears = request.takes_slot;
  drop_slot(now, request);
  move(request, RequestPhase::running);
  if (bears) take_slot(now, request);
  request.timed_out = false;
  request.started = now;
  request.stood_still = Nanoseconds{0};
  slots_.note_start();
  if (request.timeout) set_timer(now + *request.timeout, TimerKind::timeout, fact.node);
  // What was asked of all running attempts while this one was on its way holds for it as well.
  if (stopping_) {
    out.push_back(ControlTree{fact.node, control_for(*stopping_)});
    if (stopping_ == StopRequest::terminate) {
      set_timer(now + options_.grace, TimerKind::force, fact.node);
    }
  } else if (request.cancel_asked) {
    out.push_back(ControlTree{fact.node, ending_of(request)});
    set_timer(now + options_.grace, TimerKind::force, fact.node);
  }
  // The instance that it was given to may stand still.
  const auto others = loads_.together(fact.node);
  const bool stands = std::any_of(others.begin(), others.end(), [this](NodeIndex other) {
    return data(other).phase == RequestPhase::suspended;
  });
  if (is_suspended_ || (is_paused_ && !stopping_) || stands) suspend(now, fact.node, out);
}

void Batch::on(Instant now, const AttemptEnded& fact, BatchEffects& out) {
  Data& request = data(fact.node);
  // What stands still may be ended by somebody else.
  if (request.phase == RequestPhase::suspended) resume(now, fact.node);
  DSCHED_ASSERT(request.phase == RequestPhase::running || request.phase == RequestPhase::granted,
                "what ends was handed out");
  request.waits_for_nested = false;
  if (!request.in_process) release(now, fact.node);
  request.failure = request.timed_out ? FailureClass::timeout : fact.failure;
  // What was granted ahead must not begin before this failure is decided upon; dispatch() grants it
  // again if anything may start.
  const bool failed = request.failure != FailureClass::none;
  if (failed && !request.in_process) withdraw_granted(out);
  if (!failed) return settle(fact.node, Completion::completed, out);
  if (request.cancel_asked) return settle(fact.node, Completion::cancelled, out);
  // Told to end, so how it ended says nothing about it.
  if (stopping_ && !request.timed_out) return settle(fact.node, Completion::cancelled, out);
  if (fact.is_innocent && !request.timed_out && !is_stopping()) {
    ++request.forgiven;
    return enqueue(fact.node, request, out);
  }
  retry_or_fail(now, fact, out);
}

void Batch::retry_or_fail(Instant now, const AttemptEnded& fact, BatchEffects& out) {
  Data& request = data(fact.node);
  const std::uint32_t made = request.attempts - request.forgiven;
  const bool again = made <= options_.retries && is_retryable(request.failure);
  if (!again || is_stopping()) {
    return settle(
        fact.node,
        request.failure == FailureClass::timeout ? Completion::timeout : Completion::failed, out);
  }
  move(request, RequestPhase::backoff);
  set_timer(now + retry_delay(options_.backoff, made, fact.jitter), TimerKind::retry, fact.node);
}

void Batch::on(Instant now, const AttemptWithdrawn& fact, BatchEffects& out) {
  Data& request = data(fact.node);
  DSCHED_ASSERT(request.phase == RequestPhase::granted, "only what was granted can come back");
  release(now, fact.node);
  --request.attempts;
  request.withdraw_asked = false;
  if (request.cancel_asked) return settle(fact.node, Completion::cancelled, out);
  enqueue(fact.node, request, out);
}

void Batch::on(Instant now, const Stop& fact, BatchEffects& out) {
  if (stopping_ && *stopping_ >= fact.request) return;
  stopping_ = fact.request;
  withdraw_granted(out);
  const std::vector<NodeIndex> active = active_;
  for (const NodeIndex request : active) {
    end_attempt(now, request, control_for(fact.request), out);
    if (fact.request == StopRequest::terminate) {
      set_timer(now + options_.grace, TimerKind::force, request);
    }
  }
}

void Batch::on(Instant now, const Cancel&, BatchEffects& out) {
  is_cancelled_ = true;
  on(now, Stop{StopRequest::terminate}, out);
}

void Batch::on(Instant now, const CancelNode& fact, BatchEffects& out) {
  const auto found = requests_.find(fact.node);
  if (found == requests_.end() || found->second.cancel_asked) return;
  Data& request = found->second;
  switch (request.phase) {
    case RequestPhase::granted:
    case RequestPhase::running:
    case RequestPhase::suspended:
      request.cancel_asked = true;
      if (request.phase == RequestPhase::granted) return ask_back(fact.node, out);
      end_attempt(now, fact.node, ending_of(request), out);
      return set_timer(now + options_.grace, TimerKind::force, fact.node);
    case RequestPhase::queued:
    case RequestPhase::backoff:
      return settle(fact.node, Completion::cancelled, out);
    case RequestPhase::settled:
      return;
  }
}

void Batch::withdraw_granted(BatchEffects& out) {
  for (const NodeIndex request : active_) {
    if (data(request).phase == RequestPhase::granted) ask_back(request, out);
  }
}

// Once, however many reasons there are.
void Batch::ask_back(NodeIndex request, BatchEffects& out) {
  if (!std::exchange(data(request).withdraw_asked, true)) out.push_back(Withdraw{request});
}

// What stands still must go on to end.
void Batch::end_attempt(Instant now, NodeIndex request, TreeControl how, BatchEffects& out) {
  const RequestPhase before = data(request).phase;
  if (before != RequestPhase::running && before != RequestPhase::suspended) return;
  out.push_back(ControlTree{request, how});
  if (before == RequestPhase::suspended) resume_all(now, request, out);
}

// It has been in the line before.
void Batch::enqueue(NodeIndex request, Data& data, BatchEffects& out) {
  move(data, RequestPhase::queued);
  if (options_.running == BatchOptions::Running::sequential) {
    return attempts_.add_again({}, request);
  }
  if (data.worker) return requests_to_[data.worker->value].add_again(data.priority, request);
  attempts_.add_again(data.priority, request);
  take_back_for(data.priority, out);
}

// Attempts granted ahead, not begun, that one of this priority should go before are taken back.
void Batch::take_back_for(Priority priority, BatchEffects& out) {
  std::uint32_t ahead = slots_.ahead();
  for (auto last = active_.rbegin(); last != active_.rend() && ahead > 0; ++last, --ahead) {
    Data& request = data(*last);
    if (request.phase != RequestPhase::granted || request.withdraw_asked) continue;
    if (request.priority >= priority) continue;
    request.withdraw_asked = true;
    out.push_back(Withdraw{*last});
  }
}

void Batch::settle(NodeIndex index, Completion completion, BatchEffects& out) {
  Data& request = data(index);
  move(request, RequestPhase::settled);
  switch (completion) {
    case Completion::completed:
      ++counts_.completed;
      break;
    case Completion::failed:
    case Completion::timeout:
      ++counts_.failed;
      break;
    case Completion::skipped:
      ++skipped_;
      [[fallthrough]];
    case Completion::cancelled:
      ++counts_.cancelled;
      break;
  }
  out.push_back(RequestSettled{index, completion, request.failure});
  if (options_.answers == BatchOptions::Answers::as_they_end) {
    requests_.erase(index);
    out.push_back(AnswerRequest{index});
    return;
  }
  while (!in_order_.empty() && data(in_order_.front()).phase == RequestPhase::settled) {
    out.push_back(AnswerRequest{in_order_.front()});
    requests_.erase(in_order_.front());
    in_order_.pop_front();
  }
}

void Batch::set_timer(Instant at, TimerKind kind, NodeIndex request) {
  const Data& of = data(request);
  timers_.set({at, kind, request, of.attempts, of.stood_still});
}

void Batch::on(Instant now, const Tick&, BatchEffects& out) {
  if (is_suspended_) return;
  while (const auto timer = timers_.take_due(now)) fire(now, *timer, out);
}

void Batch::fire(Instant now, const Timer& timer, BatchEffects& out) {
  const auto found = requests_.find(timer.node);
  if (found == requests_.end() || found->second.attempts != timer.attempt) return;
  Data& request = found->second;
  if (!timers_.is_ripe(timer, request.stood_still)) return;
  switch (timer.kind) {
    case TimerKind::retry:
      if (request.phase == RequestPhase::backoff) enqueue(timer.node, request, out);
      return;
    case TimerKind::timeout:
      if (request.phase != RequestPhase::running) return;
      request.timed_out = true;
      out.push_back(ControlTree{timer.node, ending_of(request)});
      return set_timer(now + options_.grace, TimerKind::force, timer.node);
    case TimerKind::force:
      if (request.phase != RequestPhase::running) return;
      out.push_back(ControlTree{timer.node, TreeControl::kill});
      return;
  }
}

std::optional<NodeIndex> Batch::next_in(RequestLine& line) const {
  return line.best([this](NodeIndex request) {
    const auto found = requests_.find(request);
    return found != requests_.end() && found->second.phase == RequestPhase::queued;
  });
}

bool Batch::may_begin(NodeIndex request) const {
  if (is_stopping() || is_suspended_ || is_paused_ || room_ == Room::none) return false;
  return room_ == Room::ample || (!in_order_.empty() && in_order_.front() == request);
}

void Batch::grant(Instant now, NodeIndex index, BatchEffects& out) {
  Data& request = data(index);
  move(request, RequestPhase::granted);
  request.withdraw_asked = false;
  if (!request.in_process) {
    active_.push_back(index);
    if (loads_.needs_slot(index)) take_slot(now, request);
  }
  const std::uint32_t instance = request.worker ? loads_.place(index).instance : 0;
  out.push_back(StartAttempt{index, ++request.attempts, instance});
}

void Batch::start_values(BatchEffects& out) {
  while (const auto next = next_in(values_)) {
    if (!may_begin(*next)) return;
    grant({}, *next, out);
  }
}

// The best one that may begin in a slot of its own. The first answer may be of a request that
// others stand before.
std::optional<NodeIndex> Batch::next_attempt() {
  std::optional<NodeIndex> best;
  if (room_ == Room::for_first && !in_order_.empty()) {
    const Data& first = data(in_order_.front());
    const bool waits = first.phase == RequestPhase::queued && !first.in_process;
    if (waits && (!first.worker || loads_.closed(*first.worker))) best = in_order_.front();
    return best;
  }
  best = next_in(attempts_);
  if (queued_to_workers_ == 0) return best;
  for (std::uint32_t i = 0; i < requests_to_.size(); ++i) {
    if (loads_.closed_count({i}) == 0) continue;
    const auto request = next_in(requests_to_[i]);
    if (!request) continue;
    const bool is_better = !best || data(*request).priority > data(*best).priority ||
                           (data(*request).priority == data(*best).priority && *request < *best);
    if (is_better) best = request;
  }
  return best;
}

void Batch::start_attempts(Instant now, BatchEffects& out) {
  while (const auto next = next_attempt()) {
    const Data& request = data(*next);
    if (!may_begin(*next) || (slots_.is_full() && !may_go_ahead(request))) break;
    open_instance(*next, request);
    grant(now, *next, out);
  }
  join_instances(now, out);
}

void Batch::start_next_of_all(Instant now, BatchEffects& out) {
  if (!active_.empty() || values_under_way_ > 0 || backing_off_ > 0) return;
  const auto next = next_in(attempts_);
  if (!next || !may_begin(*next)) return;
  if (!data(*next).in_process && slots_.is_full()) return;
  open_instance(*next, data(*next));
  grant(now, *next, out);
}

// Nothing begins any more: what has not begun is over.
void Batch::give_up_waiting(BatchEffects& out) {
  if (queued() + backing_off_ == 0) return;
  std::vector<NodeIndex> waiting;
  for (const auto& [index, request] : requests_) {
    if (request.phase == RequestPhase::queued || request.phase == RequestPhase::backoff) {
      waiting.push_back(index);
    }
  }
  std::sort(waiting.begin(), waiting.end());
  for (const NodeIndex index : waiting) {
    const Data& request = data(index);
    Completion completion = Completion::skipped;
    if (is_cancelled_) {
      completion = Completion::cancelled;
    } else if (request.failure != FailureClass::none) {
      // It failed before, and would have been tried again.
      completion =
          request.failure == FailureClass::timeout ? Completion::timeout : Completion::failed;
    }
    settle(index, completion, out);
  }
}

void Batch::dispatch(Instant now, BatchEffects& out) {
  keep_within_lease(now, out);
  resume_what_fits(now, out);
  if (is_stopping()) {
    give_up_waiting(out);
  } else if (options_.running == BatchOptions::Running::sequential) {
    start_next_of_all(now, out);
  } else {
    start_values(out);
    start_attempts(now, out);
  }
  if (ended_ || !input_ended_ || !requests_.empty()) return;
  ended_ = true;
  out.push_back(BatchEnded{final_status()});
}

bool Batch::is_stopping() const {
  return stopping_ || (options_.failure_limit && counts_.failed >= *options_.failure_limit);
}

ExecutionStatus Batch::final_status() const {
  if (counts_.completed == counts_.total && !is_cut_) return ExecutionStatus::completed;
  if (is_cancelled_) return ExecutionStatus::cancelled;
  if (stopping_) return ExecutionStatus::interrupted;
  return counts_.failed > 0 ? ExecutionStatus::failed : ExecutionStatus::cancelled;
}

std::optional<Instant> Batch::next_deadline() const {
  if (is_suspended_) return std::nullopt;
  return earliest(slots_.look_at(), timers_.next());
}

std::optional<RequestPhase> Batch::phase(NodeIndex request) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return std::nullopt;
  return found->second.phase;
}

Batch::AttemptState Batch::attempt(NodeIndex request) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return {};
  const Data& of = found->second;
  return {of.stood_still, of.timed_out, of.attempts};
}

Batch::View Batch::view() const {
  View view;
  view.counts = counts_;
  view.skipped = skipped_;
  view.queued = queued();
  view.backing_off = backing_off_;
  view.in_use = {slots_.running()};
  view.is_paused = is_paused_;
  view.is_stopping = is_stopping();
  view.has_granted = std::any_of(active_.begin(), active_.end(), [this](NodeIndex request) {
    return requests_.at(request).phase == RequestPhase::granted;
  });
  return view;
}

}  // namespace dsched::engine
