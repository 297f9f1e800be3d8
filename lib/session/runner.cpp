// SPDX-License-Identifier: Apache-2.0
#include "session/runner.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "executor/outputs.h"

namespace dsched::session {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Phase;
using engine::Reason;

// More built-ins than this whose values leave the process, and they are evaluated instead of looked
// up: asking the store a million times costs more than the million values.
constexpr std::size_t k_looked_up_max = 4096;
// A result that is lost again after it was made again this often is given up.
constexpr int k_losses_max = 3;

bool is_in_memory(dag::Operation operation) {
  return operation == dag::Operation::constant || operation == dag::Operation::concat ||
         operation == dag::Operation::primitive;
}

engine::Options engine_options(const RunOptions& options) {
  engine::Options out;
  out.slots = {options.width, true, !options.is_width_chosen};
  out.failure_limit = options.failure_limit;
  out.retries = options.retries;
  out.waits_for_consent = options.waits_for_consent;
  return out;
}

}  // namespace

Runner::Runner(const RunPlan& plan, const Ports& ports, journal::Journal& journal,
               journal::ExecutionRecord& execution)
    : plan_(plan),
      ports_(ports),
      journal_(journal),
      execution_(execution),
      goals_(plan.goals),
      values_(plan.dag.size(), ports.store.blobs(), ports.argument_files),
      program_values_(plan.dag, values_),
      fan_out_(plan.dag, values_, plan.inner_targets, plan.partly_wanted),
      examiner_({plan.dag, ports.store, ports.workspace, plan.environment, values_, program_values_,
                 plan.context.folder},
                plan.options, Examiner::Effects::allowed),
      maker_(plan.dag, plan.context, plan.environment, examiner_, values_, program_values_),
      engine_(plan.dag, engine_options(plan.options), node_plans()),
      recorder_(ports.store, journal),
      steering_({ports.clock, ports.store, ports.executor, ports.waiter, ports.slots,
                 ports.observer, recorder_, journal, execution},
                *this),
      tracker_(plan.dag, plan.options.width),
      figures_(plan.dag),
      gates_(plan.dag, ports.store, execution),
      gates_due_(ports.clock.now()),
      now_(ports.clock.now()),
      begun_(now_),
      begun_wall_(ports.clock.wall()) {
  examiner_.set_operations(plan.operations);
  if (is_tapped()) tap_ = std::make_unique<executor::StreamTap>(plan.answer.result_fd);
  tracker_.name(to_text(execution.id), execution.number);
  recorder_.begin(execution);
  recorder_.set_news([this] { write_news(); });
}

