// SPDX-License-Identifier: Apache-2.0
// Long because a state machine and the data it keeps are described in one place.
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
//   held       consent or a decision is missing     -> examining, evaluating: Approved
//                                                   -> failed: CannotRun
//                                                   (else it stays, and ends the execution as
//                                                   waiting unless that waits for consent)
//   queued     only slots or a pool place missing   -> granted: dispatch chose it
//   granted    handed to the executor               -> running: AttemptStarted
//                                                   -> queued: AttemptWithdrawn
//   evaluating in-process: Evaluate was asked for   -> completed, failed: AttemptEnded
//                                                   -> held: a map without the consent it needs
//   running    an attempt is under way              -> completed, failed, backoff, cancelled:
//                                                   AttemptEnded; suspended: its slots must go
//                                                   back, its readers are behind, or all stands
//                                                   still; unconfirmed: AttemptEnded well, while
//                                                   the stream it reads is still written; waiting:
//                                                   AttemptEnded, and that stream is written anew
//   suspended  its attempt tree is stopped          -> running: slots are there again, or it is
//                                                   told to end; as running: AttemptEnded
//   unconfirmed  ended well, and what it read may
//              yet turn out to be wrong             -> completed: its producer completed; failed,
//                                                   cancelled, waiting: as its producer
//   backoff    waits for its retry                  -> queued: the delay is over
//   completed, reused                               -> examining, evaluating: ResultLost
//   failed, cancelled                               (final)
//   unwanted   no goal or target needs it, or it is the value of an element  (final; not counted)
// Cancel and CancelNode turn what has not begun into cancelled.
//
// A map node becomes evaluating twice: when its list is there it is to be expanded, and with
// Expanded it goes back to waiting, for the results of its elements; when they are there it is
// evaluated. Nodes that the Dag gets meanwhile are unknown here until they are admitted.
//
// Slots. The execution starts nodes while they fit into what it has leased (Leased; without one it
// has its whole width). When it runs more than it may, enough of its attempts are suspended: of low
// priority and young ones first, only preemptible ones that have run for a quantum and are not
// expected to end within the next (when it must hurry: whatever does not end at once). What is
// suspended goes on before anything of the same priority starts. Its timeout stands still.
//
// Streams. A node that reads a stream (Dag::stream_of) becomes ready when all else it needs is done
// and its producer is running, suspended or unconfirmed; it is examined, and must run. What ends
// before its producer is unconfirmed. When an attempt of a producer fails, those that read it are
// ended, and fail with it or start again with its next attempt, whatever they had done; this uses
// up none of their retries. A producer that ends with its readers is ended when each is over; it
// counts as completed.
//
// Nobody waits for ever, on any number of slots. A reader without data waits for a producer; going
// from producer to producer leads to one that has data and runs, or to one that stands still:
// - because its readers are behind: then the one that is has data, or stands still and is not
//   counted, and then the producer is not behind;
// - because it has no slots: then it gets those of the readers that wait for it, which are
// suspended
//   (make_room_for_producer), and none of them goes on or starts before it does
//   (must_wait_for_producer). A wide one waits until enough of them stand still; when all do, all
//   slots are free, and one fits.
// A reader that may not be suspended gives nothing away: so what it reads is not suspended for want
// of slots (must_go_on_for_readers), keeps its slots while its readers are behind, and such a
// reader is not started while its producer stands still.
//
// Requests to a persistent worker share the one slot of the instance they are in
// (engine/worker_loads.h). An instance is suspended and goes on with all it has in flight.

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "dag/dag.h"
#include "engine/attempt_timers.h"
#include "engine/facts.h"
#include "engine/ready_queue.h"
#include "engine/slot_book.h"
#include "engine/worker_loads.h"

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
  suspended,
  unconfirmed,
  backoff,
  completed,
  reused,
  failed,
  cancelled,
  unwanted,
};

[[nodiscard]] constexpr bool is_done(Phase phase) {
  return phase == Phase::completed || phase == Phase::reused;
}

struct Options {
  SlotBook::Terms slots;
  std::optional<std::uint64_t> failure_limit =
      1;                      // failures after which nothing new starts; empty: never
  std::uint32_t retries = 0;  // for nodes that do not say
  Nanoseconds grace = std::chrono::seconds{5};  // between asking to end and ending by force
  bool waits_for_consent = false;  // held nodes that need it keep the execution from ending
};

