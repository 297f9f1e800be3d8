// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "base/error.h"
#include "executor/stream_pump.h"
#include "sys/copy.h"
#include "sys/peak_memory.h"
#include "sys/process_list.h"

namespace dsched::executor {
namespace {

constexpr int k_short_ms = 5;       // Started is held back that long
constexpr int k_orphans_ms = 1000;  // how often ended orphans of a running attempt are reaped
constexpr int k_look_growth =
    4;  // looks at a long attempt: after 5, 20, 80, 320 ms, then each second
constexpr std::size_t k_buffer = 64 * 1024;

// "signal 9 (killed)"
std::string describe_signal(const sys::ProcessEnd& end) {
  std::string text = "signal " + std::to_string(*end.signal);
  if (const char* name = ::sigdescr_np(*end.signal)) {
    std::string lower(name);
    if (!lower.empty() && lower[0] >= 'A' && lower[0] <= 'Z') {
      lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
    }
    text += " (" + lower + (end.core_dumped ? ", core dumped)" : ")");
  }
  return text;
}

void fail(Ended& ended, FailureClass failure, std::string error) {
  ended.failure = failure;
  ended.error = std::move(error);
}

void fail_to_spawn(const ProcessWork& work, const sys::SpawnFailure& failure, Ended& ended) {
  switch (failure.step) {
    case sys::SpawnFailure::Step::clone:
    case sys::SpawnFailure::Step::streams:
      fail(ended, FailureClass::refused,
           describe_errno(work.argv[0] + ": start", failure.error_number));
      return;
    case sys::SpawnFailure::Step::folder:
      fail(ended, FailureClass::not_found, describe_errno(work.folder, failure.error_number));
      return;
    case sys::SpawnFailure::Step::execute:
      // Too long an argument list is the program's fault, everything else is the file's.
      fail(ended, failure.error_number == E2BIG ? FailureClass::refused : FailureClass::not_found,
           describe_errno(work.file.empty() ? work.argv[0] : work.file, failure.error_number));
      return;
  }
}

void note_end(const sys::ProcessEnd& end, Ended& ended) {
  ended.exit_code = end.exit_code;
  ended.signal = end.signal;
  ended.usage = Usage{end.user, end.system, end.peak_memory_kib};
  if (end.signal) {
    fail(ended, FailureClass::signal, describe_signal(end));
  } else if (*end.exit_code != 0) {
    fail(ended, FailureClass::exit, "exit " + std::to_string(*end.exit_code));
  }
}

}  // namespace

struct ProcessRunner::Running {
  sys::Child child;
  sys::TreeRoot root;
  bool is_shown = false;
  bool keeps_output = false;  // however it ends
  bool is_suspended = false;
  bool is_killed = false;
  std::optional<StreamPump> pump;     // fills its standard input
  std::shared_ptr<Stream> stream;     // what it writes, as others read it
  bool readers_are_behind = false;    // as it was last told
  int hash_look_ms = 0;               // when to look whether there is more of it to hash
  int show_error = 0;                 // why what passes through could not be written; 0: it could
  std::uint64_t runner_peak_kib = 0;  // when it started: see sys/peak_memory.h
  std::uint64_t seen_peak_kib = 0;    // of the main process, while it lived; 0: never looked at
};

// Milliseconds after which something of a stream is to be looked at; -1: nothing.
int ProcessRunner::short_wait(const Running& running) {
  constexpr int k_lag_look_ms = 2;  // a gigabyte per second writes two megabytes meanwhile
  const bool has_limit = running.stream && running.stream->has_limit();
  int wait_ms = -1;
  for (const int one : {has_limit ? k_lag_look_ms : -1, running.stream ? running.hash_look_ms : -1,
                        running.pump ? running.pump->timeout() : -1}) {
    if (one >= 0) wait_ms = wait_ms < 0 ? one : std::min(wait_ms, one);
  }
  return wait_ms;
}

// While others read it the result is hashed, so that nobody waits for that in the end.
void ProcessRunner::hash_meanwhile(Running& running) {
  constexpr int k_look_ms_min = 4;
  constexpr int k_look_ms_max = 250;
  if (!running.stream) return;
  if (result_.hash_some()) {
    running.hash_look_ms = 0;
  } else {
    running.hash_look_ms = std::clamp(2 * running.hash_look_ms, k_look_ms_min, k_look_ms_max);
  }
}

ProcessRunner::ProcessRunner(const ProcessExecutorOptions& options, std::size_t index,
                             WorkerMailbox& mailbox, ResultFile& result)
    : options_(options),
      slot_(options.table->slot(index)),
      mailbox_(mailbox),
      result_(result),
      buffer_(k_buffer, '\0') {}

void ProcessRunner::make_pipe(Channel& channel) {
  if (channel.reading) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error(ErrorKind::environment, describe_errno("pipe for a log", errno));
  }
  channel.reading = sys::Fd(ends[0]);
  channel.writing = sys::Fd(ends[1]);
  // Only this end: the child's end is another open file and stays blocking.
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

// An Fd that is none with no failure set means /dev/null.
sys::Fd ProcessRunner::open_stdin(const ProcessWork& work, Ended& ended) {
  if (!work.stdin_text.empty()) {
    sys::Fd file(::memfd_create("stdin", MFD_CLOEXEC));
    if (!file) throw Error(ErrorKind::environment, describe_errno("standard input", errno));
    sys::write_all(file.get(), work.stdin_text, "standard input");
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
  }
  if (work.stdin_file.empty()) return {};
  sys::Fd file(::open(work.stdin_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) fail(ended, FailureClass::not_found, describe_errno(work.stdin_file, errno));
  return file;
}

bool ProcessRunner::spawn(const ProcessWork& work, Running& running, Ended& ended) {
  if (work.stdin_stream) running.pump.emplace(work.stdin_stream);
  const sys::Fd input = running.pump ? running.pump->take_reading() : open_stdin(work, ended);
  if (ended.failure != FailureClass::none) return false;
  running.is_shown = work.streams == ProcessWork::Streams::shown;
  running.keeps_output = work.output == ProcessWork::Output::always;
  make_pipe(stderr_);
  stderr_.shown = running.is_shown ? options_.shown[2] : -1;
  if (running.is_shown) {
    make_pipe(stdout_);
    stdout_.shown = options_.shown[1];
  }
  const std::string& name = work.file.empty() ? work.argv[0] : work.file;
  // A PATH of its own comes with an environment of its own.
  std::vector<std::string> files = sys::search_path(
      name, work.shared_environment.empty() ? work.environment : work.shared_environment);
  if (files.empty()) files.push_back(name);  // an empty name: the system says what is wrong
  sys::Spawn request;
  request.argv = work.argv;
  request.files = files;
  request.fallback = work.fallback;
  request.shared_environment = work.shared_environment;
  request.environment = work.environment;
  request.folder = work.folder;
  request.stdin_fd = input ? input.get() : running.is_shown ? options_.shown[0] : -1;
  request.stdout_fd = running.is_shown ? stdout_.writing.get() : result_.fd();
  request.stderr_fd = stderr_.writing.get();
  request.passed = options_.passed;
  request.group = running.is_shown ? sys::Spawn::Group::callers : sys::Spawn::Group::own;
  request.slot = &slot_;
  running.root.spawned_ns = sys::boot_time_ns();
  slot_.spawned_ns.store(running.root.spawned_ns);
  sys::mark_file(slot_.stdout_file, request.stdout_fd);
  sys::mark_file(slot_.stderr_file, request.stderr_fd);
  running.runner_peak_kib = sys::own_peak_memory_kib();
  sys::SpawnOutcome outcome;
  {
    const std::shared_lock lock(options_.trees->spawning());
    outcome = spawner_.spawn(request);
  }
  if (const auto* failure = std::get_if<sys::SpawnFailure>(&outcome)) {
    fail_to_spawn(work, *failure, ended);
    return false;
  }
  running.child = std::move(std::get<sys::Child>(outcome));
  if (options_.keeper != nullptr) options_.keeper->wake();
  running.root.main = running.child.pid;
  running.root.own_group = !running.is_shown;
  running.root.stdout_fd = running.is_shown ? stdout_.reading.get() : result_.fd();
  running.root.stderr_fd = stderr_.reading.get();
  return true;
}

void ProcessRunner::run(const Attempt& attempt, const ProcessWork& work, Ended& ended,
                        const Tell& tell) {
  Running running;
  running.root.attempt_id = attempt.id;
  running.stream = attempt.stream;
  if (running.stream) {
    result_.only_grow();
    running.stream->open(result_.fd());
  }
  if (!spawn(work, running, ended)) {
    if (running.stream) result_.abandon();
    return;
  }
  wait_for_end(running, tell);
  settle(running, ended);
}

// Tells when the slowest reader falls behind or catches up.
void ProcessRunner::look_at_readers(Running& running, const Tell& tell) {
  if (!running.stream || !running.stream->has_limit() || !tell.lag) return;
  const bool behind = running.stream->is_behind();
  if (behind == std::exchange(running.readers_are_behind, behind)) return;
  tell.lag(behind ? ReadersLag::Now::behind : ReadersLag::Now::caught_up);
}

void ProcessRunner::wait_for_end(Running& running, const Tell& tell) {
  // Shown streams may wait for their reader, so nothing is held back for them.
  bool is_long = running.is_shown;
  if (is_long) tell.is_long();
  int look_ms = k_short_ms;
  const Instant long_from = options_.clock->now() + std::chrono::milliseconds(k_short_ms);
  constexpr std::size_t k_own = 4;
  for (;;) {
    std::array<pollfd, k_own + StreamPump::k_items> items{
        {{running.child.pidfd.get(), POLLIN, 0},
         {mailbox_.fd(), POLLIN, 0},
         {stderr_.reading.get(), POLLIN, 0},
         {running.is_shown ? stdout_.reading.get() : -1, POLLIN, 0}}};
    const std::size_t count = running.pump ? items.size() : k_own;
    if (running.pump) running.pump->fill(std::span(items).last<StreamPump::k_items>());
    const int soon_ms = short_wait(running);
    const int wait_ms = soon_ms < 0 ? look_ms : std::min(look_ms, soon_ms);
    const int ready = ::poll(items.data(), count, wait_ms);
    if (ready < 0) continue;  // EINTR
    if (ready == 0 && wait_ms == look_ms) {
      look_ms = std::min(look_ms * k_look_growth, k_orphans_ms);
      running.seen_peak_kib =
          std::max(running.seen_peak_kib, sys::peak_memory_kib(running.child.pid));
      if (is_long) options_.trees->reap_orphans();
    }
    // A talkative command never lets poll time out.
    if (!is_long && items[0].revents == 0 && options_.clock->now() >= long_from) {
      tell.is_long();
      is_long = true;
    }
    if (is_long) look_at_readers(running, tell);
    if (items[2].revents != 0) drain(running, stderr_, Kept::as_log);
    if (items[3].revents != 0) drain(running, stdout_, Kept::as_result);
    if (items[1].revents != 0) obey(running);
    if (items[0].revents != 0) return;
    if (running.pump) running.pump->step();
    hash_meanwhile(running);
  }
}

void ProcessRunner::obey(Running& running) {
  for (const Control what : mailbox_.take()) obey(running, what);
  mailbox_.done();
}

void ProcessRunner::obey(Running& running, Control what) {
  const sys::AttemptTrees& trees = *options_.trees;
  switch (what) {
    case Control::interrupt:
      // The main process is not reaped before it is done with, so its group is its own.
      if (running.root.own_group) {
        ::kill(-running.child.pid, SIGINT);
      } else {
        sys::send_signal(running.child.pidfd, SIGINT);
      }
      break;
    case Control::cancel:
    case Control::terminate:
      trees.signal_tree(running.root, SIGTERM);
      // A process that stopped itself, or was stopped by hand, would only get it when it is killed.
      trees.signal_tree(running.root, SIGCONT);
      break;
    case Control::kill:
      trees.signal_tree(running.root, SIGKILL);
      running.is_killed = true;
      return;
    case Control::suspend:
      trees.signal_tree(running.root, SIGSTOP);
      running.is_suspended = true;
      if (running.pump) running.pump->set_counts(false);
      return;
    case Control::resume:
      trees.signal_tree(running.root, SIGCONT);
      running.is_suspended = false;
      if (running.pump) running.pump->set_counts(!running.pump->is_done());
      return;
  }
  // A process that stands still cannot act on a signal.
  if (running.is_suspended) obey(running, Control::resume);
}

void ProcessRunner::settle(Running& running, Ended& ended) {
  const bool is_quiet = options_.trees->end_survivors(running.root);
  drain(running, stderr_, Kept::as_log);
  if (running.is_shown) drain(running, stdout_, Kept::as_result);
  slot_.ended.store(true);
  const sys::ProcessEnd end = sys::reap(running.child);
  slot_.pid.store(0);
  slot_.ended.store(false);
  note_end(end, ended);
  if (end.peak_memory_kib <= running.runner_peak_kib) {
    ended.usage.peak_memory_kib = running.seen_peak_kib;
  }
  if (running.show_error != 0) {
    // Not the command's fault, but its output is lost: disk full, say.
    fail(ended, FailureClass::lost, describe_errno("pass output through", running.show_error));
    ended.broken = ErrorKind::environment;
  }
  ended.log = log_.take();
  if (ended.failure == FailureClass::none || running.keeps_output) {
    ended.result =
        result_.take(running.stream ? ResultFile::Then::leave : ResultFile::Then::use_again);
  } else {
    ended.output_tail = result_.tail();
    if (!running.stream) result_.discard();
  }
  // Readers may be left.
  if (running.stream) result_.abandon();
  if (is_quiet) return;
  stderr_ = Channel{};
  stdout_ = Channel{};
  result_.abandon();
}

void ProcessRunner::drain(Running& running, Channel& channel, Kept kept) {
  while (channel.reading) {
    const ssize_t got = ::read(channel.reading.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
    if (kept == Kept::as_log) {
      log_.append(bytes);
    } else {
      sys::write_all(result_.fd(), bytes, "result");
    }
    show(running, channel, bytes);
    if (static_cast<std::size_t>(got) < buffer_.size()) return;  // it was empty after that
  }
}

// Passes bytes on, obeying controls while the reader is slow. When the reader has gone, the pipe
// goes too, so that the command learns of it as if it had written to the reader itself.
void ProcessRunner::show(Running& running, Channel& channel, std::string_view bytes) {
  while (channel.shown >= 0 && !bytes.empty() && !running.is_killed) {
    pollfd items[2] = {{channel.shown, POLLOUT, 0}, {mailbox_.fd(), POLLIN, 0}};
    ::poll(items, 2, -1);
    if (items[1].revents != 0) obey(running);
    if (items[0].revents == 0) continue;
    // A pipe that is ready takes this much without making us wait: pipe(7).
    const ssize_t put =
        ::write(channel.shown, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno != EINTR && errno != EAGAIN) {
      // A channel that was closed from the start is how somebody says: not wanted.
      if (errno != EPIPE && errno != EBADF) running.show_error = errno;
      channel.shown = -1;
      (&channel == &stdout_ ? running.root.stdout_fd : running.root.stderr_fd) = -1;
      channel.reading.reset();
    }
  }
}

}  // namespace dsched::executor