// In-process: const and concat of in-process values. Those whose value leaves the process (goals,
// arguments of others) are looked up and stored like any node, unless there are very many.
std::vector<engine::NodePlan> Runner::node_plans() {
  const dag::Dag& dag = plan_.dag;
  std::vector<engine::NodePlan> plans(dag.size());
  for (engine::NodePlan& plan : plans) plan.wanted = false;
  for (const NodeIndex node : plan_.wanted) plans[node.value].wanted = true;
  for (const NodeIndex goal : plan_.goals) plans[goal.value].is_goal = true;
  if (plan_.shown) {
    plans[plan_.shown->value].is_goal = !is_tapped();
    plans[plan_.shown->value].is_read_outside = is_tapped();
  }
  for (const NodeIndex node : dag.topological_order()) {
    if (dag.node(node).operation == dag::Operation::map) plans[node.value].in_process = true;
    if (!is_in_memory(dag.node(node).operation) || !plans[node.value].wanted) continue;
    if (dag.node(node).operation == dag::Operation::primitive) {
      plans[node.value].in_process = true;  // wherever its arguments are
      continue;
    }
    if (dag.settings(node).approval) continue;  // held like a command
    const auto arguments = dag.arguments(node);
    plans[node.value].in_process =
        std::all_of(arguments.begin(), arguments.end(),
                    [&](NodeIndex argument) { return plans[argument.value].in_process; });
  }
  std::vector<NodeIndex> leaving;
  for (const NodeIndex node : plan_.wanted) {
    if (plans[node.value].in_process) continue;
    for (const NodeIndex argument : dag.arguments(node)) {
      if (plans[argument.value].in_process) leaving.push_back(argument);
    }
  }
  for (const NodeIndex goal : plan_.goals) {
    if (plans[goal.value].in_process) leaving.push_back(goal);
  }
  // The result of a map is made of what was looked up, or could have been; and to work out a
  // primitive again takes less than to look it up.
  std::erase_if(leaving, [&dag](NodeIndex node) {
    return dag.node(node).operation == dag::Operation::map ||
           dag.node(node).operation == dag::Operation::primitive;
  });
  std::sort(leaving.begin(), leaving.end());
  leaving.erase(std::unique(leaving.begin(), leaving.end()), leaving.end());
  if (leaving.size() > k_looked_up_max) return plans;
  // A concat is evaluated only from values in memory, so a node that also feeds one stays
  // in-process; perform(Evaluate) stores its value as well.
  for (const NodeIndex node : leaving) {
    const auto users = dag.dependents(node);
    const bool feeds_in_process = std::any_of(
        users.begin(), users.end(), [&](NodeIndex user) { return plans[user.value].in_process; });
    if (feeds_in_process) {
      stored_values_.insert(node);
    } else {
      plans[node.value].in_process = false;
    }
  }
  return plans;
}

wire::RunAnswer Runner::run() {
  if (!execution_.started_at) execution_.started_at = begun_wall_;
  prefetch();
  now_ = ports_.clock.now();
  steering_.take_wishes();
  ports_.observer.began(progress());
  engine_.begin(effects_);
  do {
    ended_.reset();
    loop();
  } while (*ended_ == ExecutionStatus::completed && !collect_results());
  close();
  wire::RunAnswer answer = make_answer();
  finish_tap(answer);
  return answer;
}

void Runner::prefetch() {
  std::size_t examined = 0;
  bool any_inputs = false;
  std::vector<std::string_view> paths;
  for (const NodeIndex node : plan_.wanted) {
    if (is_in_memory(plan_.dag.node(node).operation)) continue;
    ++examined;
    const dag::Settings& settings = plan_.dag.settings(node);
    const dag::Operation operation = plan_.dag.node(node).operation;
    any_inputs = any_inputs || settings.inputs_declared || settings.follows_files ||
                 !settings.outputs.empty() || operation != dag::Operation::shell;
    paths.insert(paths.end(), settings.inputs.begin(), settings.inputs.end());
    paths.insert(paths.end(), settings.outputs.begin(), settings.outputs.end());
  }
  if (any_inputs) ports_.store.file_digests().load();
  if (examined < k_bulk_min || !any_inputs) return;
  ports_.store.results().preload();
  ports_.workspace.prefetch(paths);
  prefetched_ = true;
}

void Runner::loop() {
  while (!ended_) {
    drain();
    if (settle_gates()) continue;
    engine_.dispatch(now_, effects_);
    if (!effects_.empty() || ended_ || settle_slots()) continue;
    ports_.executor.hand_over();
    ports_.observer.progress(progress());
    wait_and_take();
  }
}

