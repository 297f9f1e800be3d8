// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "base/time_text.h"
#include "executor/outputs.h"
#include "session/runner.h"

// The part of Runner that follows attempts: how they start, what they bring, how they fail.

namespace dsched::session {
namespace {

store::OutputEntry entry_of(const executor::CapturedOutput& output) {
  store::OutputEntry entry;
  entry.path = output.path;
  entry.kind = static_cast<std::uint8_t>(output.kind);
  entry.executable = output.executable;
  entry.content = output.captured.content;
  for (const executor::Captured& member : output.members) entry.members.push_back(member.content);
  return entry;
}

std::string describe_failure(const executor::Ended& ended, FailureClass failure,
                             std::optional<Nanoseconds> timeout) {
  if (failure == FailureClass::timeout && timeout) {
    return "timeout after " + short_duration(*timeout);
  }
  if (!ended.error.empty()) return ended.error;
  std::string text = end_text(ended.exit_code, ended.signal);
  return text.empty() ? std::string(name_of(failure)) : text;
}

// The node whose output the path is, or lies in.
std::optional<NodeIndex> producer_of_path(const dag::Dag& dag, std::string_view path) {
  while (true) {
    if (const auto producer = dag.producer_of(path)) return producer;
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || slash == 0) return std::nullopt;
    path = path.substr(0, slash);
  }
}

journal::Outcome outcome_of(const executor::Ended& ended, Nanoseconds at) {
  journal::Outcome outcome;
  outcome.node = ended.node;
  outcome.attempt = ended.number;
  outcome.at = at;
  outcome.took = ended.ended - ended.started;
  outcome.user = ended.usage.user;
  outcome.system = ended.usage.system;
  outcome.peak_memory_kib = ended.usage.peak_memory_kib;
  if (!ended.log.empty()) outcome.log = store::Content{sha256(ended.log), ended.log.size()};
  return outcome;
}

}  // namespace

void Runner::on_started(const executor::Started& started) {
  tracker_.started(started.node, started.number, started.at);
  apply(engine::AttemptStarted{started.node});
  tell(started.node, NodeChange::started);
  steering_.attempt_began();
}

void Runner::on_ended(executor::Ended&& ended) {
  const NodeIndex node = ended.node;
  Trace& trace = tracker_.trace(node);
  trace.ran = true;
  trace.attempts = ended.number;
  trace.wall = ended.ended - ended.started;
  trace.usage = ended.usage;
  figures_.attempt_ended(node, ended.started, ended.ended);
  if (ended.worker_use) figures_.worker_used(node, ended);
  trace.exit_code = ended.exit_code;
  trace.signal = ended.signal;
  trace.log = log_tail(ended.log);
  trace.output = log_tail(ended.output_tail);
  if (plan_.options.explain || ended.number > 1) trace.notable = true;
  const auto found = under_way_.find(node);
  DSCHED_ASSERT(found != under_way_.end(), "what ends was started");
  UnderWay under_way = std::move(found->second);
  under_way_.erase(found);
  steering_.attempt_ended(node);
  if (ended.broken) {
    // Not the node's doing: the disk is full, or no process can be made. What is known is kept.
    recorder_.commit();
    throw Error(*ended.broken,
                "node " + std::string(plan_.dag.node(node).node_id) + ": " + ended.error,
                "go on with: dsched-run --resume " + std::to_string(execution_.number.value));
  }
  const bool ended_well = ended.failure == FailureClass::none;
  if (ended_well) {
    ended.error = unordered_input(ended);
    if (!ended.error.empty()) ended.failure = FailureClass::refused;
  }
  // An attempt whose time was over may still end with code 0 while it is being ended: it failed.
  const bool well = ended.failure == FailureClass::none && !engine_.is_timed_out(node);
  engine::AttemptEnded fact{node, ended.failure, well ? 0 : sys::random_fraction(ports_.entropy),
                            ended.is_innocent};
  if (hold_attempt(ended, under_way, well)) return apply(fact);
  if (!well && fixer_ && !engine_.is_ended_by_readers(node)) {
    fact.word = fixer_->after(node, failure_of(ended));
  }
  tracker_.stopped(node);
  if (engine_.is_ended_by_readers(node)) {
    complete_unread(std::move(ended));
  } else if (well) {
    trace.failure = FailureClass::none;
    trace.reason = engine::Reason::none;
    trace.error.clear();
    finish_key(under_way, node);
    complete(std::move(ended), std::move(under_way));
  } else {
    if (ended_well) ports_.workspace.remove(plan_.dag.settings(node).outputs);
    fail(std::move(ended));
  }
  apply(fact);
  if (!well && engine_.phase(node) == engine::Phase::queued) figures_.ready(node, now_);
}

