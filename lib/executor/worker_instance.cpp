// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_instance.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <shared_mutex>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "sys/process_list.h"

namespace dsched::executor {
namespace {

constexpr int k_pipe_bytes_of_instance = 1024 * 1024;
constexpr std::size_t k_answer_piece = 256 * 1024;
constexpr int k_read_rounds = 8;  // pieces read at once, so that others get their turn
constexpr std::size_t k_output_tail = 16 * 1024;
// Between a pipe's end and the end of its process, when that is ending anyway.
constexpr Nanoseconds k_end_patience = std::chrono::milliseconds{250};
// A worker that crashes without having answered anything is started again after this, doubled each
// time; after the last one of these it is given up.
constexpr Nanoseconds k_restart_delay = std::chrono::milliseconds{50};
constexpr std::uint32_t k_crashes_max = 6;

// The beginning of a line that was not understood, fit to be shown.
std::string shown(std::string_view line) {
  constexpr std::size_t k_shown = 80;
  std::string text = escape_for_terminal(line.substr(0, k_shown));
  return "'" + text + (line.size() > k_shown ? "…'" : "'");
}

struct Pipe {
  sys::Fd reading;
  sys::Fd writing;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorKind::environment, describe_errno("pipe for a worker", errno));
  }
  return {sys::Fd(ends[0]), sys::Fd(ends[1])};
}

// Only this end of a pipe: the worker's is another open file and stays as it is.
void keep_from_blocking(const sys::Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(fd.get(), F_SETPIPE_SZ, k_pipe_bytes_of_instance);  // smaller ones are only slower
}

}  // namespace

void fail_request(Ended& ended, FailureClass failure, std::string error) {
  ended.failure = failure;
  ended.error = std::move(error);
}

WorkerInstance::WorkerInstance(const ProcessExecutorOptions& options, const WorkerCommand& command,
                               std::string attempt_id, sys::AttemptSlot& slot)
    : options_(options), command_(command), slot_(slot) {
  root_.attempt_id = std::move(attempt_id);
}

std::string WorkerInstance::named(std::string_view what) const {
  return "worker " + command_.name + ": " + std::string(what);
}

WorkerInstance::Descriptors WorkerInstance::descriptors() const {
  Descriptors all;
  if (!child_) return all;
  if (!is_input_closed_) all.input = input_.get();
  all.output = is_at_end_ ? -1 : output_.get();
  all.log = log_pipe_.get();
  all.process = child_->pidfd.get();
  return all;
}

bool WorkerInstance::takes(Instant now) const {
  if (!child_) return crashes_ >= k_crashes_max || now >= not_before_;
  return !is_closing_ && cause_.empty();
}

void WorkerInstance::give(Instant now, Attempt&& attempt, sys::Spawner& spawner,
                          std::vector<RequestEnd>& ends) {
  if (!child_) {
    RequestEnd failed;
    if (crashes_ >= k_crashes_max) {
      fail_request(
          failed.ended, FailureClass::refused,
          named("crashed " + std::to_string(crashes_) +
                " times in a row without an answer and is not started again; the last time: " +
                last_crash_));
    } else if (!start(now, failed.ended, spawner)) {
      failed.ended.error = named(failed.ended.error);
    }
    if (failed.ended.failure != FailureClass::none) {
      failed.ended.node = attempt.node;
      failed.ended.number = attempt.number;
      failed.ended.started = failed.ended.ended = now;
      failed.attempt = std::move(attempt);
      ends.push_back(std::move(failed));
      return;
    }
  }
  if (flights_.empty()) room_from_ = now;
  const std::uint64_t id = next_id_++;
  append_request(out_, id, std::get<WorkerRequestWork>(attempt.work).body);
  std::get<WorkerRequestWork>(attempt.work).body = {};
  untold_.push_back(id);
  flights_.emplace(id, Flight{std::move(attempt), now});
}