// Performs effects in the order they came out; performing one may bring further ones.
void Runner::drain() {
  constexpr std::size_t k_between_looks = 1024;  // effects, at most a few milliseconds
  engine::Effects batch;
  std::size_t performed = 0;
  // From which effect on the clock showed what, for those that come out and those that are
  // performed.
  struct Mark {
    std::size_t from;
    Instant at;
  };
  std::vector<Mark> coming{{0, now_}};
  std::vector<Mark> marks;
  while (!effects_.empty()) {
    batch.clear();
    batch.swap(effects_);
    marks = std::exchange(coming, {{0, now_}});
    std::size_t mark = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const engine::Effect& effect = batch[i];
      while (mark < marks.size() && marks[mark].from <= i) emitted_ = marks[mark++].at;
      std::visit([this](const auto& what) { perform(what); }, effect);
      if (recorder_.is_full()) recorder_.commit();
      if (++performed % k_between_looks != 0) continue;
      ports_.executor.hand_over();
      now_ = ports_.clock.now();
      coming.push_back({effects_.size(), now_});
      if (recorder_.due() && *recorder_.due() <= now_) recorder_.commit();
      if (performed % (64 * k_between_looks) != 0) continue;
      ports_.observer.progress(progress());
      steering_.look_at_wishes(now_);
    }
  }
}

void Runner::wait_and_take() {
  std::optional<Instant> until = engine_.next_deadline();
  for (const std::optional<Instant> moment : {recorder_.due(), recorder_.sync_due(), look_at_tap(),
                                              ports_.observer.wake_up(), steering_.next_look()}) {
    until = earliest(until, moment);
  }
  if (gates_.is_any_open()) until = earliest(until, gates_due_);
  for (const Request request : ports_.waiter.wait(until)) {
    now_ = ports_.clock.now();
    steering_.serve(request);
  }
  take_events();
  take_read();
  fire_timers();
  steering_.look_at_wishes(now_);
  if (recorder_.is_full() || (recorder_.due() && *recorder_.due() <= now_)) recorder_.commit();
  if (recorder_.sync_due() && *recorder_.sync_due() <= now_) recorder_.sync(now_);
}

void Runner::take_events() {
  now_ = ports_.clock.now();
  std::vector<executor::AttemptEvent> events;
  ports_.executor.take_events(events);
  for (executor::AttemptEvent& event : events) {
    if (auto* started = std::get_if<executor::Started>(&event)) {
      on_started(*started);
    } else if (auto* lag = std::get_if<executor::ReadersLag>(&event)) {
      on_lag(*lag);
    } else {
      on_ended(std::move(std::get<executor::Ended>(event)));
    }
  }
  if (!events.empty()) ports_.slots.attempts_ended();
}

void Runner::fire_timers() {
  const auto deadline = engine_.next_deadline();
  if (!deadline || *deadline > now_) return;
  // Far too late: this process stood still (SIGSTOP, a sleeping laptop), and an attempt may have
  // ended in time without anybody to hear of it. Its worker gets a moment to say so first.
  constexpr Nanoseconds k_late = std::chrono::milliseconds{200};
  constexpr Nanoseconds k_moment = std::chrono::milliseconds{50};
  if (now_ - *deadline > k_late) {
    const Instant until = ports_.clock.now() + k_moment;
    while (ports_.clock.now() < until) {
      for (const Request request : ports_.waiter.wait(until)) steering_.serve(request);
      take_events();
    }
    drain();
  }
  apply(engine::Tick{});
}

void Runner::apply(const engine::Fact& fact) {
  recorder_.note_news(now_);
  engine_.apply(now_, fact, effects_);
}

// ---- effects
// -------------------------------------------------------------------------------------

void Runner::perform(const engine::Examine& effect) {
  if (engine_.phase(effect.node) != Phase::examining) return;  // was given up while it was read
  // Its key would tell of its secrets: consent comes first.
  if (!gates_.may_read_secrets(effect.node)) return apply(engine::MustRun{effect.node, true});
  if (const auto producer = engine_.stream_under_way(effect.node)) {
    return examine_reader(effect.node, *producer);
  }
  if (waits_for_reading(effect.node)) return;
  Verdict verdict = examiner_.examine(effect.node);
  if (auto* reusable = std::get_if<Reusable>(&verdict)) return reuse(effect.node, reusable->record);
  if (auto* not_reusable = std::get_if<NotReusable>(&verdict)) {
    return must_run(effect.node, std::move(*not_reusable));
  }
  const auto& problem = std::get<executor::InputProblem>(verdict);
  cannot_run(effect.node, problem.failure, problem.error);
}

