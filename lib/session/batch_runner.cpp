// SPDX-License-Identifier: Apache-2.0
#include "session/batch_runner.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace dsched::session {
namespace {

using engine::RequestPhase;

// Bytes of open requests beyond which no more are read.
constexpr std::size_t k_open_bytes_max = std::size_t{16} << 20;
// Bytes of answers that nobody takes, beyond which nothing is read or begun; and until when.
constexpr std::uint64_t k_output_held_max = std::uint64_t{1} << 20;
constexpr std::uint64_t k_output_held_again = k_output_held_max / 4;
// Bytes of answers that wait for an earlier one, beyond which only that one is worked on.
constexpr std::size_t k_lines_held_max = std::size_t{64} << 20;
// Requests between two looks at everything else: at most a few milliseconds.
constexpr int k_requests_at_once = 1024;
// After a signal the requests that are on their way are read, to be answered as skipped: a pipe has
// so long to give the next one.
constexpr Nanoseconds k_last_words = std::chrono::milliseconds{100};
// A batch that was told to end waits so long for readers that take nothing.
constexpr Nanoseconds k_readers_patience = std::chrono::seconds{5};

engine::BatchOptions options_of(const BatchCall& call) {
  engine::BatchOptions options;
  options.slots = {call.run.run.width, true, !call.run.run.is_width_chosen};
  options.running = call.running;
  options.answers = call.answers;
  options.failure_limit = call.failure_limit;
  options.retries = call.run.run.retries;
  return options;
}

// Equal ids have equal texts, however they were written.
std::string canonical_id(const std::string& id) {
  const std::optional<std::string> canonical = canonical_json(id);
  return canonical ? *canonical : id;
}

std::string name_of_id(const std::string& id) {
  JsonReader reader(id);
  reader.next();
  return std::string(reader.text());
}

}  // namespace

BatchRunner::BatchRunner(const BatchCall& call, const BatchPorts& ports, BatchMaker& maker,
                         journal::Journal& journal, journal::ExecutionRecord& execution)
    : call_(call),
      ports_(ports),
      maker_(maker),
      journal_(journal),
      execution_(execution),
      input_(make_batch_input(call)),
      batch_(options_of(call), call.workers),
      recorder_(ports.store, journal),
      steering_({ports.clock, ports.store, ports.executor, ports.waiter, ports.slots,
                 ports.observer, recorder_, journal, execution},
                *this),
      dag_id_(execution.dag_id),
      execution_id_(to_text(execution.id)),
      now_(ports.clock.now()),
      begun_(now_),
      begun_wall_(ports.clock.wall()) {
  recorder_.begin(execution);
  recorder_.set_news([this] { write_news(); });
}

BatchEnd BatchRunner::run() {
  steering_.take_wishes();
  ports_.observer.began(progress());
  try {
    loop();
  } catch (const Error&) {
    // What was answered was answered; how the batch ends says the error.
    output_.flush();
    throw;
  }
  BatchEnd end;
  end.status = *ended_;
  const engine::Batch::View view = batch_.view();
  end.summary.succeeded = view.counts.completed;
  end.summary.skipped = view.skipped;
  end.summary.failed = view.counts.failed + view.counts.cancelled - view.skipped;
  end.summary.wall = now_ - begun_;
  end.cancelled = view.counts.cancelled - view.skipped;
  if (steering_.is_stopped()) end.stopped_by = steering_.how_stopped();
  close();
  if (call_.form == BatchCall::Form::lines) {
    std::string line;
    append_line(line, end.summary);
    output_.add(call_.output_fd, line);
  }
  write_out();
  end.is_reader_gone = output_.is_reader_gone(call_.output_fd);
  return end;
}

void BatchRunner::loop() {
  while (!ended_) {
    take_input();
    do {
      drain();
      batch_.dispatch(now_, effects_);
    } while (!effects_.empty());
    make_room();
    if (ended_ || !effects_.empty() || settle_slots()) continue;
    ports_.executor.hand_over();
    ports_.observer.progress(progress());
    wait_and_take();
  }
}

// ---- input

bool BatchRunner::reads() const {
  return !is_input_over_ && batch_.wants_input() && room_ != engine::Room::none &&
         (open_bytes_ < k_open_bytes_max || open_.empty());
}