// As it will stand in the journal.
engine::AttemptFailure Runner::failure_of(const executor::Ended& ended) const {
  const bool timed_out = engine_.is_timed_out(ended.node);
  engine::AttemptFailure failure{timed_out ? FailureClass::timeout : ended.failure, ended.exit_code,
                                 ended.signal, std::nullopt};
  if (!ended.log.empty()) failure.log = sha256(ended.log);
  return failure;
}

void Runner::forget_key(NodeIndex node) {
  const auto key = key_of_.find(node);
  if (key == key_of_.end()) return;
  key_under_way_.erase(key->second);
  key_of_.erase(key);
}

store::Record Runner::record_for(NodeIndex node, const Keyed& keyed,
                                 const store::Content& content) const {
  store::Record record;
  record.key = keyed.key;
  record.base_key = keyed.key;
  record.node_id = plan_.dag.node(node).node_id;
  record.dag_id = plan_.dag.dag_id();
  record.content = content;
  record.data_type = data_type(plan_.dag, node, content.size);
  record.created_at = begun_wall_ + (now_ - begun_);
  record.last_used_at = record.created_at;
  record.key_text = keyed.text;
  return record;
}

// A depfile names what another node writes, and nothing makes the node wait for that one: it read
// whatever was there. Were this let pass, a later run could reuse what is out of date.
std::string Runner::unordered_input(const executor::Ended& ended) const {
  for (const executor::InputFile& input : ended.depfile_inputs) {
    const auto producer = producer_of_path(plan_.dag, input.path);
    if (!producer || *producer == ended.node || waits_for(ended.node, *producer)) continue;
    return "reads " + input.path + ", which node " +
           std::string(plan_.dag.node(*producer).node_id) +
           " writes, without waiting for it: name it in inputs or dependencies";
  }
  return {};
}

bool Runner::waits_for(NodeIndex node, NodeIndex before) const {
  std::unordered_set<NodeIndex> seen;
  std::vector<NodeIndex> to_visit{node};
  while (!to_visit.empty()) {
    const NodeIndex at = to_visit.back();
    to_visit.pop_back();
    if (at == before) return true;
    for (const NodeIndex next : plan_.dag.predecessors(at)) {
      if (seen.insert(next).second) to_visit.push_back(next);
    }
  }
  return false;
}

void Runner::complete(executor::Ended&& ended, UnderWay&& under_way) {
  const NodeIndex node = ended.node;
  const Keyed& keyed = under_way.keyed;
  journal::Outcome outcome = outcome_of(ended, since_submission(ended.started));
  outcome.waited = figures_.waited(node);
  outcome.suspended = engine_.stood_still(node);
  outcome.content = ended.result.content;
  for (const executor::CapturedOutput& output : ended.outputs) {
    outcome.outputs.push_back(entry_of(output));
  }
  const Digest digest =
      executor::node_digest(outcome.content.hash, output_records(outcome.outputs));
  store::Record record = record_for(node, keyed, outcome.content);
  record.digest = digest;
  record.duration = outcome.took;
  record.outputs = outcome.outputs;
  for (const executor::InputFile& input : ended.depfile_inputs) {
    record.depfile_inputs.push_back({input.path, input.hash});
  }
  record.key = store::key_with_inputs(keyed.key, record.depfile_inputs);
  outcome.key = record.key;
  const bool stored = keyed.cacheable && !ended.inputs_changed;
  if (keyed.cacheable && !stored) {
    warn("an input of " + std::string(plan_.dag.node(node).node_id) +
         " changed while it ran; its result is not stored for reuse");
  }
  values_.set_result(
      node, {outcome.content, digest, stored ? std::optional<Digest>(record.key) : std::nullopt});
  if (!ended.result.file && ended.result.content.size > 0) {
    values_.hold_bytes(outcome.content.hash, ended.result.bytes);
  }
  if (stored) done_here_.emplace(keyed.key, node);
  const bool wrote = plan_.dag.node(node).operation == dag::Operation::write_file;
  if (wrote || !outcome.outputs.empty()) examiner_.files_changed();
  recorder_.add(now_, outcome);
  recorder_.add_content(std::move(ended.result));
  for (executor::CapturedOutput& output : ended.outputs) {
    recorder_.add_content(std::move(output.captured));
    for (executor::Captured& member : output.members) recorder_.add_content(std::move(member));
  }
  if (outcome.log) recorder_.add_content({*outcome.log, std::move(ended.log), {}});
  if (stored) recorder_.add_record(std::move(record));
  if (durations_) {
    remember_duration(node, outcome.took - engine_.stood_still(node));
  }
  // A large result is a file that consumers open by its name, so it needs the name now.
  if (outcome.content.size > store::k_file_min) recorder_.commit();
}