bool WorkerInstance::start(Instant now, Ended& failed, sys::Spawner& spawner) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe log = make_pipe();
  keep_from_blocking(input.writing);
  keep_from_blocking(output.reading);
  keep_from_blocking(log.reading);
  std::vector<std::string> environment = command_.environment;
  environment.push_back("DSCHED_ATTEMPT_ID=" + root_.attempt_id);
  const std::vector<std::string> files =
      sys::search_path(command_.argv.front(), command_.shared_environment);
  sys::Spawn request;
  request.argv = command_.argv;
  request.files = files;
  request.shared_environment = command_.shared_environment;
  request.environment = environment;
  request.folder = command_.folder;
  request.stdin_fd = input.reading.get();
  request.stdout_fd = output.writing.get();
  request.stderr_fd = log.writing.get();
  request.passed = options_.passed;
  request.slot = &slot_;
  root_.spawned_ns = sys::boot_time_ns();
  slot_.spawned_ns.store(root_.spawned_ns);
  sys::mark_file(slot_.stdout_file, output.writing.get());
  sys::mark_file(slot_.stderr_file, log.writing.get());
  sys::SpawnOutcome outcome;
  {
    const std::shared_lock lock(options_.trees->spawning());
    outcome = spawner.spawn(request);
  }
  if (const auto* failure = std::get_if<sys::SpawnFailure>(&outcome)) {
    const bool is_files =
        failure->step == sys::SpawnFailure::Step::execute && failure->error_number != E2BIG;
    const bool is_missing = is_files || failure->step == sys::SpawnFailure::Step::folder;
    fail_request(failed, is_missing ? FailureClass::not_found : FailureClass::refused,
                 describe_errno(is_missing && !is_files ? command_.folder : command_.argv.front(),
                                failure->error_number));
    return false;
  }
  child_ = std::move(std::get<sys::Child>(outcome));
  if (options_.keeper != nullptr) options_.keeper->wake();
  root_.main = child_->pid;
  input_ = std::move(input.writing);
  output_ = std::move(output.reading);
  log_pipe_ = std::move(log.reading);
  root_.stdout_fd = output_.get();
  root_.stderr_fd = log_pipe_.get();
  idle_from_ = now;
  return true;
}

void WorkerInstance::write() {
  while (out_at_ < out_.size() && input_) {
    const ssize_t put = ::write(input_.get(), out_.data() + out_at_, out_.size() - out_at_);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      // What was written is forgotten now and then, so that it does not pile up.
      if (out_at_ > k_answer_piece) out_.erase(0, std::exchange(out_at_, 0));
      return;
    }
    if (put < 0) {
      note_input_closed();
      break;
    }
    out_at_ += static_cast<std::size_t>(put);
  }
  out_.clear();
  out_at_ = 0;
}

void WorkerInstance::look_at_input() {
  write();
  pollfd input{input_.get(), 0, 0};
  if (input_ && ::poll(&input, 1, 0) == 1 && (input.revents & POLLERR) != 0) note_input_closed();
}

void WorkerInstance::note_input_closed() {
  is_input_closed_ = true;
  doom("closed its standard input", options_.clock->now() + k_end_patience);
}

void WorkerInstance::read_log() {
  char buffer[16 * 1024];
  for (int round = 0; round < k_read_rounds; ++round) {
    const ssize_t got = ::read(log_pipe_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    log_.append({buffer, static_cast<std::size_t>(got)});
    if (static_cast<std::size_t>(got) < sizeof buffer) return;
  }
}

void WorkerInstance::read_answers(Instant now, std::vector<RequestEnd>& ends) {
  read_log();  // what it said before it answered
  for (int round = 0; round < k_read_rounds && !is_at_end_; ++round) {
    const std::size_t before = in_.size();
    in_.resize(before + k_answer_piece);
    const ssize_t got = ::read(output_.get(), in_.data() + before, k_answer_piece);
    in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) {
      is_at_end_ = true;
      return doom("closed its standard output", now + k_end_patience);
    }
    read_lines(now, ends);
    if (static_cast<std::size_t>(got) < k_answer_piece) return;
  }
}

void WorkerInstance::read_lines(Instant now, std::vector<RequestEnd>& ends) {
  std::size_t begin = 0;
  while (!is_deaf_) {
    const std::size_t end = in_.find('\n', std::max(begin, seen_));
    if (end == std::string::npos) break;
    read_line(now, std::string_view(in_).substr(begin, end - begin), ends);
    begin = end + 1;
  }
  if (is_deaf_) begin = in_.size();
  in_.erase(0, begin);
  seen_ = in_.size();
  if (in_.size() <= k_answer_bytes_max) return;
  give_up("wrote a line of more than " + std::to_string(k_answer_bytes_max) + " bytes");
  in_ = {};
  seen_ = 0;
}

// What it writes cannot be trusted any more.
void WorkerInstance::give_up(const std::string& why) {
  is_deaf_ = true;
  doom(why, options_.clock->now());
  kill();
}

