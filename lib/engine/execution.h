// SPDX-License-Identifier: Apache-2.0
#pragma once
// The state of one execution: which nodes wait, may run, run, are done. Facts in, effects out.
//
// It knows the graph and the rules (order, slots, pools, retries, timeouts, failure limit,
// stopping); it does not know what a node does, what is stored, or what time it is except through
// the moments it is given. Same graph, options and facts, same effects, in the same order.
//
// A node goes through these phases; Execution::move is the only place that changes one:
//
//   waiting    something it needs is not done       -> examining, evaluating: its last predecessor
//   completed
//                                                    -> cancelled: a predecessor failed or was
//                                                    cancelled
//   examining  Examine was asked for                -> reused: FoundReusable; queued: MustRun
//                                                    -> twin: SameKeyUnderWay; failed: CannotRun
//   twin       an equal key is under way            -> examining: that node ended, whichever way
//   held       consent or a decision is missing     (stays; ends the execution as waiting)
//   queued     only slots or a pool place missing   -> granted: dispatch chose it
//   granted    handed to the executor               -> running: AttemptStarted; queued:
//   AttemptWithdrawn evaluating in-process: Evaluate was asked for   -> completed, failed:
//   AttemptEnded running    an attempt is under way              -> completed, failed, backoff,
//   cancelled: AttemptEnded backoff    waits for its retry                  -> queued: the delay is
//   over completed, reused                               -> examining, evaluating: ResultLost says
//   it is gone failed, cancelled                               (final) unwanted   no goal or target
//   needs it           (final; not counted)

#include <map>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "dag/dag.h"
#include "engine/facts.h"
#include "engine/ready_queue.h"

namespace dsched::engine {

// stored: never (phases are rebuilt from the journal)
enum class Phase : std::uint8_t {
  waiting,
  examining,
  twin,
  held,
  queued,
  granted,
  evaluating,
  running,
  backoff,
  completed,
  reused,
  failed,
  cancelled,
  unwanted,
};

struct Options {
  Slots width{1};
  std::optional<std::uint64_t> failure_limit =
      1;                      // failures after which nothing new starts; empty: never
  std::uint32_t retries = 0;  // for nodes that do not say
  Nanoseconds grace = std::chrono::seconds{5};  // between asking to end and ending by force
};

// What the session knows of each node before the start.
struct NodePlan {
  bool wanted = true;
  bool in_process = false;  // evaluated at once, takes no slot, is not examined
};

struct Counts {
  std::uint64_t total = 0;
  std::uint64_t completed = 0;  // reused ones included
  std::uint64_t reused = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t running = 0;
  [[nodiscard]] std::uint64_t pending() const {
    return total - completed - failed - cancelled - running;
  }
};

// Attempts handed over beyond the slots, so that a worker need not wait for the session. Two,
// because two workers may end at the same time: 0.78 s instead of 0.87 s for 2,000 commands at
// width 2, beside ninja's 0.78 and 0.81 (2 cores, Debian 12, 2026-11-21, bench/run.sh --rows 1).
inline constexpr std::uint32_t k_ahead_max = 2;

class Execution {
 public:
  // `plan` has an entry per node. The Dag must outlive the Execution.
  Execution(const dag::Dag& dag, const Options& options, std::vector<NodePlan> plan);

  // Before begin(): the journal says that the node is done (completed or reused).
  void recall(NodeIndex node, Phase done, std::uint32_t attempts);
  // Before begin(): attempts already made by an earlier runner; numbering goes on from there.
  void recall_attempts(NodeIndex node, std::uint32_t attempts);
  // Before begin(): it was under way when its runner vanished, and must not run again without a
  // word.
  void recall_needs_decision(NodeIndex node) { nodes_[node.value].needs_decision = true; }
  // Emits Examine or Evaluate for all nodes that wait for nothing.
  void begin(Effects& out);

  void apply(Instant now, const Fact& fact, Effects& out);
  // Grants slots to queued nodes, and notices the end. Called once after a group of facts, so that
  // the choice is made among all nodes that became ready together.
  void dispatch(Instant now, Effects& out);

  // Longest remaining path of every node; used from the next node that is queued on.
  void set_remaining(std::vector<Nanoseconds> remaining) { remaining_ = std::move(remaining); }

