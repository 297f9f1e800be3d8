// SPDX-License-Identifier: Apache-2.0
// Long because it is the whole state of the loop, in parts that stand in files of their own.
#pragma once
// Runs one execution to its end: the loop that joins engine, executor, store and journal.
//
// Facts come from the executor, from timers and from signals; each is handed to the engine with its
// time, and the effects that come out are performed in order. Nothing here decides what may run:
// that is the engine's. Nothing is told to anybody before it is committed (session/recorder.h).

#include <map>
#include <memory>
#include <unordered_map>

#include "executor/stream_tap.h"
#include "journal/live.h"
#include "session/attempt_maker.h"
#include "session/fan_out.h"
#include "session/figures.h"
#include "session/fixer.h"
#include "session/gates.h"
#include "session/readings.h"
#include "session/recorder.h"
#include "session/resume.h"
#include "session/steering.h"
#include "session/stream_book.h"
#include "session/tracker.h"

namespace dsched::session {

// What has been found out before a run: everything but the world.
struct RunPlan {
  dag::Dag& dag;  // grows as maps are expanded
  const RunOptions& options;
  const AnswerOptions& answer;
  const Environment& environment;
  AttemptContext context;
  std::vector<NodeIndex> goals;         // whose results are the answer
  std::optional<NodeIndex> shown = {};  // whose bytes go to answer.result_fd, too
  std::vector<NodeIndex> wanted;        // ascending
  std::unordered_map<std::string, std::string> operations;  // NAME -> executable
  std::vector<InnerTarget> inner_targets = {};              // nodes that come with an expansion
  std::unordered_set<NodeIndex> partly_wanted = {};         // maps that only these need
  const FixPlan* fix = nullptr;                             // of a fix-it; else nothing
};

// From this many nodes on, bulk reads pay: 100,000 point lookups cost 80 ms, a scan about 20.
inline constexpr std::size_t k_bulk_min = 1000;

class Runner final : private Steered {
 public:
  Runner(const RunPlan& plan, const Ports& ports, journal::Journal& journal,
         journal::ExecutionRecord& execution);

  // Before run(). A completed node whose result or outputs are gone runs again.
  void recall(History&& history);
  // Everything up to the answer. Throws Error when the surroundings fail for good.
  [[nodiscard]] wire::RunAnswer run();
  // Writes all bytes of a node's result; false when it has none.
  [[nodiscard]] bool write_result(NodeIndex node, int fd);

 private:
  struct Told {  // a change of a node that the observer is told of
    NodeIndex node;
    NodeChange change;
    std::uint32_t attempt;
    Nanoseconds retry_in;
  };

  [[nodiscard]] std::vector<engine::NodePlan> node_plans();
  void prefetch();
  void loop();
  void wait_and_take();
  // ---- what Steering asks for (runner_slots.cpp)
  [[nodiscard]] bool settle_slots();
  [[nodiscard]] engine::Demand demand(engine::Execution::Others others) const override {
    return engine_.demand(others);
  }
  [[nodiscard]] Nanoseconds take_slot_time() override { return engine_.take_slot_time(now_); }
  [[nodiscard]] Slots width_now() const override { return engine_.width_now(); }
  void take(const SteeringFact& fact) override;
  void stop(engine::StopRequest how) override { apply(engine::Stop{how}); }
  void cancel(const std::optional<std::string>& name) override;
  [[nodiscard]] std::vector<NodeIndex> running(
      const std::vector<std::string>& attempt_ids) const override;
  [[nodiscard]] bool settle() override;
  void warn_of_wide_nodes(Slots machine);
  // ---- consent (runner_gates.cpp)
  [[nodiscard]] Digest consent_digest(NodeIndex node) const;
  [[nodiscard]] bool needs_consent(NodeIndex node) const;
  [[nodiscard]] std::string arguments_to_show(NodeIndex node);
  void hold(NodeIndex node);
  [[nodiscard]] bool settle_gates();
  void go_on_record();
  void tell_of_gates(std::span<const NodeIndex> nodes);
  void obey(const GateAnswer& answer);
  void take_events();
  void fire_timers();
  void drain();
  void on_started(const executor::Started& started);
  void on_ended(executor::Ended&& ended);

  void perform(const engine::Examine& effect);
  void perform(const engine::Evaluate& effect);
  void perform(const engine::Expand& effect);
  void perform(const engine::StartAttempt& effect);
  void perform(const engine::Withdraw& effect);
  void perform(const engine::ControlTree& effect);
  void perform(const engine::NodeSettled& effect);
  void perform(const engine::ExecutionEnded& effect);

  // ---- inputs that are read in the background (runner_reading.cpp)
  [[nodiscard]] bool waits_for_reading(NodeIndex node);
  void take_read();
  void give_up_reading(std::optional<NodeIndex> only = std::nullopt);

  // ---- maps (runner_expansion.cpp)
  void expand(NodeIndex map, std::uint32_t elements, const store::Content& list);
  void hand_down();
  void join(const dag::Expansion& expansion, std::vector<std::string>&& elements);
  void prefetch(const dag::Expansion& expansion);
  void gather(NodeIndex map);
  // ---- nodes of VoxLogica programs (runner_values.cpp)
  void expand_values(NodeIndex map, const store::Content& list);
  void take_evaluated(NodeIndex node, ProgramValues::Evaluated&& evaluated);
  [[nodiscard]] bool has_room_for(NodeIndex map, std::size_t elements);
  void take_elements(NodeIndex map, const store::Content& list,
                     std::vector<std::string>&& elements);
  [[nodiscard]] bool collect_print(NodeIndex node, const std::string& name,
                                   const std::string& before);
  [[nodiscard]] bool collect_element_lines(NodeIndex map);
  [[nodiscard]] bool collect_prints(std::unordered_set<NodeIndex>& shown);
  void remember_duration(NodeIndex node, Nanoseconds took);
  [[nodiscard]] std::optional<std::string> bytes_of(NodeIndex node);

