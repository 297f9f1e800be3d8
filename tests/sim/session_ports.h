// SPDX-License-Identifier: Apache-2.0
#pragma once
// The world of a session, simulated: clock, dice, executor, folder, argument files, waiter and an
// observer that keeps what it is told.
//
// Time stands still but for Waiter::wait, which moves it to the next thing that happens; a wait for
// nothing is a session that hangs and fails the test. Any call of a port may be the runner's last
// (Chaos): it then leaves by RunnerLost, as SIGKILL would end it between two system calls.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disk.h"
#include "session/ports.h"
#include "session_program.h"

namespace dsched::sim {

struct RunnerLost {};

// Counts calls of ports; the runner is lost at the chosen one.
class Chaos {
 public:
  void lose_runner_at(std::uint64_t call) { at_ = call, calls_ = 0; }
  void never() { at_ = 0; }
  void step() {
    if (++calls_ == at_) throw RunnerLost{};
  }

 private:
  std::uint64_t at_ = 0;
  std::uint64_t calls_ = 0;
};

class SimClock final : public sys::Clock {
 public:
  Instant now() const override { return Instant{} + gone_; }
  // Later than any file of this machine, so that none counts as young.
  WallTime wall() const override { return WallTime{std::chrono::hours{24 * 365 * 100}} + gone_; }
  void advance_to(Instant when) { gone_ = std::max(gone_, when - Instant{}); }

 private:
  Nanoseconds gone_{std::chrono::seconds{100}};
};

// A 64-bit linear congruential generator (Knuth's MMIX constants).
class Dice final : public sys::Entropy {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(next() >> 33);
  }
  std::uint64_t next() { return state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; }

 private:
  std::uint64_t state_;
};

// The program's folder: files by their relative path.
class SimWorkspace final : public executor::Workspace {
 public:
  SimWorkspace(std::map<std::string, std::string>& files, store::Store& store, Chaos& chaos)
      : files_(files), store_(store), chaos_(chaos) {}
  void prefetch(std::span<const std::string_view>) override {}
  void forget_prefetched() override {}
  std::variant<std::vector<executor::InputFile>, executor::InputProblem> examine(
      std::span<const std::string_view> patterns) override;
  std::vector<executor::InputFile> examine_exact(std::span<const std::string> paths) override;
  std::optional<executor::InputFile> executable(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  bool in_place(std::span<const executor::OutputRecord> outputs) override;
  std::optional<std::string> restore(std::span<const executor::OutputRecord> outputs) override;

 private:
  std::map<std::string, std::string>& files_;
  store::Store& store_;
  Chaos& chaos_;
};

class SimArgumentFiles final : public session::ArgumentFiles {
 public:
  explicit SimArgumentFiles(Chaos& chaos) : chaos_(chaos) {}
  std::string file_for(const std::string& name, std::string_view bytes) override;
  std::string file_for(const std::string& name, store::BlobReader& blob) override;
  [[nodiscard]] const std::string* find(const std::string& path) const;

 private:
  Chaos& chaos_;
  std::map<std::string, std::string> files_;
};

// What every attempt of a world has in common, and what is remembered beyond a runner's life.
struct AttemptHistory {
  std::map<std::string, std::uint32_t> begun;   // attempts that really began, by node id
  std::map<std::string, std::uint32_t> failed;  // of those, how many were made to fail
  std::set<std::string> finished_well;          // ended well at least once
  std::vector<std::string> wrong;               // what a command met that must not be
};

class SimExecutor final : public executor::Executor {
 public:
  struct Parts {
    SimClock& clock;
    Disk& disk;
    store::Store& store;
    const Program& program;
    const SimArgumentFiles& argument_files;
    std::map<std::string, std::string>& folder;
    AttemptHistory& history;
    Chaos& chaos;
    std::uint32_t width;
  };
  explicit SimExecutor(const Parts& parts) : on_(parts) {}