void Runner::reuse(NodeIndex node, const store::Record& record) {
  values_.set_result(node, {record.content, record.digest, record.key});
  reused_.push_back({node, record.key});
  figures_.reused(node, emitted_, now_);
  constexpr Nanoseconds k_touch_interval = std::chrono::hours{24};
  if (ports_.clock.wall() - record.last_used_at > k_touch_interval) to_touch_.push_back(record);
  apply(engine::FoundReusable{node});
}

// A glob that matches nothing is legal, and the commonest slip: the result would then be reused for
// ever, whatever happens to the files that were meant.
void Runner::warn_of_idle_globs(NodeIndex node, std::span<const executor::InputFile> inputs) {
  if (!inputs.empty()) return;
  const dag::Expansion* const expansion = plan_.dag.maps().with(node);
  if (expansion != nullptr && expansion->element_of(node) > 0) return;  // told of the first one
  const std::vector<std::string_view>& patterns = plan_.dag.settings(node).inputs;
  if (patterns.empty() || !std::all_of(patterns.begin(), patterns.end(), is_glob)) return;
  warn("input " + std::string(patterns.front()) + " of " +
       std::string(plan_.dag.node(node).node_id) + " matches nothing");
}

void Runner::must_run(NodeIndex node, NotReusable&& verdict) {
  const Keyed& keyed = verdict.keyed;
  if (keyed.cacheable) {
    if (const auto done = done_here_.find(keyed.key); done != done_here_.end()) {
      const NodeResult result = values_.result(done->second);
      values_.set_result(node, result);
      if (result.key) reused_.push_back({node, *result.key});
      figures_.reused(node, emitted_, now_);
      return apply(engine::FoundReusable{node});
    }
  }
  if (needs_consent(node)) return apply(engine::MustRun{node, true});
  if (keyed.cacheable) {
    // A reader is examined again when its producer, which was lost, is complete once more: it must
    // not wait for itself.
    forget_key(node);
    if (const auto twin = key_under_way_.find(keyed.key); twin != key_under_way_.end()) {
      return apply(engine::SameKeyUnderWay{node, twin->second});
    }
    key_under_way_.emplace(keyed.key, node);
    key_of_.emplace(node, keyed.key);
  }
  if (!tracker_.has_durations()) {
    durations_ = std::make_unique<journal::Durations>(ports_.store.database(), plan_.dag.dag_id());
    std::vector<Nanoseconds> expected = tracker_.load_durations(*durations_, engine_);
    engine_.set_remaining(dag::remaining_paths(plan_.dag, expected));
    engine_.set_expected(tracker_.take_expected());
  }
  warn_of_idle_globs(node, keyed.inputs);
  if (plan_.options.explain) tracker_.trace(node).explanation = std::move(verdict.explanation);
  apply(engine::MustRun{node});
  if (engine_.phase(node) == Phase::queued) figures_.ready(node, now_);
}

void Runner::cannot_run(NodeIndex node, FailureClass failure, const std::string& error) {
  Trace& trace = tracker_.trace(node);
  trace.failure = failure;
  trace.error = error;
  journal::Outcome outcome;
  outcome.kind = journal::Outcome::Kind::failed;
  outcome.node = node;
  outcome.attempt = engine_.attempts(node);
  outcome.at = since_submission(now_);
  outcome.failure = failure;
  outcome.error = error;
  recorder_.add(now_, outcome);
  apply(engine::CannotRun{node, failure});
}

void Runner::perform(const engine::Evaluate& effect) {
  if (plan_.dag.node(effect.node).operation == dag::Operation::primitive) {
    return take_evaluated(effect.node, program_values_.evaluate(effect.node));
  }
  if (plan_.dag.maps().of(effect.node) != nullptr) return gather(effect.node);
  finish_in_process(effect.node, maker_.evaluate(effect.node));
}