void BatchRunner::take_input() {
  is_input_idle_ = false;
  for (int i = 0; i < k_requests_at_once && reads(); ++i) {
    auto next = input_->next();
    if (auto* request = std::get_if<NextRequest>(&next)) {
      if (read_until_) read_until_ = now_ + k_last_words;
      admit(std::move(*request));
      continue;
    }
    if (std::holds_alternative<InputOver>(next)) return end_input({.cut = false});
    is_input_idle_ = true;
    break;
  }
  if (!read_until_ || is_input_over_) return;
  const bool is_silent = is_input_idle_ && now_ >= *read_until_;
  const bool is_unread = room_ == engine::Room::none && write_until_ && now_ >= *write_until_;
  if (is_silent || is_unread) end_input({.cut = true});
}

void BatchRunner::end_input(engine::InputEnded end) {
  if (is_input_over_) return;
  is_input_over_ = true;
  apply(end);
}

// Nothing will begin any more. Requests that are there already get their answers; output as bytes
// has none to give.
void BatchRunner::stop_reading() {
  if (call_.form == BatchCall::Form::bytes) return end_input({.cut = true});
  if (!read_until_) read_until_ = now_ + k_last_words;
}

void BatchRunner::admit(NextRequest&& next) {
  const NodeIndex index{++last_index_};
  Open& open = open_[index];
  open.bytes = next.bytes;
  open.ready = now_;
  open_bytes_ += open.bytes;
  engine::Admitted fact;
  fact.request = index;
  if (auto* request = std::get_if<program::BatchRequest>(&next.read)) {
    open.request = std::move(*request);
    open.id = std::move(open.request.id);
    fact.priority = open.request.priority;
    fact.timeout = open.request.timeout;
    fact.in_process = BatchMaker::is_value(open.request);
    fact.worker = open.request.worker;
  } else {
    open.bad =
        std::make_unique<program::BadRequest>(std::move(std::get<program::BadRequest>(next.read)));
    open.id = std::move(open.bad->id);
    open.request.metadata = std::move(open.bad->metadata);
  }
  if (open.id.empty()) open.id = std::to_string(next.number);
  open.name = name_of_id(open.id);
  if (!ids_.emplace(canonical_id(open.id), index).second && !open.bad) {
    program::Diagnostic fault;
    fault.code = "duplicate_id";
    fault.message = "request_id " + open.id + " is the id of a request that is still open";
    open.bad = std::make_unique<program::BadRequest>();
    open.bad->faults.push_back(std::move(fault));
  }
  if (open.bad) fact.in_process = true;
  apply(fact);
}

// ---- the rest of the loop

void BatchRunner::drain() {
  engine::BatchEffects batch;
  while (!effects_.empty()) {
    batch.clear();
    batch.swap(effects_);
    for (const engine::BatchEffect& effect : batch) {
      std::visit([this](const auto& what) { perform(what); }, effect);
      if (recorder_.is_full()) recorder_.commit();
    }
  }
}

void BatchRunner::apply(const engine::BatchFact& fact) {
  recorder_.note_news(now_);
  batch_.apply(now_, fact, effects_);
}

// Says what may be said, and how much more may be taken on.
void BatchRunner::make_room() {
  if (!output_.is_empty()) {
    if (has_unsaid_keys_) recorder_.commit();
    has_unsaid_keys_ = false;
    output_.flush();
    if (output_.is_reader_gone(call_.output_fd) && !steering_.is_stopped() && !ended_) {
      steering_.note_stop(Request::hang_up);
      apply(engine::Stop{engine::StopRequest::terminate});
      end_input({.cut = true});
    }
  }
  if (output_.written() != written_before_ || !read_until_ || !write_until_) {
    write_until_ = now_ + k_readers_patience;
    written_before_ = output_.written();
  }
  const std::uint64_t limit = room_ == engine::Room::none ? k_output_held_again : k_output_held_max;
  engine::Room room = engine::Room::ample;
  if (held_lines_ > k_lines_held_max) room = engine::Room::for_first;
  if (output_.held() > limit) room = engine::Room::none;
  if (room == room_) return;
  room_ = room;
  apply(engine::RoomIs{room});
  batch_.dispatch(now_, effects_);
}