void WorkerInstance::read_line(Instant now, std::string_view line, std::vector<RequestEnd>& ends) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  auto read = answers_.read(line);
  if (const auto* none = std::get_if<NoAnswer>(&read)) {
    return give_up("wrote a line that is no answer (" + none->why + "): " + shown(line));
  }
  auto& answer = std::get<WorkerAnswer>(read);
  std::uint64_t id = answer.request_id;
  if (id == 0 && flights_.size() == 1) id = flights_.begin()->first;
  if (id == 0 && flights_.size() > 1) {
    return give_up("answered without a requestId while " + std::to_string(flights_.size()) +
                   " requests were in flight; one that answers in turn needs \"max_batch\": 1");
  }
  if (!flights_.contains(id)) {
    // It may not know that its answer went out before it was asked to give the request up.
    if (answer.was_cancelled && id > 0 && id < next_id_) return;
    return give_up("answered request " + std::to_string(id) + ", which is not in flight");
  }
  finish(now, id, std::move(answer), ends);
}

RequestEnd WorkerInstance::take_flight(Instant now, std::uint64_t id) {
  auto node = flights_.extract(id);
  Flight& flight = node.mapped();
  RequestEnd end;
  end.ended.node = flight.attempt.node;
  end.ended.number = flight.attempt.number;
  end.ended.started = flight.started;
  end.ended.ended = now;
  end.is_start_told = flight.is_start_told;
  end.attempt = std::move(flight.attempt);
  end.ended.worker_use = WorkerUse{std::nullopt, (now - room_from_) * command_.max_batch};
  room_from_ = now;
  if (flights_.empty()) {
    idle_from_ = now;
    untold_.clear();
  }
  return end;
}

void WorkerInstance::finish(Instant now, std::uint64_t id, WorkerAnswer&& answer,
                            std::vector<RequestEnd>& ends) {
  has_answered_ = true;
  crashes_ = 0;
  RequestEnd end = take_flight(now, id);
  Ended& ended = end.ended;
  ended.worker_use->tokens = answer.tokens;
  if (!answer.fault.empty()) {
    fail_request(ended, FailureClass::lost, named("its answer is not understood: " + answer.fault));
  } else if (answer.was_cancelled) {
    fail_request(ended, FailureClass::lost, named("gave the request up"));
  } else {
    ended.exit_code = answer.exit_code;
    if (answer.exit_code != 0) {
      fail_request(ended, FailureClass::exit, named("exit " + std::to_string(answer.exit_code)));
    }
  }
  const bool has_result = answer.result || answer.result_path;
  if (ended.failure != FailureClass::none) {
    const std::size_t cut = answer.output.size() - std::min(answer.output.size(), k_output_tail);
    ended.output_tail = answer.output.substr(cut);
    ended.log = log_.take_for_failed();
  } else {
    ended.log = log_.take();
    if (has_result) ended.log += answer.output;
    end.result_path = std::move(answer.result_path);
    ended.result.bytes = answer.result ? std::move(*answer.result)
                         : has_result  ? std::string{}
                                       : std::move(answer.output);
    ended.result.content = {sha256(ended.result.bytes), ended.result.bytes.size()};
  }
  ends.push_back(std::move(end));
}

// ---- how it ends
// -------------------------------------------------------------------------------------

void WorkerInstance::doom(std::string why, Instant kill_at) {
  if (cause_.empty()) cause_ = std::move(why);
  if (!kill_at_ || kill_at < *kill_at_) kill_at_ = kill_at;
}

void WorkerInstance::signal(int signal) {
  options_.trees->signal_tree(root_, signal);
}

void WorkerInstance::kill() {
  kill_at_.reset();
  if (std::exchange(is_killed_, true)) return;
  signal(SIGKILL);
}

bool WorkerInstance::control(Instant now, NodeIndex node, Control what) {
  const auto found = std::find_if(flights_.begin(), flights_.end(), [node](const auto& entry) {
    return entry.second.attempt.node == node;
  });
  if (found == flights_.end()) return false;
  Flight& flight = found->second;
  switch (what) {
    case Control::cancel:
      if (!std::exchange(flight.is_to_end, true)) append_cancel(out_, found->first);
      break;
    case Control::interrupt:
      flight.is_to_end = true;
      if (!std::exchange(is_interrupted_, true)) ::kill(-child_->pid, SIGINT);
      break;
    case Control::terminate:
      flight.is_to_end = true;
      if (std::exchange(is_terminated_, true)) break;
      signal(SIGTERM);
      signal(SIGCONT);
      is_suspended_ = false;
      break;
    case Control::kill:
      flight.is_to_end = true;
      is_sacrificed_ = true;
      doom("was ended, because it did not give a request up in time", now);
      kill();
      break;
    case Control::suspend:
      if (!std::exchange(is_suspended_, true)) signal(SIGSTOP);
      break;
    case Control::resume:
      if (std::exchange(is_suspended_, false)) signal(SIGCONT);
      break;
  }
  return true;
}