  void recall(Recalled&& recalled);
  void finish_in_process(NodeIndex node, std::string&& value);
  void reuse(NodeIndex node, const store::Record& record);
  void warn_of_idle_globs(NodeIndex node, std::span<const executor::InputFile> inputs);
  void must_run(NodeIndex node, NotReusable&& verdict);
  void cannot_run(NodeIndex node, FailureClass failure, const std::string& error);
  void start(executor::Attempt&& attempt, UnderWay&& under_way);
  void finish_value(NodeIndex node, std::string&& bytes, Keyed&& keyed);
  // ---- streams (runner_streams.cpp)
  void examine_reader(NodeIndex node, NodeIndex producer);
  [[nodiscard]] std::shared_ptr<executor::Stream> stream_for(NodeIndex producer);
  [[nodiscard]] bool is_tapped() const;
  [[nodiscard]] std::optional<Instant> look_at_tap();
  void finish_tap(wire::RunAnswer& answer);
  [[nodiscard]] bool is_read_as_stream(NodeIndex producer) const;
  void finish_key(UnderWay& under_way, NodeIndex node) const;
  void complete_unread(executor::Ended&& ended);
  [[nodiscard]] bool hold_attempt(executor::Ended& ended, UnderWay& under_way, bool well);
  void judge(const engine::NodeSettled& effect);
  void recall_unread(std::span<const Recalled> recalled);
  void on_lag(const executor::ReadersLag& lag);

  [[nodiscard]] std::string unordered_input(const executor::Ended& ended) const;
  [[nodiscard]] bool waits_for(NodeIndex node, NodeIndex before) const;
  void complete(executor::Ended&& ended, UnderWay&& under_way);
  void fail(executor::Ended&& ended);
  [[nodiscard]] engine::AttemptFailure failure_of(const executor::Ended& ended) const;
  void store_value(NodeIndex node);
  void lose(NodeIndex node, std::optional<NodeIndex> needed_by);
  void apply(const engine::Fact& fact);
  void tell(NodeIndex node, NodeChange change, Nanoseconds retry_in = Nanoseconds{0});
  void report(const Told& told);
  void warn(const std::string& line);
  void forget_key(NodeIndex node);
  [[nodiscard]] Progress progress();
  void write_news();
  [[nodiscard]] journal::LiveState live_state();
  [[nodiscard]] journal::LiveNode live_node(NodeIndex node) const;
  [[nodiscard]] WallTime wall_at(Instant at) const { return begun_wall_ + (at - begun_); }
  // A resumed execution was submitted long before this runner began.
  [[nodiscard]] Nanoseconds since_submission(Instant at) const {
    return (at - begun_) + (begun_wall_ - execution_.submitted_at);
  }
  [[nodiscard]] store::Record record_for(NodeIndex node, const Keyed& keyed,
                                         const store::Content& content) const;
  [[nodiscard]] std::optional<wire::ResultAnswer> goal_answer(NodeIndex goal);
  [[nodiscard]] bool collect_results();
  void collect_reached();
  void close();
  [[nodiscard]] wire::RunAnswer make_answer();
  [[nodiscard]] wire::ErrorAnswer waiting_error(const wire::RunAnswer& answer) const;

  const RunPlan& plan_;
  std::unordered_set<NodeIndex>
      stored_values_;  // in-process nodes whose value also leaves; filled first
  Ports ports_;
  journal::Journal& journal_;
  journal::ExecutionRecord& execution_;
  std::vector<NodeIndex> goals_;  // the plan's, and those within expansions that were made
  Values values_;
  ProgramValues program_values_;
  FanOut fan_out_;
  Examiner examiner_;
  AttemptMaker maker_;
  engine::Execution engine_;
  Recorder recorder_;
  Steering steering_;
  Tracker tracker_;
  Figures figures_;
  StreamBook streams_;
  std::unique_ptr<executor::StreamTap> tap_;  // when the caller reads a stream as it comes
  bool is_tap_over_ = false;
  Gates gates_;
  std::optional<Fixer> fixer_;
  Instant gates_due_;                              // when answers are looked for again
  std::unique_ptr<journal::Durations> durations_;  // loaded when something must run
  engine::Effects effects_;
  Instant emitted_;                                 // when the effect that is performed came out
  std::map<NodeIndex, journal::LiveNode> delayed_;  // wait for a retry's delay or for people
  bool is_width_checked_ = false;
  Readings readings_;  // of nodes that are examined later
  std::unordered_map<NodeIndex, UnderWay> under_way_;
  std::unordered_map<Digest, NodeIndex> key_under_way_;
  std::unordered_map<NodeIndex, Digest> key_of_;     // of nodes in key_under_way_
  std::unordered_map<Digest, NodeIndex> done_here_;  // keys whose result was made in this run
  std::vector<journal::ReusedNode> reused_;
  std::vector<store::Record> to_touch_;
  std::unordered_map<NodeIndex, int> losses_;
  std::vector<wire::ResultAnswer> results_;
  std::vector<std::string> warnings_;
  Instant now_;
  Instant begun_;
  WallTime begun_wall_;
  std::optional<engine::ExecutionStatus> ended_;
  bool prefetched_ = false;
};

}  // namespace dsched::session