void BatchRunner::wait_and_take() {
  const bool may_read = reads();
  if (may_read && !is_input_idle_) {
    // More of it is at hand; the others get a look meanwhile.
    for (const Request request : ports_.waiter.wait(now_)) steering_.serve(request);
  } else {
    std::optional<Instant> until = batch_.next_deadline();
    for (const std::optional<Instant> moment : {recorder_.due(), recorder_.sync_due(),
                                                ports_.observer.wake_up(), steering_.next_look()}) {
      until = earliest(until, moment);
    }
    if (read_until_) until = earliest(until, may_read ? read_until_ : write_until_);
    const std::array<sys::Awaited, 2> also{
        sys::Awaited{may_read ? input_->fd() : -1, sys::Awaited::For::reading},
        sys::Awaited{output_.fd(), sys::Awaited::For::writing}};
    for (const Request request : ports_.waiter.wait(until, also)) {
      now_ = ports_.clock.now();
      steering_.serve(request);
    }
  }
  take_events();
  take_read();
  const auto deadline = batch_.next_deadline();
  if (deadline && *deadline <= now_) apply(engine::Tick{});
  steering_.look_at_wishes(now_);
  if (recorder_.is_full() || (recorder_.due() && *recorder_.due() <= now_)) recorder_.commit();
  if (recorder_.sync_due() && *recorder_.sync_due() <= now_) recorder_.sync(now_);
}

void BatchRunner::take_events() {
  now_ = ports_.clock.now();
  std::vector<executor::AttemptEvent> events;
  ports_.executor.take_events(events);
  for (executor::AttemptEvent& event : events) {
    if (const auto* started = std::get_if<executor::Started>(&event)) {
      Open& open = open_.at(started->node);
      open.outcome->began = started->at;
      if (!open.queued) open.queued = std::max(started->at - open.ready, Nanoseconds{0});
      running_.push_back(started->node);
      apply(engine::AttemptStarted{started->node});
      steering_.attempt_began();
    } else if (auto* ended = std::get_if<executor::Ended>(&event)) {
      on_ended(std::move(*ended));
    }
  }
  if (!events.empty()) ports_.slots.attempts_ended();
}

// Those whose large files have been read meanwhile begin.
void BatchRunner::take_read() {
  if (!ports_.workspace.take_news()) return;
  for (const NodeIndex index : readings_.nodes()) {
    perform(engine::StartAttempt{index, open_.at(index).attempts, 0});
  }
}

void BatchRunner::on_ended(executor::Ended&& ended) {
  const NodeIndex index = ended.node;
  Open& open = open_.at(index);
  Outcome& outcome = *open.outcome;
  std::erase(running_, index);
  steering_.attempt_ended(index);
  outcome.took = ended.ended - ended.started;
  outcome.files = {};
  if (ended.broken) {
    // Perhaps only a file of this request; if it is the disk, writing to the store will tell.
    outcome.error.kind = *ended.broken;
  }
  outcome.error.failure = ended.failure;
  outcome.error.exit_code = ended.exit_code;
  outcome.error.signal = ended.signal;
  outcome.error.message = std::move(ended.error);
  outcome.error.output = std::move(ended.output_tail);
  outcome.log = std::move(ended.log);
  outcome.result = std::move(ended.result);
  outcome.data_type = BatchMaker::data_type(open.request, outcome.result.content.size);
  if (outcome.keyed) outcome.keyed->cacheable = outcome.keyed->cacheable && !ended.inputs_changed;
  if (ended.worker_use) {
    figures_.worker_used(open.request.operation_name, ended);
    outcome.tokens = ended.worker_use->tokens;
  }
  const bool well = ended.failure == FailureClass::none;
  const double jitter = well ? 0 : sys::random_fraction(ports_.entropy);
  apply(engine::AttemptEnded{index, ended.failure, jitter, ended.is_innocent});
}

// ---- effects

void BatchRunner::perform(const engine::StartAttempt& effect) {
  const NodeIndex index = effect.node;
  Open& open = open_.at(index);
  open.attempts = effect.number;
  open.outcome = std::make_unique<Outcome>();
  Outcome& outcome = *open.outcome;
  outcome.began = now_;
  if (open.bad) {
    outcome.error = error_of(*open.bad);
    if (!open.queued) open.queued = Nanoseconds{0};
    return apply(engine::AttemptEnded{index, FailureClass::refused, 0});
  }
  if (BatchMaker::is_value(open.request)) return start_value(index, open);
  std::optional<executor::Attempt> attempt;
  try {
    const bool waits = readings_.waits(index, [&] {
      const std::vector<std::string> files = BatchMaker::files_to_hash(open.request);
      return ports_.workspace.begin_reading(
          std::vector<std::string_view>(files.begin(), files.end()));
    });
    if (waits) return;
    attempt = make_attempt(effect, open);
  } catch (const Error& error) {
    // A file that cannot be read is the request's affair; a store that cannot be written will say
    // so itself.
    if (error.kind() == ErrorKind::internal) throw;
    end_now(index, open,
            {FailureClass::refused, error.kind(), escape_for_terminal(error.what()), error.hint()});
  }
  if (!attempt) return;
  has_run_ = true;
  ports_.executor.start(std::move(*attempt));
}