void WorkerInstance::close(Instant now, Nanoseconds patience) {
  if (!child_ || is_closing_) return;
  is_closing_ = true;
  is_input_closed_ = true;
  if (is_suspended_) signal(SIGCONT);
  kill_at_ = now + patience;
  if (!flights_.empty() || patience.count() == 0) kill();
}

void WorkerInstance::discard() {
  is_deaf_ = true;
  std::vector<RequestEnd> none;
  read_answers(options_.clock->now(), none);
}

std::optional<Instant> WorkerInstance::next_look() const {
  if (!child_) return std::nullopt;
  if (kill_at_ || is_closing_ || !flights_.empty()) return kill_at_;
  return idle_from_ + command_.idle_timeout;
}

void WorkerInstance::look(Instant now) {
  const auto due = next_look();
  if (!due || now < *due) return;
  if (kill_at_) return kill();
  close(now, k_idle_patience);
}

void WorkerInstance::ended(Instant now, std::vector<RequestEnd>& ends) {
  if (!is_at_end_) read_answers(now, ends);
  (void)options_.trees->end_survivors(root_);
  read_log();
  slot_.ended.store(true);
  const sys::ProcessEnd end = sys::reap(*child_);
  slot_.pid.store(0);
  slot_.ended.store(false);
  note_end(now, end);
  std::vector<std::uint64_t> ids;
  for (const auto& [id, flight] : flights_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const std::uint64_t id : ids) {
    const bool is_to_end = flights_.at(id).is_to_end;
    RequestEnd lost = take_flight(now, id);
    fail_request(lost.ended, FailureClass::lost, named(cause_));
    lost.ended.is_innocent = is_sacrificed_ && !is_to_end;
    lost.ended.log = log_.take_for_failed();
    ends.push_back(std::move(lost));
  }
  // As if it had never been.
  child_.reset();
  input_.reset();
  output_.reset();
  log_pipe_.reset();
  out_.clear();
  in_.clear();
  out_at_ = seen_ = 0;
  untold_.clear();
  has_answered_ = is_closing_ = is_suspended_ = is_terminated_ = is_interrupted_ = false;
  is_input_closed_ = is_sacrificed_ = is_killed_ = is_deaf_ = is_at_end_ = false;
  cause_.clear();
  kill_at_.reset();
}

// Finds out why it ended, and whether it may be started again at once.
void WorkerInstance::note_end(Instant now, const sys::ProcessEnd& end) {
  const bool is_pipe_end = cause_.starts_with("closed its") && !is_killed_;
  if (cause_.empty() || is_pipe_end) {
    cause_ = end_text(end.exit_code, end.signal);
    if (!in_.empty()) cause_ += " in the middle of an answer";
  }
  const bool is_crash =
      !flights_.empty() && !has_answered_ && !is_sacrificed_ && !is_terminated_ && !is_interrupted_;
  if (!is_crash) return;
  last_crash_ = cause_;
  not_before_ = now + k_restart_delay * (std::int64_t{1} << crashes_);
  ++crashes_;
}

// ---- telling of starts
// -------------------------------------------------------------------------------------

void WorkerInstance::tell_starts(Instant limit, std::vector<AttemptEvent>& events) {
  while (!untold_.empty()) {
    const auto found = flights_.find(untold_.front());
    if (found != flights_.end()) {
      Flight& flight = found->second;
      if (flight.started > limit) return;
      events.emplace_back(Started{flight.attempt.node, flight.attempt.number, flight.started});
      flight.is_start_told = true;
    }
    untold_.pop_front();
  }
}

std::optional<Instant> WorkerInstance::next_untold() const {
  for (const std::uint64_t id : untold_) {
    const auto found = flights_.find(id);
    if (found != flights_.end()) return found->second.started;
  }
  return std::nullopt;
}

}  // namespace dsched::executor