  void start(executor::Attempt attempt) override;
  void set_width(Slots width) override;
  bool withdraw(NodeIndex node) override;
  void control(NodeIndex node, executor::Control what) override;
  void take_events(std::vector<executor::AttemptEvent>& out) override;
  int event_fd() const override { return -1; }

  // When something will happen by itself; empty: nothing is running.
  [[nodiscard]] std::optional<Instant> next_event() const;
  [[nodiscard]] bool is_idle() const { return running_.empty() && waiting_.empty(); }

 private:
  struct Running {
    executor::Attempt attempt;
    Instant began;
    Instant ends;
    std::optional<int> signal;
    std::optional<Instant> suspended;         // since when it stands still
    std::shared_ptr<executor::Stream> reads;  // it ends after that one does; empty: nothing to wait
                                              // for
  };
  // When it ends by itself; empty: it stands still, or reads what is still written.
  [[nodiscard]] std::optional<Instant> due(const Running& running) const;
  void end_stream(const Running& producer, Instant at, FailureClass failure);
  void begin_waiting(Instant at);
  void run_until(Instant now);
  executor::Ended end(const Running& running);
  void finish(const NodeSketch& what, const std::vector<std::string>& arguments,
              const executor::Attempt& attempt, executor::Ended& ended);
  [[nodiscard]] executor::Captured capture(std::string bytes);
  [[nodiscard]] NodeSketch sketch_of(const executor::Attempt& attempt) const;
  [[nodiscard]] std::vector<std::string> read_arguments(const executor::Attempt& attempt);

  Parts on_;
  std::deque<executor::Attempt> waiting_;
  std::vector<Running> running_;
  std::vector<executor::AttemptEvent> events_;
};

// Moves the clock; asks for what the test wants at the n-th wait.
class SimWaiter final : public session::Waiter {
 public:
  SimWaiter(SimClock& clock, SimExecutor& executor, const Disk& disk, Chaos& chaos)
      : clock_(clock), executor_(executor), disk_(disk), chaos_(chaos) {}
  void request_at(std::uint64_t wait, session::Request request) { requests_[wait] = request; }
  // Somebody else does something at every wait.
  void set_visitor(std::function<void()> visitor) { visitor_ = std::move(visitor); }
  std::vector<session::Request> wait(std::optional<Instant> until,
                                     std::span<const sys::Awaited> also) override;
  void stop_here() override { clock_.advance_to(clock_.now() + std::chrono::seconds{7}); }
  // Syncs of the disk at the last wait: none of them was half of the store's.
  [[nodiscard]] std::uint64_t whole_syncs() const { return whole_syncs_; }

 private:
  SimClock& clock_;
  SimExecutor& executor_;
  const Disk& disk_;
  Chaos& chaos_;
  std::map<std::uint64_t, session::Request> requests_;
  std::function<void()> visitor_;
  std::uint64_t waits_ = 0;
  std::uint64_t whole_syncs_ = 0;
};

// What was told, and how many syncs of the disk had been made by then.
class Told final : public session::Observer {
 public:
  struct Line {
    std::string node_id;
    session::NodeChange change = session::NodeChange::started;
    Instant at;
    std::uint64_t syncs = 0;
  };
  Told(const Disk& disk, Chaos& chaos) : disk_(disk), chaos_(chaos) {}
  void began(const session::Progress& progress) override { check(progress); }
  void node(const session::NodeReport& report, const session::Progress& progress) override;
  void progress(const session::Progress& progress) override { check(progress); }
  void note(std::string_view line) override { notes.emplace_back(line); }
  std::optional<Instant> wake_up() const override { return std::nullopt; }
  void ended(const session::Progress& progress, std::string_view, Nanoseconds) override {
    check(progress);
    ++endings;
  }

  std::vector<Line> lines;
  std::vector<std::string> notes;
  std::vector<std::string> wrong;
  int endings = 0;

 private:
  void check(const session::Progress& progress);
  const Disk& disk_;
  Chaos& chaos_;
  double percentage_ = 0;
};

}  // namespace dsched::sim