void Runner::finish_in_process(NodeIndex node, std::string&& value) {
  constexpr std::size_t k_journal_value_max = 4096;  // bytes; larger ones are blobs
  constexpr std::size_t k_kept_primitive_max = std::size_t{1} << 20;  // larger: worked out again
  const Nanoseconds waited = now_ - emitted_;
  figures_.evaluated(node, waited);
  if (value.size() <= k_journal_value_max) {
    recorder_.add_value(now_, node, {since_submission(now_), waited}, value);
  } else {
    journal::Outcome outcome;
    outcome.node = node;
    outcome.at = since_submission(now_);
    outcome.waited = waited;
    outcome.content = {sha256(value), value.size()};
    recorder_.add(now_, outcome);
    const bool is_primitive = plan_.dag.node(node).operation == dag::Operation::primitive;
    if (!is_primitive || value.size() <= k_kept_primitive_max) {
      recorder_.add_content({outcome.content, value, {}});
    }
  }
  values_.set_value(node, std::move(value));
  if (stored_values_.contains(node)) store_value(node);
  apply(engine::AttemptEnded{node, FailureClass::none, 0});
}

void Runner::perform(const engine::StartAttempt& effect) {
  const NodeIndex node = effect.node;
  delayed_.erase(node);
  if (prefetched_) {
    ports_.workspace.forget_prefetched();
    prefetched_ = false;
  }
  auto key_now = examiner_.key_now(node);
  if (const auto* problem = std::get_if<executor::InputProblem>(&key_now)) {
    return cannot_run(node, problem->failure, problem->error);
  }
  Keyed& keyed = std::get<Keyed>(key_now);
  const auto producer = engine_.stream_under_way(node);
  const auto reads = producer ? streams_.find(*producer) : nullptr;
  DSCHED_ASSERT(!producer || reads, "a reader starts while its producer writes");
  Made made = maker_.make(effect, {keyed.inputs, reads});
  if (const auto* lost = std::get_if<LostArgument>(&made)) return lose(lost->argument, node);
  if (const auto* none = std::get_if<NoValue>(&made)) {
    return cannot_run(node, FailureClass::refused, none->error);
  }
  if (auto* computed = std::get_if<ComputedValue>(&made)) {
    return finish_value(node, std::move(computed->bytes), std::move(keyed));
  }
  executor::Attempt& attempt = std::get<executor::Attempt>(made);
  attempt.stream = stream_for(node);
  start(std::move(attempt), {std::move(keyed), attempt.id, producer});
}

void Runner::start(executor::Attempt&& attempt, UnderWay&& under_way) {
  const NodeIndex node = attempt.node;
  if (!plan_.dag.settings(node).idempotent) {
    // It must be known that it was under way, should this runner vanish: see spec for
    // needs_decision.
    journal::Outcome outcome;
    outcome.kind = journal::Outcome::Kind::started;
    outcome.node = node;
    outcome.attempt = attempt.number;
    outcome.at = since_submission(now_);
    recorder_.add(now_, outcome);
    recorder_.sync(now_);
  }
  under_way_.insert_or_assign(node, std::move(under_way));
  ports_.executor.start(std::move(attempt));
}

void Runner::perform(const engine::Withdraw& effect) {
  if (!ports_.executor.withdraw(effect.node)) return;  // it has begun; its Started is on the way
  under_way_.erase(effect.node);
  if (!plan_.dag.settings(effect.node).idempotent) {
    journal::Outcome outcome;
    outcome.kind = journal::Outcome::Kind::withdrawn;
    outcome.node = effect.node;
    outcome.attempt = engine_.attempts(effect.node);
    recorder_.add(now_, outcome);
  }
  apply(engine::AttemptWithdrawn{effect.node});
}