  // When apply(Tick) has something to do; empty: never.
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] Phase phase(NodeIndex node) const { return nodes_[node.value].phase; }
  [[nodiscard]] bool is_in_process(NodeIndex node) const { return nodes_[node.value].in_process; }
  [[nodiscard]] std::uint32_t attempts(NodeIndex node) const { return nodes_[node.value].attempts; }
  // Handed to the executor, and nothing heard of it yet.
  [[nodiscard]] bool has_granted() const;
  // The attempt under way was told to end because its time is over.
  [[nodiscard]] bool is_timed_out(NodeIndex node) const { return nodes_[node.value].timed_out; }
  // Nothing new is started any more, because of a failure or of a request.
  [[nodiscard]] bool is_stopping() const { return stopping_.has_value() || limit_reached(); }

 private:
  struct NodeData {
    std::uint32_t unmet = 0;             // predecessors that are not done
    std::uint32_t attempts = 0;          // started so far, by earlier runners included
    std::uint32_t earlier_attempts = 0;  // of those, by earlier runners: they use up no retry
    Phase phase = Phase::waiting;
    bool in_process = false;
    bool needs_decision = false;
    bool timed_out = false;
  };
  enum class TimerKind : std::uint8_t { retry, timeout, force };
  struct Timer {
    Instant at;
    TimerKind kind;
    NodeIndex node;
    std::uint32_t attempt;  // the attempt it was set for; a timer of another attempt is stale
    bool operator>(const Timer& other) const { return at > other.at; }
  };

  void on(Instant now, const FoundReusable& fact, Effects& out);
  void on(Instant now, const MustRun& fact, Effects& out);
  void on(Instant now, const SameKeyUnderWay& fact, Effects& out);
  void on(Instant now, const CannotRun& fact, Effects& out);
  void on(Instant now, const AttemptStarted& fact, Effects& out);
  void on(Instant now, const AttemptEnded& fact, Effects& out);
  void on(Instant now, const AttemptWithdrawn& fact, Effects& out);
  void on(Instant now, const ResultLost& fact, Effects& out);
  void on(Instant now, const Stop& fact, Effects& out);
  void on(Instant now, const Suspended& fact, Effects& out);
  void on(Instant now, const Continued& fact, Effects& out);
  void on(Instant now, const Tick& fact, Effects& out);

  void move(NodeIndex node, Phase to);
  void make_ready(NodeIndex node, Effects& out);
  void enqueue(NodeIndex node, Effects& out);
  void complete(NodeIndex node, Phase how, Effects& out);
  void fail(NodeIndex node, FailureClass failure, Effects& out);
  void cancel_dependents(NodeIndex failed, Effects& out);
  void retry_or_fail(Instant now, NodeIndex node, const AttemptEnded& fact, Effects& out);
  void release_slots(NodeIndex node);
  void wake_twins(NodeIndex node, Effects& out);
  void fire(Instant now, const Timer& timer, Effects& out);
  void withdraw_granted(Effects& out);
  void end_running(TreeControl how, Effects& out);
  [[nodiscard]] bool fits(NodeIndex node) const;
  [[nodiscard]] bool may_go_ahead(const Rank& rank) const;
  [[nodiscard]] bool limit_reached() const;
  [[nodiscard]] Rank rank(NodeIndex node) const;
  [[nodiscard]] Slots need(NodeIndex node) const;
  [[nodiscard]] ExecutionStatus final_status() const;

  const dag::Dag& dag_;
  Options options_;
  std::vector<NodeData> nodes_;
  std::vector<Nanoseconds> remaining_;
  ReadyQueue queue_;
  std::vector<NodeIndex> active_;              // granted or running, in the order they were granted
  std::multimap<NodeIndex, NodeIndex> twins_;  // first -> those that wait for it
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  Counts counts_;
  std::uint64_t examining_ = 0;  // examined or evaluated right now
  std::uint64_t backoffs_ = 0;
  std::uint64_t held_ = 0;
  std::uint32_t used_ = 0;  // slots
  std::uint32_t wide_active_ = 0;
  std::uint32_t passes_ = 0;  // starts since the best queued node was first passed over
  bool uniform_priority_ = true;
  std::optional<StopRequest> stopping_;
  std::optional<Instant> suspended_at_;
  bool ended_ = false;
};

}  // namespace dsched::engine