// What the session knows of each node before the start.
struct NodePlan {
  bool wanted = true;
  bool in_process = false;       // evaluated at once, takes no slot, is not examined
  bool is_goal = false;          // its result is wanted, whoever reads it as a stream
  bool is_read_outside = false;  // until OutsideReaderDone: one more reader of its stream
  // What it takes, for admit() only: as set_remaining and set_expected say it of others.
  Nanoseconds duration{0};
  Nanoseconds expected{0};  // 0: unknown
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
  // Before begin(), of a recalled node: it ended with its readers, so no bytes of it were kept.
  void recall_ended_by_readers(NodeIndex node) { nodes_[node.value].ended_by_readers = true; }
  // Before begin(): it failed or was cancelled (Phase::failed, cancelled) and stays so; what needs
  // it is cancelled when the execution begins.
  void recall_over(NodeIndex node, Phase over);
  // Before begin(): instead of what the program says.
  void set_timeout(NodeIndex node, Nanoseconds timeout) { timeouts_[node] = timeout; }
  [[nodiscard]] std::optional<Nanoseconds> timeout(NodeIndex node) const;
  // Emits Examine or Evaluate for all nodes that wait for nothing.
  void begin(Effects& out);

  // Nodes of an expansion take part from now on: `plan` is for `first` and those behind it. What is
  // done already is recalled before the fact Expanded.
  void admit(NodeIndex first, std::span<const NodePlan> plan);

  void apply(Instant now, const Fact& fact, Effects& out);
  // Grants slots to queued nodes, and notices the end. Called once after a group of facts, so that
  // the choice is made among all nodes that became ready together.
  void dispatch(Instant now, Effects& out);

  // Longest remaining path of every node; used from the next node that is queued on.
  void set_remaining(std::vector<Nanoseconds> remaining) { remaining_ = std::move(remaining); }
  // What each node is expected to take; 0: unknown.
  void set_expected(std::vector<Nanoseconds> expected) { expected_ = std::move(expected); }

  // What it could use now; slot_time is left 0. While nobody else waits it says what it may come to
  // use, so that it need not say it again.
  enum class Others : std::uint8_t { none, waiting };
  [[nodiscard]] Demand demand(Others others) const;
  // Slot time used since the last call.
  [[nodiscard]] Nanoseconds take_slot_time(Instant now) { return slots_.take_time(now); }
  // Attempts that may run at once: what is leased and not due.
  [[nodiscard]] Slots width_now() const { return slots_.width_now(); }
  // How long the node's present attempt has stood still.
  [[nodiscard]] Nanoseconds stood_still(NodeIndex node) const;

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
  // What the attempt under way read counts for nothing: its producer's attempt failed.
  [[nodiscard]] bool has_lost_stream(NodeIndex node) const {
    return nodes_[node.value].stream_lost;
  }
  // The attempt under way was told to end because nobody reads it any more.
  [[nodiscard]] bool is_ended_by_readers(NodeIndex node) const {
    return nodes_[node.value].ended_by_readers;
  }
  // The producer whose stream the node reads while it is written; empty when it reads none, or one
  // that is complete.
  [[nodiscard]] std::optional<NodeIndex> stream_under_way(NodeIndex reader) const;
  [[nodiscard]] bool is_paused() const { return is_paused_; }
  // Slots of running attempts, nodes that only wait for a slot or a pool, free places of pools.
  [[nodiscard]] Slots in_use() const { return {slots_.running()}; }
  [[nodiscard]] const ReadyQueue& ready() const { return queue_; }
  // Nothing new is started any more, because of a failure or of a request.
  [[nodiscard]] bool is_stopping() const { return stopping_.has_value() || limit_reached(); }
  // Nothing is under way or to come but what people must consent to.
  [[nodiscard]] bool waits_for_people() const;

 private:
  struct NodeData {
    std::uint32_t unmet = 0;             // predecessors that are not done
    std::uint32_t attempts = 0;          // started so far, by earlier runners included
    std::uint32_t earlier_attempts = 0;  // of those, by earlier runners: they use up no retry
    Phase phase = Phase::waiting;
    bool in_process = false;
    bool needs_decision = false;
    bool needs_consent = false;  // what it is held for
    bool timed_out = false;
    bool cancel_asked = false;
    bool waits_for_nested = false;
    bool withdraw_asked = false;
    bool expanded = false;  // a map whose elements are nodes
    bool is_goal = false;
    bool is_read_outside = false;
    bool stream_lost = false;
    bool ended_by_readers = false;
    bool readers_are_behind = false;
    bool is_failed_by_stream = false;
    FailureClass failure = FailureClass::none;  // why it failed for good
    std::uint32_t taken = 0;  // slots it occupies; 0 while suspended or waiting for a nested one
    Instant started;
    Nanoseconds stood_still{0};  // of the present attempt, until it was last suspended
  };

