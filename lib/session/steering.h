// SPDX-License-Identifier: Apache-2.0
#pragma once
// What steers an execution under way from outside: the slots it may use, signals, wishes of other
// tools, and executions that its own attempts have started.
//
// It asks the source of slots whenever that is worth it, says what may be used as facts for the
// engine, and gives the executor its width. It knows nothing of nodes, requests and answers:
// whoever runs these is Steered. Everything is called from the session's thread.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/execution.h"
#include "journal/wishes.h"
#include "session/ports.h"
#include "session/recorder.h"

namespace dsched::session {

// How often wishes are looked for though nobody rang.
inline constexpr Nanoseconds k_wishes_interval = std::chrono::seconds{1};

using SteeringFact =
    std::variant<engine::Suspended, engine::Continued, engine::Paused, engine::Released,
                 engine::Leased, engine::NestedBegan, engine::NestedEnded>;

class Steered {
 public:
  virtual ~Steered() = default;
  // As of engine::Execution.
  [[nodiscard]] virtual engine::Demand demand(engine::Execution::Others others) const = 0;
  [[nodiscard]] virtual Nanoseconds take_slot_time() = 0;
  [[nodiscard]] virtual Slots width_now() const = 0;
  // For the engine, now.
  virtual void take(const SteeringFact& fact) = 0;
  virtual void stop(engine::StopRequest how) = 0;
  // What has this name; empty: everything.
  virtual void cancel(const std::optional<std::string>& name) = 0;
  // Nodes whose running attempt has one of these ids, ascending.
  [[nodiscard]] virtual std::vector<NodeIndex> running(
      const std::vector<std::string>& attempt_ids) const = 0;
  // Performs what is to be done and takes what has come from the executor; true while something
  // that was handed over may yet begin.
  [[nodiscard]] virtual bool settle() = 0;
};

class Steering {
 public:
  // All of it outlives this.
  struct Around {
    const sys::Clock& clock;
    store::Store& store;
    executor::Executor& executor;
    Waiter& waiter;
    SlotSource& slots;
    Observer& observer;
    Recorder& recorder;
    journal::Journal& journal;
    journal::ExecutionRecord& execution;
  };
  Steering(const Around& around, Steered& steered);

  // ---- slots
  // Whether somebody rang since the last call; wishes were then taken.
  [[nodiscard]] bool take_ring();
  // Asks when the demand is news to the source, when it has rung, or when it is time to look. True
  // when the engine has something to decide.
  enum class Rang : std::uint8_t { no, yes };
  [[nodiscard]] bool settle_slots(Instant now, Rang rang);
  void attempt_began();
  void attempt_ended(NodeIndex node);
  [[nodiscard]] Slots held() const { return held_; }  // of the machine

  // ---- people
  void take_wishes();
  // Once a second, should a ring have been lost.
  void look_at_wishes(Instant now);
  void serve(Request request);
  void note_stop(Request by) {
    if (!stopped_by_) stopped_by_ = by;
  }
  [[nodiscard]] bool is_stopped() const { return stopped_by_.has_value(); }
  // "interrupted", "terminated" or "hung up"; the first of it counts.
  [[nodiscard]] std::string how_stopped() const;

  // When to look at wishes or slots though nothing has happened.
  [[nodiscard]] std::optional<Instant> next_look() const {
    return earliest(wishes_due_, around_.slots.next_look());
  }

 private:
  void serve(const journal::Wish& wish);
  void suspend();
  void take_allowance(engine::Demand demand);
  void give_width();
  void note_nested();

  Around around_;
  Steered& steered_;
  Slots held_;
  Slots width_given_;                                                   // to the executor
  engine::Execution::Others others_ = engine::Execution::Others::none;  // who want slots
  std::vector<std::string> waiting_attempts_;  // ids of attempts that wait for nested executions
  std::vector<NodeIndex> nested_;              // nodes whose attempt waits for a nested execution
  Instant wishes_due_;
  std::optional<Request> stopped_by_;
  std::vector<Request> postponed_;  // came while everything was being suspended
  bool interrupted_once_ = false;
};

[[nodiscard]] executor::Control control_for(engine::TreeControl control);

}  // namespace dsched::session
