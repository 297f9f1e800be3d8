// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "report/recorded.h"
#include "sys/wait_readable.h"

// dsched-stats progress: once, at every change, or at the end.

namespace dsched::cli {
namespace {

using engine::ExecutionStatus;

constexpr Nanoseconds k_between_looks = std::chrono::milliseconds{50};
// A change of the files that is too quick for their time stamps, and a runner that died, are seen
// after this long.
constexpr Nanoseconds k_look_anyway = std::chrono::milliseconds{500};

// One execution of a store, looked at again and again. Nothing stays open between two looks: a
// store at rest is read without a log, and then a reader that stays would never see the log that
// begins.
class Watch {
 public:
  Watch(const StatsCommand& command, const Context& context)
      : command_(command), context_(context) {}

  [[nodiscard]] report::Sighting look() {
    OpenedStore opened = open_for_stats(command_, context_);
    const report::Book book{opened.store, opened.journal};
    folder_ = opened.store.identity().folder;
    seen_ = stamps();
    looked_at_ = clock_.now();
    // "@latest" may be another one by now, so only the first look goes by the name.
    const auto record =
        find_execution(book, number_ ? std::to_string(number_->value) : command_.execution);
    number_ = record.number;
    report::Sighting sighting = sight(book, record);
    answer_ = progress_of(sighting.record, sighting.runner,
                          journal::live(opened.store.database(), record.number));
    return sighting;
  }

  // Waits until the files have changed or k_look_anyway has passed; false when `until` has.
  [[nodiscard]] bool wait(std::optional<Instant> until) {
    while (true) {
      Instant next = clock_.now() + k_between_looks;
      if (until && *until < next) next = *until;
      sys::wait_readable({}, next);
      if (until && clock_.now() >= *until) return false;
      if (clock_.now() - looked_at_ >= k_look_anyway || stamps() != seen_) return true;
    }
  }

  // What the last look saw.
  [[nodiscard]] const wire::ProgressAnswer& answer() const { return answer_; }
  [[nodiscard]] WallTime wall() const { return clock_.wall(); }
  [[nodiscard]] Instant now() const { return clock_.now(); }

 private:
  using Stamps = std::array<std::int64_t, 4>;
  [[nodiscard]] Stamps stamps() {
    Stamps out{};
    const auto main = files_.info(folder_ + "/store.db");
    const auto log = files_.info(folder_ + "/store.db-wal");
    if (main) out[0] = main->mtime_ns, out[1] = static_cast<std::int64_t>(main->size);
    if (log) out[2] = log->mtime_ns, out[3] = static_cast<std::int64_t>(log->size);
    return out;
  }

  const StatsCommand& command_;
  const Context& context_;
  sys::PosixClock clock_;
  sys::PosixFiles files_;
  std::string folder_;
  std::optional<ExecutionNumber> number_;
  wire::ProgressAnswer answer_;
  Stamps seen_{};
  Instant looked_at_;
};

// As dsched-run exits when the execution ends like this.
Exit exit_of(ExecutionStatus status) {
  switch (status) {
    case ExecutionStatus::submitted:
    case ExecutionStatus::running:
    case ExecutionStatus::completed:
      return Exit::done;
    case ExecutionStatus::waiting:
      return Exit::waiting;
    case ExecutionStatus::failed:
      return Exit::answer_is_no;
    case ExecutionStatus::cancelled:
      return Exit::cancelled;
    case ExecutionStatus::interrupted:
      return Exit::interrupted;
  }
  return Exit::surroundings;
}

// People who wait learn from one line why the exit code is not 0.
void tell_end(const Context& context, const report::Sighting& sighting) {
  const ExecutionStatus status = sighting.status();
  if (status == ExecutionStatus::completed) return;
  const std::string number = std::to_string(sighting.record.number.value);
  const bool goes_on = status == ExecutionStatus::interrupted || status == ExecutionStatus::waiting;
  tell_error(context, Error(ErrorKind::node_failed,
                            "execution " + number + ": " + std::string(name_of(status)),
                            goes_on ? "go on with: dsched-run --resume " + number : ""));
}

class Printer {
 public:
  explicit Printer(const Context& context) : context_(context) {}

  // A line, unless it would be the same as the last one.
  void line(wire::ProgressAnswer answer, WallTime now) {
    rising_.apply(answer);
    const std::string line = context_.json ? to_json(answer) : progress_sentence(answer, now);
    if (line == last_) return;
    write_out(line + '\n');
    last_ = line;
  }
  void document(wire::ProgressAnswer answer, WallTime now) {
    rising_.apply(answer);
    write_out(
        (context_.json ? to_json(answer, context_.layout()) : progress_sentence(answer, now)) +
        '\n');
  }

 private:
  const Context& context_;
  report::Rising rising_;
  std::string last_;
};

std::optional<Instant> deadline_of(const StatsCommand& command, Instant now) {
  if (command.timeout.empty()) return std::nullopt;
  if (!command.wait && !command.follow) {
    throw Error(ErrorKind::usage, "--timeout: only with --wait or --follow");
  }
  const auto timeout = duration_from_text(command.timeout);
  if (!timeout) {
    throw Error(ErrorKind::usage, "--timeout " + command.timeout + ": not a time such as 30 or 5m");
  }
  return now + *timeout;
}

}  // namespace

int stats_progress(const StatsCommand& command, Context& context) {
  Watch watch(command, context);
  const std::optional<Instant> deadline = deadline_of(command, watch.now());
  Printer printer(context);
  report::Sighting sighting = watch.look();
  bool in_time = true;
  while (command.follow || command.wait) {
    if (command.follow) printer.line(watch.answer(), watch.wall());
    const bool has_runner = sighting.runner == report::RunnerState::lives;
    if (!has_runner && !report::is_under_way(sighting.status())) break;
    in_time = watch.wait(deadline);
    if (!in_time) break;
    sighting = watch.look();
  }
  if (!command.follow) printer.document(watch.answer(), watch.wall());
  if (!in_time) {
    tell_error(context, Error(ErrorKind::timeout,
                              "execution " + std::to_string(sighting.record.number.value) +
                                  ": still " + std::string(name_of(sighting.status())) +
                                  " when the time to wait was over"));
    return static_cast<int>(Exit::timed_out);
  }
  if (!command.wait) return static_cast<int>(Exit::done);
  tell_end(context, sighting);
  return static_cast<int>(exit_of(sighting.status()));
}

}  // namespace dsched::cli