void Runner::perform(const engine::ControlTree& effect) {
  ports_.executor.control(effect.node, control_for(effect.control));
}

void Runner::perform(const engine::NodeSettled& effect) {
  const NodeIndex node = effect.node;
  if (effect.state == NodeState::completed && values_.is_in_process(node)) {
    if (plan_.dag.maps().of(node) != nullptr) tell(node, NodeChange::completed);
    return;
  }
  judge(effect);
  const bool is_final = effect.state != NodeState::pending;
  if (is_final) forget_key(node);
  if (is_final) delayed_.erase(node);
  if (is_final) gates_.forget(node);
  if (effect.state == NodeState::completed) {
    tracker_.settled(node);
    if (effect.reason != Reason::reused) figures_.completed(node);
    return tell(node, effect.reason == Reason::reused ? NodeChange::reused : NodeChange::completed);
  }
  Trace& trace = tracker_.trace(node);
  trace.state = effect.state;
  trace.reason = effect.reason;
  trace.notable = true;
  if (effect.reason == Reason::dependency_failed) trace.because = effect.because;
  if (effect.failure != FailureClass::none) trace.failure = effect.failure;
  if (is_final) tracker_.settled(node);
  switch (effect.state) {
    case NodeState::failed:
      figures_.failed(node);
      return tell(node, NodeChange::failed);
    case NodeState::cancelled:
      figures_.cancelled(node);
      return tell(node, NodeChange::cancelled);
    case NodeState::pending:
      delayed_.insert_or_assign(node, live_node(node));
      delayed_[node].reason = effect.reason;
      if (effect.reason == Reason::awaiting_approval) hold(node);
      if (effect.reason != Reason::backoff) return;
      delayed_[node].until = wall_at(now_ + effect.retry_in);
      figures_.ready(node, now_ + effect.retry_in);
      return tell(node, NodeChange::retrying, effect.retry_in);
    case NodeState::running:
    case NodeState::completed:
      return;
  }
}

void Runner::perform(const engine::ExecutionEnded& effect) {
  ended_ = effect.status;
}

// A result was lost although the journal or the index named it: it is made again.
void Runner::lose(NodeIndex node, std::optional<NodeIndex> needed_by) {
  const std::string id(plan_.dag.node(node).node_id);
  if (needed_by) forget_key(*needed_by);  // else it would wait for itself as for a twin
  const Phase phase = engine_.phase(node);
  if (phase != Phase::completed && phase != Phase::reused) {
    // Another consumer found out first, and it is being made again.
    return apply(engine::ResultLost{node, needed_by});
  }
  if (++losses_[node] > k_losses_max) {
    const std::string error = "the stored result of " + id + " is damaged again and again";
    if (!needed_by) throw Error(ErrorKind::damaged, error);
    return cannot_run(*needed_by, FailureClass::damaged, error);
  }
  warn("the stored result of " + id + " is damaged or gone; running it again");
  examiner_.distrust(node);
  // Whoever has the same bytes has lost them too.
  const Digest lost = values_.content(node).hash;
  std::erase_if(done_here_, [&](const auto& entry) {
    return values_.result(entry.second).content.hash == lost;
  });
  std::erase_if(reused_, [&](const auto& entry) { return entry.node == node; });
  if (!values_.is_in_process(node)) {
    try {
      if (const auto key = values_.result(node).key) ports_.store.results().remove(*key);
      ports_.store.blobs().remove(values_.result(node).content.hash);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged)
        throw;  // what cannot be read cannot be removed either
    }
  }
  apply(engine::ResultLost{node, needed_by});
}

void Runner::warn(const std::string& line) {
  warnings_.push_back(line);
  ports_.observer.note("warning: " + line);
}

Progress Runner::progress() {
  return tracker_.progress(engine_.counts(), now_, begun_wall_ + (now_ - begun_));
}

}  // namespace dsched::session