  void on(Instant now, const FoundReusable& fact, Effects& out);
  void on(Instant now, const MustRun& fact, Effects& out);
  void on(Instant now, const SameKeyUnderWay& fact, Effects& out);
  void on(Instant now, const CannotRun& fact, Effects& out);
  void on(Instant now, const Approved& fact, Effects& out);
  void on(Instant now, const AttemptStarted& fact, Effects& out);
  void on(Instant now, const AttemptEnded& fact, Effects& out);
  void on(Instant now, const AttemptWithdrawn& fact, Effects& out);
  void on(Instant now, const ResultLost& fact, Effects& out);
  void on(Instant now, const Expanded& fact, Effects& out);
  void on(Instant now, const Stop& fact, Effects& out);
  void on(Instant now, const Suspended& fact, Effects& out);
  void on(Instant now, const Continued& fact, Effects& out);
  void on(Instant now, const Paused& fact, Effects& out);
  void on(Instant now, const Released& fact, Effects& out);
  void on(Instant now, const Leased& fact, Effects& out);
  void on(Instant now, const NestedBegan& fact, Effects& out);
  void on(Instant now, const NestedEnded& fact, Effects& out);
  void on(Instant now, const ReadersBehind& fact, Effects& out);
  void on(Instant now, const ReadersCaughtUp& fact, Effects& out);
  void on(Instant now, const OutsideReaderDone& fact, Effects& out);
  void on(Instant now, const Cancel& fact, Effects& out);
  void on(Instant now, const CancelNode& fact, Effects& out);
  void on(Instant now, const Tick& fact, Effects& out);

  void move(NodeIndex node, Phase to);
  void make_ready(NodeIndex node, Effects& out);
  void enqueue(NodeIndex node, Effects& out);
  void complete(NodeIndex node, Phase how, Effects& out);
  void complete_one(NodeIndex node, Phase how, Effects& out);
  void fail(Instant now, NodeIndex node, FailureClass failure, Effects& out);
  void cancel_dependents(NodeIndex failed, Effects& out);
  void retry_or_fail(Instant now, NodeIndex node, const AttemptEnded& fact, Effects& out);
  void end_well(Instant now, NodeIndex node, Effects& out);
  void release_slots(Instant now, NodeIndex node);
  void wake_twins(NodeIndex node, Effects& out);
  void fire(Instant now, const Timer& timer, Effects& out);
  void withdraw_granted(Effects& out);
  void end_running(Instant now, TreeControl how, Effects& out);
  void end_attempt(Instant now, NodeIndex node, TreeControl how, Effects& out);
  bool cancel_pending(NodeIndex node, Effects& out);
  void set_timer(Instant at, TimerKind kind, NodeIndex node);
  // ---- maps (execution_expansion.cpp)
  template <class Visit>
  void each_user(NodeIndex node, Visit visit) const;
  void note_late_user(NodeIndex node, NodeIndex user);
  void cancel_elements(Instant now, NodeIndex map, Effects& out);
  void one_less_unmet(NodeIndex node, Effects& out);
  [[nodiscard]] std::uint32_t count_unmet(NodeIndex node) const;
  // ---- streams (execution_streams.cpp)
  [[nodiscard]] bool is_streaming(NodeIndex node) const;
  [[nodiscard]] std::vector<NodeIndex> readers_of(NodeIndex producer) const;
  [[nodiscard]] std::vector<NodeIndex> running_readers(NodeIndex producer) const;
  [[nodiscard]] bool may_read_now(NodeIndex reader) const;
  [[nodiscard]] bool has_its_stream(NodeIndex node) const;
  void wait_for_stream(NodeIndex reader, Effects& out);
  void start_readers(NodeIndex producer, Effects& out);
  void settle_readers(Instant now, NodeIndex producer, Effects& out);
  void lose_attempt(Instant now, NodeIndex reader, Effects& out);
  void hold_until_confirmed(Instant now, NodeIndex reader, Effects& out);
  [[nodiscard]] std::vector<NodeIndex> confirm_readers(NodeIndex producer, Effects& out);
  void end_if_unread(Instant now, NodeIndex producer, Effects& out);
  [[nodiscard]] bool revive_producer(NodeIndex reader, Effects& out);
  [[nodiscard]] bool must_go_on_for_readers(NodeIndex producer) const;
  [[nodiscard]] bool must_wait_for_producer(NodeIndex reader) const;
  void make_room_for_producer(Instant now, NodeIndex producer, Effects& out);
  // ---- slots (execution_slots.cpp)
  [[nodiscard]] SlotBook::Stage stage(NodeIndex node) const {
    return phase(node) == Phase::running ? SlotBook::Stage::running : SlotBook::Stage::handed_over;
  }
  void take_slots(Instant now, NodeIndex node, std::uint32_t count);
  void drop_slots(Instant now, NodeIndex node);
  void suspend(Instant now, NodeIndex node, Effects& out);
  void resume(Instant now, NodeIndex node);
  void keep_within_lease(Instant now, Effects& out);
  void resume_what_fits(Instant now, Effects& out);
  [[nodiscard]] bool resume_some(Instant now, Effects& out);
  void suspend_all(Instant now, NodeIndex node, Effects& out);
  void resume_all(Instant now, NodeIndex node, Effects& out);
  [[nodiscard]] std::vector<NodeIndex> suspended_in_order() const;
  [[nodiscard]] std::vector<NodeIndex> victims(Instant now);
  [[nodiscard]] Nanoseconds expected(NodeIndex node) const;
  [[nodiscard]] bool fits(NodeIndex node) const { return slots_.fits(need(node)); }
  [[nodiscard]] bool may_go_ahead(const Rank& rank) const;
  [[nodiscard]] bool limit_reached() const;
  [[nodiscard]] Rank rank(NodeIndex node) const;
  [[nodiscard]] Slots need(NodeIndex node) const;
  [[nodiscard]] ExecutionStatus final_status() const;

