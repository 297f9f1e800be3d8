// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_builtin.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/error.h"
#include "sys/copy.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace dsched::executor {
namespace {

constexpr std::size_t k_piece = 256 * 1024;

void fail(const sys::PathProblem& problem, Ended& ended) {
  ended.failure = problem.kind == sys::PathProblem::Kind::missing ? FailureClass::not_found
                                                                  : FailureClass::refused;
  ended.error = problem.error;
}

// Appends a whole file to the result; false with the failure set when it cannot be opened.
bool append_file(const std::string& path, int to, Ended& ended) {
  const sys::Fd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) {
    // The file holds an argument's result: it was there when the attempt was made.
    ended.failure = FailureClass::damaged;
    ended.error = describe_errno(path, errno);
    return false;
  }
  std::string buffer(k_piece, '\0');
  while (const std::size_t got = sys::read_some(from.get(), buffer)) {
    sys::write_all(to, std::string_view(buffer).substr(0, got), "result");
  }
  return true;
}

// poll() counts in milliseconds: rounded up, so that it never wakes early and spins.
int poll_timeout(Nanoseconds rest) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(rest).count();
  return static_cast<int>(std::min<std::int64_t>(ms, 3'600'000));
}

// The signal that would end a process; empty for controls that do not end anything.
std::optional<int> ending_signal(Control what) {
  switch (what) {
    case Control::interrupt:
      return SIGINT;
    case Control::cancel:
    case Control::terminate:
      return SIGTERM;
    case Control::kill:
      return SIGKILL;
    case Control::suspend:
    case Control::resume:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

void BuiltinRunner::run(const ReadFileWork& work, Ended& ended) {
  sys::OrProblem<Captured> read = options_.files->read(work.path);
  if (const auto* problem = std::get_if<sys::PathProblem>(&read)) {
    fail(*problem, ended);
  } else {
    ended.result = std::move(std::get<Captured>(read));
  }
}

void BuiltinRunner::run(const WriteFileWork& work, Ended& ended) {
  if (const std::optional<sys::PathProblem> problem = options_.files->write(work)) {
    fail(*problem, ended);
    return;
  }
  ended.result.content.hash = sha256({});
}

void BuiltinRunner::run(const ConcatWork& work, Ended& ended) {
  const int to = result_.fd();
  bool is_first = true;
  for (const ConcatWork::Piece& piece : work.pieces) {
    if (!is_first) sys::write_all(to, work.separator, "result");
    is_first = false;
    if (piece.file.empty()) {
      sys::write_all(to, piece.text, "result");
    } else if (!append_file(piece.file, to, ended)) {
      result_.discard();
      return;
    }
  }
  ended.result = result_.take();
}

void BuiltinRunner::run(const SleepWork& work, Ended& ended, const std::function<void()>& on_long) {
  Nanoseconds rest = work.duration;
  if (rest > Nanoseconds::zero()) on_long();
  bool is_suspended = false;
  while (rest > Nanoseconds::zero()) {
    const Instant before = options_.clock->now();
    pollfd item{mailbox_.fd(), POLLIN, 0};
    ::poll(&item, 1, is_suspended ? -1 : poll_timeout(rest));
    if (!is_suspended) rest -= options_.clock->now() - before;
    for (const Control what : mailbox_.take()) {
      if (const std::optional<int> signal = ending_signal(what)) {
        ended.failure = FailureClass::signal;
        ended.signal = *signal;
        ended.error = "signal " + std::to_string(*signal);
        return;
      }
      is_suspended = what == Control::suspend;
    }
  }
  ended.result.content.hash = sha256({});
}

// While it is suspended it waits here.
bool BuiltinRunner::is_told_to_end(Ended& ended) {
  bool is_suspended = false;
  do {
    if (is_suspended) {
      pollfd item{mailbox_.fd(), POLLIN, 0};
      ::poll(&item, 1, -1);
    }
    for (const Control what : mailbox_.take()) {
      if (const std::optional<int> signal = ending_signal(what)) {
        ended.failure = FailureClass::signal;
        ended.signal = *signal;
        ended.error = "signal " + std::to_string(*signal);
        return true;
      }
      is_suspended = what == Control::suspend;
    }
    mailbox_.done();
  } while (is_suspended);
  return false;
}

void BuiltinRunner::run(const ComputeWork& work, Ended& ended,
                        const std::function<void()>& on_long) {
  on_long();
  bool is_over = false;
  const ComputeWork::Outcome outcome = work.compute([&] {
    is_over = is_over || is_told_to_end(ended);
    return is_over;
  });
  if (is_over) return;
  if (const auto* problem = std::get_if<ComputeWork::Problem>(&outcome)) {
    ended.failure = FailureClass::refused;
    ended.error = problem->error;
    return;
  }
  sys::write_all(result_.fd(), std::get<std::string>(outcome), "result");
  ended.result = result_.take();
}

}  // namespace dsched::executor
