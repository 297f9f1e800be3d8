// SPDX-License-Identifier: Apache-2.0
// Long because the loop's whole state stands in one place.
#pragma once
// Runs one batch to its end: the loop that joins input, engine, executor, store and output.
//
// It never waits for its input or its readers alone. What it keeps is bounded: so many open
// requests (engine/batch.h), so many bytes of them and of answers; beyond that it reads and begins
// nothing until somebody takes an answer. Answers need no commit, except those that name a key: a
// reader may ask the store for it at once.

#include <memory>
#include <unordered_map>

#include "engine/batch.h"
#include "journal/live.h"
#include "session/batch.h"
#include "session/batch_figures.h"
#include "session/batch_input.h"
#include "session/batch_maker.h"
#include "session/batch_output.h"
#include "session/ports.h"
#include "session/readings.h"
#include "session/recorder.h"
#include "session/steering.h"

namespace dsched::session {

struct BatchPorts {
  const sys::Clock& clock;
  sys::Entropy& entropy;
  store::Store& store;
  executor::Executor& executor;
  executor::Workspace& workspace;
  SlotSource& slots;
  Observer& observer;
  Waiter& waiter;
};

class BatchRunner final : private Steered {
 public:
  BatchRunner(const BatchCall& call, const BatchPorts& ports, BatchMaker& maker,
              journal::Journal& journal, journal::ExecutionRecord& execution);
  // Everything up to the last line. Throws Error when the surroundings fail for good.
  [[nodiscard]] BatchEnd run();

 private:
  // From the begin of its last attempt to its answer.
  struct Outcome {
    Instant began;
    Nanoseconds took{0};
    std::string attempt_id;
    TemporaryFiles files;
    std::optional<Keyed> keyed;
    std::optional<std::uint64_t> tokens;
    wire::RequestError error;
    executor::Captured result;
    store::DataType data_type = store::DataType::binary;
    std::optional<Digest> key;  // under which the store has it, or will have
    bool reused = false;
    engine::Completion completion = engine::Completion::completed;
    std::string log;
  };
  struct Open {
    std::string id;  // JSON text
    std::string name;
    program::BatchRequest request;
    std::unique_ptr<program::BadRequest> bad;
    std::size_t bytes = 0;
    Instant ready;
    std::optional<Nanoseconds> queued;  // until its first attempt began
    std::uint32_t attempts = 0;
    std::unique_ptr<Outcome> outcome;
    std::string line;  // the answer, waiting for its turn
  };

  void loop();
  void take_input();
  void admit(NextRequest&& next);
  void end_input(engine::InputEnded end);
  void stop_reading();
  [[nodiscard]] bool reads() const;
  void drain();
  void wait_and_take();
  void take_events();
  void take_read();
  void on_ended(executor::Ended&& ended);
  void apply(const engine::BatchFact& fact);
  void make_room();
  void write_out();

  void perform(const engine::StartAttempt& effect);
  void perform(const engine::Withdraw& effect);
  void perform(const engine::ControlTree& effect);
  void perform(const engine::RequestSettled& effect);
  void perform(const engine::AnswerRequest& effect);
  void perform(const engine::BatchEnded& effect);

  // ---- batch_runner_answers.cpp
  [[nodiscard]] std::optional<executor::Attempt> make_attempt(const engine::StartAttempt& effect,
                                                              Open& open);
  void start_value(NodeIndex index, Open& open);
  [[nodiscard]] bool reuse(Open& open);
  void end_now(NodeIndex index, Open& open, RequestProblem&& problem);
  void end_now(NodeIndex index, Open& open);
  void keep_result(Open& open);
  void say_bytes(const Open& open, Outcome& outcome);
  [[nodiscard]] std::string line_for(const Open& open, Outcome& outcome,
                                     const engine::RequestSettled& how);
  void explain(const Open& open, Outcome& outcome, const engine::RequestSettled& how) const;
  [[nodiscard]] wire::RequestError error_of(const program::BadRequest& bad) const;

  // ---- batch_runner_news.cpp
  [[nodiscard]] bool settle_slots();
  [[nodiscard]] engine::Demand demand(engine::Execution::Others others) const override {
    return batch_.demand(others);
  }
  [[nodiscard]] Nanoseconds take_slot_time() override { return batch_.take_slot_time(now_); }
  [[nodiscard]] Slots width_now() const override { return batch_.width_now(); }
  void take(const SteeringFact& fact) override;
  void stop(engine::StopRequest how) override;
  void cancel(const std::optional<std::string>& name) override;
  [[nodiscard]] std::vector<NodeIndex> running(
      const std::vector<std::string>& attempt_ids) const override;
  [[nodiscard]] bool settle() override;
  [[nodiscard]] std::optional<NodeIndex> find(const std::string& name) const;
  void write_news();
  [[nodiscard]] journal::LiveState live_state();
  [[nodiscard]] Progress progress();
  void close();
  [[nodiscard]] engine::Counts counts() const;
  [[nodiscard]] WallTime wall_at(Instant at) const { return begun_wall_ + (at - begun_); }

  const BatchCall& call_;
  BatchPorts ports_;
  BatchMaker& maker_;
  journal::Journal& journal_;
  journal::ExecutionRecord& execution_;
  std::unique_ptr<BatchInput> input_;
  BatchOutput output_;
  engine::Batch batch_;
  Recorder recorder_;
  Steering steering_;
  BatchFigures figures_;
  engine::BatchEffects effects_;
  std::unordered_map<NodeIndex, Open> open_;
  std::unordered_map<std::string, NodeIndex> ids_;  // canonical text of the id -> open request
  Readings readings_;                               // of requests that begin later
  std::vector<NodeIndex> running_;                  // in the order they started
  std::vector<RunningNode> shown_running_;
  std::string dag_id_;
  std::string execution_id_;
  std::uint32_t last_index_ = 0;
  std::uint64_t reused_ = 0;  // of the completed ones
  std::size_t open_bytes_ = 0;
  std::size_t held_lines_ = 0;  // bytes of answers that wait for their turn
  std::size_t values_looked_up_ = 0;
  bool has_unsaid_keys_ = false;  // answers in output_ name keys that are not committed
  engine::Room room_ = engine::Room::ample;
  Instant now_;
  Instant begun_;
  WallTime begun_wall_;
  bool has_run_ = false;  // something but what is worked out on the spot
  bool is_input_over_ = false;
  bool is_input_idle_ = false;         // it gave nothing when it was last asked
  std::optional<Instant> read_until_;  // after a stop: the input has so long to give something
  std::optional<Instant>
      write_until_;  // after the end of a stopped batch: as long as that for readers
  std::uint64_t written_before_ = 0;
  std::optional<engine::ExecutionStatus> ended_;
  bool gives_up_output_ = false;
};

}  // namespace dsched::session