// What its readers left unread is not made: there is no result, and none is kept.
void Runner::complete_unread(executor::Ended&& ended) {
  journal::Outcome outcome = outcome_of(ended, since_submission(ended.started));
  outcome.waited = figures_.waited(ended.node);
  outcome.suspended = engine_.stood_still(ended.node);
  outcome.is_unread = true;
  recorder_.add(now_, outcome);
  if (outcome.log) recorder_.add_content({*outcome.log, std::move(ended.log), {}});
}

void Runner::fail(executor::Ended&& ended) {
  const NodeIndex node = ended.node;
  const bool timed_out = engine_.is_timed_out(node);
  const FailureClass failure = timed_out ? FailureClass::timeout : ended.failure;
  Trace& trace = tracker_.trace(node);
  trace.failure = failure;
  trace.error = describe_failure(ended, failure, engine_.timeout(node));
  trace.notable = true;
  journal::Outcome outcome = outcome_of(ended, since_submission(ended.started));
  outcome.kind = journal::Outcome::Kind::failed;
  outcome.waited = figures_.waited(node);
  outcome.suspended = engine_.stood_still(node);
  outcome.failure = failure;
  outcome.exit_code = ended.exit_code;
  outcome.signal = ended.signal;
  outcome.error = trace.error;
  recorder_.add(now_, outcome);
  if (outcome.log) recorder_.add_content({*outcome.log, std::move(ended.log), {}});
}

// A built-in that was computed on the spot, although it was examined like a command.
void Runner::finish_value(NodeIndex node, std::string&& bytes, Keyed&& keyed) {
  apply(engine::AttemptStarted{node});
  executor::Ended ended;
  ended.node = node;
  ended.number = engine_.attempts(node);
  ended.started = now_;
  ended.ended = now_;
  ended.result.content = {sha256(bytes), bytes.size()};
  ended.result.bytes = std::move(bytes);
  under_way_.insert_or_assign(node, UnderWay{std::move(keyed), {}, {}});
  on_ended(std::move(ended));
}

// The value of an in-process node that also leaves the process: stored as any other result.
void Runner::store_value(NodeIndex node) {
  auto key_now = examiner_.key_now(node);
  const auto* keyed = std::get_if<Keyed>(&key_now);
  DSCHED_ASSERT(keyed != nullptr, "a built-in without inputs always has a key");
  const std::string& value = values_.value(node);
  store::Record record = record_for(node, *keyed, {sha256(value), value.size()});
  record.digest = values_.digest(node);
  recorder_.add_content({record.content, value, {}});
  recorder_.add_record(std::move(record));
}

// Texts are copied because the report is made after the commit.
void Runner::tell(NodeIndex node, NodeChange change, Nanoseconds retry_in) {
  const Told told{node, change, engine_.attempts(node), retry_in};
  // A reused node waits for no commit; 100,000 of them should not make 100,000 functions.
  if (recorder_.is_idle()) return report(told);
  recorder_.after_commit([this, told] { report(told); });
}

void Runner::report(const Told& told) {
  NodeReport report;
  report.node_id = plan_.dag.node(told.node).node_id;
  report.change = told.change;
  report.attempt = told.attempt;
  report.retry_in = told.retry_in;
  std::string command;
  std::string because;
  if (const Trace* trace = tracker_.find(told.node)) {
    report.wall = trace->wall;
    if (told.change != NodeChange::completed) report.cause = trace->error;
    report.explanation = trace->explanation;
    if (told.change == NodeChange::cancelled && trace->because) {
      because = std::string(plan_.dag.node(*trace->because).node_id) + " failed";
      report.cause = because;
    }
    if (told.change == NodeChange::failed) {
      command = command_text(plan_.dag, told.node);
      report.command = command;
      report.log_tail = trace->log;
      report.output_tail = trace->output;
    }
  }
  ports_.observer.node(report, progress());
}

}  // namespace dsched::session
