// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "base/text.h"
#include "cli/bytes_output.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "report/recorded.h"
#include "session/detach.h"
#include "store/run_locks.h"
#include "sys/wait_readable.h"

// dsched-stats log: bytes of an attempt's log, or of a detached execution's.

namespace dsched::cli {
namespace {

constexpr Nanoseconds k_between_reads = std::chrono::milliseconds{50};

// A runner sums up in its log after its execution has ended. It is waited for, but not for ever: a
// process that nobody asks for its exit code keeps its number.
constexpr Nanoseconds k_last_words_max = std::chrono::seconds{5};

// Writes what a growing file has, from where the last call ended. A terminal gets whole lines,
// because what is escaped must not be cut within a character.
class Tail {
 public:
  explicit Tail(sys::Fd file) : file_(std::move(file)) {}

  enum class Rest : std::uint8_t { keep, write };
  void pass_on(Rest rest) {
    std::vector<char> buffer(64 * 1024);
    while (const std::size_t got = sys::read_at(file_.get(), offset_, buffer)) {
      offset_ += got;
      held_.append(buffer.data(), got);
      write(Rest::keep);
    }
    write(rest);
  }

 private:
  void write(Rest rest) {
    std::size_t whole = held_.size();
    if (output_is_terminal() && rest == Rest::keep) {
      const std::size_t end = held_.rfind('\n');
      whole = end == std::string::npos ? 0 : end + 1;
    }
    if (whole == 0) return;
    write_bytes(std::string_view(held_).substr(0, whole), output_is_terminal());
    held_.erase(0, whole);
  }

  sys::Fd file_;
  std::uint64_t offset_ = 0;
  std::string held_;
};

// The process that runs the execution; 0: nobody does.
int runner_pid(const StatsCommand& command, const Context& context, ExecutionNumber number) {
  OpenedStore opened = open_for_stats(command, context);
  const auto record = opened.journal.find(number);
  if (!record) return 0;
  const auto holder = store::runner_of(opened.store, to_text(record->id));
  return holder ? holder->pid : 0;
}

int log_of_execution(const StatsCommand& command, const Context& context) {
  ExecutionNumber number;
  std::string path;
  {
    OpenedStore opened = open_for_stats(command, context);
    const auto record = report::find_execution({opened.store, opened.journal}, command.target);
    number = record.number;
    path = session::log_path(opened.store.identity().folder, to_text(record.id));
  }
  sys::PosixFiles files;
  sys::Fd file = files.open(path);
  if (!file) {
    throw Error(ErrorKind::not_found,
                "execution " + std::to_string(number.value) + ": has no log of its own",
                "only executions started with --detach have one; a node's log is EXECUTION/NODE");
  }
  Tail tail(std::move(file));
  const sys::PosixClock clock;
  int pid = 0;
  for (Instant end = clock.now() + k_last_words_max; command.follow && clock.now() <= end;) {
    tail.pass_on(Tail::Rest::keep);
    const int now = runner_pid(command, context, number);
    if (now != 0) {
      pid = now;
      end = clock.now() + k_last_words_max;
    } else if (pid == 0 || !files.info("/proc/" + std::to_string(pid))) {
      break;
    }
    sys::wait_readable({}, clock.now() + k_between_reads);
  }
  tail.pass_on(Tail::Rest::write);
  return 0;
}

}  // namespace

int stats_log(const StatsCommand& command, Context& context) {
  const std::size_t slash = command.target.find('/');
  if (slash == std::string::npos) {
    if (command.attempt) throw Error(ErrorKind::usage, "--attempt: only of EXECUTION/NODE_ID");
    return log_of_execution(command, context);
  }
  if (command.follow) {
    throw Error(ErrorKind::usage, "--follow: only of an execution",
                "the log of an attempt is kept when it ends");
  }
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  const auto record = find_execution(book, command.target.substr(0, slash));
  const std::string log = log_of(book, record, command.target.substr(slash + 1), command.attempt);
  if (!log.empty()) write_bytes(log, output_is_terminal());
  return 0;
}

}  // namespace dsched::cli
