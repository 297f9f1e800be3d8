// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/time_text.h"
#include "executor/outputs.h"
#include "session/batch_runner.h"
#include "session/fault_details.h"
#include "session/tracker.h"

// The part of BatchRunner that makes results and answers.

namespace dsched::session {
namespace {

using engine::Completion;

// Values that are computed on the spot are looked up and stored only so many times in one batch:
// asking the store a million times costs more than the million values.
constexpr std::size_t k_values_looked_up_max = 4096;

std::string how_it_failed(const wire::RequestError& error) {
  if (!error.message.empty()) return error.message;
  std::string text = end_text(error.exit_code, error.signal);
  return text.empty() ? std::string(name_of(error.failure)) : text;
}

// "a b": the words of a request of --each; else its id.
std::string called(const program::BatchRequest& request, const std::string& name) {
  if (request.words.empty()) return escape_for_terminal(name);
  std::string out;
  for (const std::string& word : request.words) {
    if (!out.empty()) out += ' ';
    out += word.empty() ? "''" : escape_for_terminal(word);
  }
  return out;
}

}  // namespace

wire::RequestError BatchRunner::error_of(const program::BadRequest& bad) const {
  wire::RequestError error;
  error.kind = ErrorKind::invalid_request;
  error.failure = FailureClass::refused;
  const program::Diagnostic& first = bad.faults.front();
  if (first.line > 0) error.message = "line " + std::to_string(first.line) + ": ";
  error.message += escape_for_terminal(first.message);
  if (bad.faults.size() > 1) {
    error.message += " (and " + std::to_string(bad.faults.size() - 1) + " more)";
  }
  error.hint = first.hint;
  error.details = details_of(bad.faults, Missing::left_out);
  return error;
}

void BatchRunner::end_now(NodeIndex index, Open& open, RequestProblem&& problem) {
  Outcome& outcome = *open.outcome;
  outcome.files = {};
  outcome.error.kind = problem.kind;
  outcome.error.message = std::move(problem.message);
  outcome.error.hint = std::move(problem.hint);
  outcome.error.failure = problem.failure;
  if (!open.queued) open.queued = std::max(now_ - open.ready, Nanoseconds{0});
  apply(engine::AttemptEnded{index, problem.failure, 0});
}

void BatchRunner::end_now(NodeIndex index, Open& open) {
  if (!open.queued) open.queued = std::max(now_ - open.ready, Nanoseconds{0});
  apply(engine::AttemptEnded{index, FailureClass::none, 0});
}

void BatchRunner::start_value(NodeIndex index, Open& open) {
  Outcome& outcome = *open.outcome;
  const Instant began = ports_.clock.now();
  open.queued = std::max(began - open.ready, Nanoseconds{0});
  if (values_looked_up_ < k_values_looked_up_max) {
    ++values_looked_up_;
    auto keyed = maker_.key_of(open.request);
    outcome.keyed = std::move(std::get<Keyed>(keyed));  // what it is made of is at hand
    if (reuse(open)) return end_now(index, open);
  }
  std::string bytes = BatchMaker::value_of(open.request);
  outcome.result.content = {sha256(bytes), bytes.size()};
  outcome.result.bytes = std::move(bytes);
  outcome.data_type = BatchMaker::data_type(open.request, outcome.result.content.size);
  now_ = ports_.clock.now();
  outcome.took = now_ - began;
  end_now(index, open);
}

// True when the result is known; it then stands in the outcome.
bool BatchRunner::reuse(Open& open) {
  Outcome& outcome = *open.outcome;
  if (!call_.run.run.use_cache) return false;
  store::Blobs& blobs = ports_.store.blobs();
  const auto record = ports_.store.results().find(outcome.keyed->key);
  if (!record || !record->outputs.empty()) return false;
  executor::Captured result;
  result.content = record->content;
  try {
    if (record->content.size > 0 && record->content.size <= wire::k_shown_bytes_max) {
      auto bytes = store::read_blob(blobs, record->content.hash);
      if (!bytes) return false;
      result.bytes = std::move(*bytes);
    } else if (record->content.size > 0) {
      if (!blobs.contains(record->content.hash)) return false;
      store::StagedFile copy = ports_.store.stage();
      if (!store::copy_blob(blobs, record->content.hash, copy.fd())) return false;
      result.file = std::move(copy);
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return false;  // it is made anew
  }
  ports_.store.results().touch(*record, ports_.clock.wall());
  outcome.result = std::move(result);
  outcome.data_type = record->data_type;
  outcome.key = record->key;
  outcome.reused = true;
  return true;
}

// With the next commit the store has it.
void BatchRunner::keep_result(Open& open) {
  Outcome& outcome = *open.outcome;
  if (!outcome.keyed || !outcome.keyed->cacheable || outcome.reused) return;
  store::Record record;
  record.key = outcome.keyed->key;
  record.base_key = record.key;
  record.node_id = open.name;
  record.dag_id = dag_id_;
  record.content = outcome.result.content;
  record.digest = executor::node_digest(record.content.hash, {});
  record.data_type = outcome.data_type;
  record.created_at = wall_at(now_);
  record.last_used_at = record.created_at;
  record.duration = outcome.took;
  record.key_text = std::move(outcome.keyed->text);
  outcome.key = record.key;
  executor::Captured kept;
  kept.content = outcome.result.content;
  if (outcome.result.file) {
    // The answer reads it as well.
    store::StagedFile copy = ports_.store.stage();
    std::string piece(1024 * 1024, '\0');
    for (std::uint64_t at = 0; at < kept.content.size;) {
      const std::size_t got = sys::read_at(outcome.result.file->fd(), at, piece);
      if (got == 0) break;
      sys::write_all(copy.fd(), std::string_view(piece).substr(0, got), "result");
      at += got;
    }
    kept.file = std::move(copy);
  } else {
    kept.bytes = outcome.result.bytes;
  }
  recorder_.add_content(std::move(kept));
  recorder_.add_record(std::move(record));
  has_unsaid_keys_ = true;
}

// What people are told about a request that has no result.
void BatchRunner::explain(const Open& open, Outcome& outcome,
                          const engine::RequestSettled& how) const {
  outcome.completion = how.completion;
  wire::RequestError& error = outcome.error;
  switch (how.completion) {
    case Completion::completed:
      return;
    case Completion::failed:
      error.message = how_it_failed(error);
      return;
    case Completion::timeout:
      error.kind = ErrorKind::timeout;
      error.failure = FailureClass::timeout;
      error.message =
          "timeout after " + short_duration(open.request.timeout.value_or(Nanoseconds{}));
      return;
    case Completion::cancelled:
      error.kind = ErrorKind::cancelled;
      error.message = "cancelled";
      return;
    case Completion::skipped:
      error.kind = ErrorKind::cancelled;
      error.message = steering_.is_stopped() ? "skipped: the batch was told to end"
                                             : "skipped: nothing begins after a failure";
      return;
  }
}

std::string BatchRunner::line_for(const Open& open, Outcome& outcome,
                                  const engine::RequestSettled& how) {
  wire::BatchAnswer answer;
  answer.request_id = open.id;
  answer.completion = how.completion;
  answer.processing = outcome.took;
  answer.queue = open.queued.value_or(now_ - open.ready);
  answer.attempts = open.attempts;
  answer.tokens = outcome.tokens;
  answer.reused = outcome.reused;
  answer.log = log_tail(outcome.log);
  answer.metadata = open.request.metadata;
  if (how.completion == Completion::completed) {
    wire::ResultAnswer& result = answer.result;
    result.size = outcome.result.content.size;
    result.digest = executor::node_digest(outcome.result.content.hash, {});
    result.data_type = store::name_of(outcome.data_type);
    result.key = outcome.key;
    result.bytes = std::move(outcome.result.bytes);
    const std::uint64_t limit = call_.run.answer.full_results
                                    ? result.size
                                    : std::min(result.size, wire::k_shown_bytes_max);
    if (outcome.result.file) {
      result.bytes.resize(limit);
      result.bytes.resize(sys::read_at(outcome.result.file->fd(), 0, result.bytes));
    }
    if (result.bytes.size() > limit) result.bytes.resize(limit);
    result.truncated = result.bytes.size() < result.size;
    if (result.truncated) cut_to_whole_characters(result.bytes);
  } else {
    answer.error = std::move(outcome.error);
    answer.error.output = log_tail(answer.error.output);
  }
  std::string line;
  append_line(line, answer);
  return line;
}

// Each request's stdout, whole, then what it wrote to stderr, then what is to be said about it.
void BatchRunner::say_bytes(const Open& open, Outcome& outcome) {
  const int out = call_.output_fd;
  if (outcome.result.file) {
    output_.add(out, std::move(*outcome.result.file), outcome.result.content.size);
  } else {
    output_.add(out, outcome.result.bytes);
  }
  output_.add(call_.message_fd, outcome.log);
  if (outcome.completion == Completion::completed || outcome.completion == Completion::skipped) {
    return;
  }
  std::string line = outcome.log.empty() || outcome.log.back() == '\n' ? "" : "\n";
  line += call_.tool + ": " + called(open.request, open.name) + ": " +
          escape_for_terminal(outcome.error.message) + '\n';
  output_.add(call_.message_fd, line);
}

}  // namespace dsched::session