// Empty: the request was ended at once.
std::optional<executor::Attempt> BatchRunner::make_attempt(const engine::StartAttempt& effect,
                                                           Open& open) {
  const NodeIndex index = effect.node;
  Outcome& outcome = *open.outcome;
  std::vector<executor::InputFile> inputs;
  if (BatchMaker::has_key(open.request)) {
    auto keyed = maker_.key_of(open.request);
    if (auto* problem = std::get_if<RequestProblem>(&keyed)) {
      end_now(index, open, std::move(*problem));
      return std::nullopt;
    }
    outcome.keyed = std::move(std::get<Keyed>(keyed));
    if (reuse(open)) {
      end_now(index, open);
      return std::nullopt;
    }
    inputs = outcome.keyed->inputs;
  }
  auto made = maker_.make({.request = open.request,
                           .name = open.name,
                           .index = index,
                           .number = effect.number,
                           .instance = effect.instance},
                          std::move(inputs), outcome.files);
  if (auto* problem = std::get_if<RequestProblem>(&made)) {
    end_now(index, open, std::move(*problem));
    return std::nullopt;
  }
  executor::Attempt& attempt = std::get<executor::Attempt>(made);
  outcome.attempt_id = attempt.id;
  return std::move(attempt);
}

void BatchRunner::perform(const engine::Withdraw& effect) {
  const bool was_reading = readings_.forget(effect.node);
  // Else it has begun, and its Started is on the way.
  if (!was_reading && !ports_.executor.withdraw(effect.node)) return;
  open_.at(effect.node).outcome.reset();
  apply(engine::AttemptWithdrawn{effect.node});
}

void BatchRunner::perform(const engine::ControlTree& effect) {
  ports_.executor.control(effect.node, control_for(effect.control));
}

void BatchRunner::perform(const engine::RequestSettled& effect) {
  Open& open = open_.at(effect.request);
  if (!open.outcome) open.outcome = std::make_unique<Outcome>();
  Outcome& outcome = *open.outcome;
  explain(open, outcome, effect);
  const RequestTimes times{open.queued, now_ - open.ready, outcome.took};
  figures_.settled(open.bad ? "invalid" : open.request.operation_name, effect.completion,
                   outcome.reused ? BatchFigures::How::reused : BatchFigures::How::ran, times);
  if (effect.completion == engine::Completion::completed) keep_result(open);
  if (outcome.reused) ++reused_;
  if (call_.form == BatchCall::Form::lines) {
    open.line = line_for(open, outcome, effect);
    open.outcome.reset();
    held_lines_ += open.line.size();
  } else {
    held_lines_ += outcome.result.bytes.size() + outcome.log.size();
    if (batch_.view().is_stopping) stop_reading();
  }
  open.request.parameters = {};
  open.request.arguments = {};
}

void BatchRunner::perform(const engine::AnswerRequest& effect) {
  const auto found = open_.find(effect.request);
  Open& open = found->second;
  if (call_.form == BatchCall::Form::lines) {
    held_lines_ -= open.line.size();
    output_.add(call_.output_fd, open.line);
  } else {
    held_lines_ -= open.outcome->result.bytes.size() + open.outcome->log.size();
    say_bytes(open, *open.outcome);
  }
  open_bytes_ -= open.bytes;
  const auto id = ids_.find(canonical_id(open.id));
  if (id != ids_.end() && id->second == effect.request) ids_.erase(id);
  open_.erase(found);
}

void BatchRunner::perform(const engine::BatchEnded& effect) {
  ended_ = effect.status;
}

// The last words. A reader who takes nothing is waited for, unless somebody wants an end.
void BatchRunner::write_out() {
  if (has_unsaid_keys_) recorder_.commit();
  std::uint64_t before = output_.written();
  std::optional<Instant> until;
  while (true) {
    output_.flush();
    if (output_.is_empty() || gives_up_output_) return;
    now_ = ports_.clock.now();
    if (output_.written() != before) until.reset();
    before = output_.written();
    const bool is_stopped = steering_.is_stopped() || batch_.view().is_stopping;
    if (is_stopped && !until) until = now_ + k_readers_patience;
    if (until && now_ >= *until) return;
    const std::array<sys::Awaited, 1> also{sys::Awaited{output_.fd(), sys::Awaited::For::writing}};
    for (const Request request : ports_.waiter.wait(until, also)) {
      if (request == Request::suspend) {
        ports_.waiter.stop_here();
        continue;
      }
      if (steering_.is_stopped()) gives_up_output_ = true;
      steering_.note_stop(request);
    }
  }
}

}  // namespace dsched::session