  // ---- requests to workers (execution_requests.cpp)
  [[nodiscard]] bool is_request(NodeIndex node) const {
    return dag_.node(node).operation == dag::Operation::worker;
  }
  void queue_up(NodeIndex node);
  void grant(Instant now, NodeIndex node, Effects& out);
  void grant_request(Instant now, const WorkerLoads::Place& place, Effects& out);
  void admit_requests(Instant now, Effects& out);
  void take_from_instance(Instant now, NodeIndex node);
  // The best request that would need a slot, because only closed instances could take it.
  [[nodiscard]] std::optional<Rank> best_opening() const;
  [[nodiscard]] std::uint32_t openings_wanted() const;
  [[nodiscard]] bool may_stand_still(NodeIndex node) const;

  const dag::Dag& dag_;
  Options options_;
  std::vector<NodeData> nodes_;
  std::vector<Nanoseconds> remaining_;
  std::vector<Nanoseconds> expected_;
  std::map<NodeIndex, Nanoseconds> timeouts_;  // of those that have another than the program's
  ReadyQueue queue_;
  WorkerLoads loads_;
  std::vector<NodeIndex> active_;  // granted, running, suspended, in the order they were granted
  SlotBook slots_;
  AttemptTimers timers_;                       // and who stands still
  std::multimap<NodeIndex, NodeIndex> twins_;  // first -> those that wait for it
  // Nodes of expansions that wait again for one of the program, which was lost: the Dag has them
  // not among its dependents.
  std::unordered_map<NodeIndex, std::vector<NodeIndex>> late_users_;
  Counts counts_;
  std::uint64_t examining_ = 0;  // examined or evaluated right now
  std::uint64_t backoffs_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t gated_ = 0;              // of those, for consent
  std::uint64_t failed_by_streams_ = 0;  // of counts_.failed: not failures of their own
  std::uint32_t passes_ = 0;             // starts since the best queued node was first passed over
  bool uniform_priority_ = true;
  std::optional<Priority> common_priority_;
  std::optional<StopRequest> stopping_;
  bool is_cancelled_ = false;
  bool is_suspended_ = false;  // Ctrl-Z
  bool is_paused_ = false;
  bool ended_ = false;
};

// ------------------------------------------------------------------------------------------------

// Everything that waits for the node.
template <class Visit>
void Execution::each_user(NodeIndex node, Visit visit) const {
  for (const NodeIndex user : dag_.dependents(node)) visit(user);
  if (late_users_.empty()) return;
  const auto late = late_users_.find(node);
  if (late == late_users_.end()) return;
  for (const NodeIndex user : late->second) visit(user);
}

}  // namespace dsched::engine
