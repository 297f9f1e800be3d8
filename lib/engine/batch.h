// SPDX-License-Identifier: Apache-2.0
// Long because a state machine and the data it keeps are described in one place.
#pragma once
// The state of one batch: which requests wait, run, are done, and whose answer is next. Facts in,
// effects out.
//
// It knows the rules (slots, priorities, retries, timeouts, the failure limit, the order of
// answers); it does not know what a request does, nor the time but through the moments it is given.
// Same options and facts, same effects. Its memory grows with the requests that are open, and
// wants_input() says when there are enough of them.
//
// A request is open from Admitted until its AnswerRequest. Its phases:
//
//   queued     waits for a slot, or its turn         -> granted: dispatch chose it
//                                                    -> settled: cancelled, or nothing begins any
//                                                    more
//   granted    handed to the executor                -> running: AttemptStarted
//                                                    -> queued: AttemptWithdrawn
//                                                    -> settled: AttemptEnded (in-process ones)
//   running    an attempt is under way               -> settled, backoff: AttemptEnded
//                                                    -> suspended: its slot must go back
//   suspended  its attempt tree is stopped           -> running: a slot is there again, or it is
//                                                    told to end; as running: AttemptEnded
//   backoff    waits for its retry                   -> queued: the delay is over; as queued
//   settled    what became of it is said; its answer
//              waits for those before it             (gone with its AnswerRequest)
//
// Slots are kept to as engine/execution.h says; each attempt takes one. Sequential batches run one
// request at a time in the order of the input, and the next one only when it is settled.
//
// Requests to a persistent worker share the slot of the instance they are in, as in an execution
// (engine/worker_loads.h): the best one that only a closed instance could take competes for a slot,
// the others join what is open, the most important first, then the oldest.

#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/batch_facts.h"
#include "engine/execution.h"
#include "engine/request_line.h"
#include "engine/worker_loads.h"

namespace dsched::engine {

// Open requests beyond which no input is read: so far do priorities look ahead.
inline constexpr std::size_t k_open_requests_max = 16384;

struct BatchOptions {
  SlotBook::Terms slots;
  enum class Running : std::uint8_t { parallel, sequential } running = Running::parallel;
  enum class Answers : std::uint8_t { as_they_end, in_order } answers = Answers::as_they_end;
  std::optional<std::uint64_t> failure_limit;  // failures after which nothing begins; empty: never
  std::uint32_t retries = 0;
  Nanoseconds backoff = std::chrono::seconds{1};
  Nanoseconds grace = std::chrono::seconds{5};  // between asking to end and ending by force
  std::size_t open_max = k_open_requests_max;
};

enum class RequestPhase : std::uint8_t { queued, granted, running, suspended, backoff, settled };

class Batch {
 public:
  explicit Batch(const BatchOptions& options, std::span<const dag::Worker> workers = {});

  void apply(Instant now, const BatchFact& fact, BatchEffects& out);
  // Grants slots, settles what will not run, notices the end. Called once after a group of facts.
  void dispatch(Instant now, BatchEffects& out);

  [[nodiscard]] bool wants_input() const {
    return !input_ended_ && requests_.size() < options_.open_max;
  }
  // As of Execution.
  [[nodiscard]] Demand demand(Execution::Others others) const;
  [[nodiscard]] Nanoseconds take_slot_time(Instant now) { return slots_.take_time(now); }
  [[nodiscard]] Slots width_now() const { return slots_.width_now(); }
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  struct View {
    Counts counts;              // of requests; skipped ones are among the cancelled
    std::uint64_t skipped = 0;  // of those
    std::size_t queued = 0;     // wait only for a slot or their turn
    std::size_t backing_off = 0;
    Slots in_use;
    bool is_paused = false;
    bool is_stopping = false;
    bool has_granted = false;  // handed over, and nothing heard of it yet
  };
  [[nodiscard]] View view() const;
  [[nodiscard]] std::size_t open() const { return requests_.size(); }
  // Empty when it is not open.
  [[nodiscard]] std::optional<RequestPhase> phase(NodeIndex request) const;
  // How long its present attempt has stood still; whether it was told to end as its time is over.
  struct AttemptState {
    Nanoseconds stood_still{0};
    bool timed_out = false;
    std::uint32_t number = 0;
  };
  [[nodiscard]] AttemptState attempt(NodeIndex request) const;

 private:
  struct Data {
    Priority priority;
    RequestPhase phase = RequestPhase::queued;
    bool in_process = false;
    bool timed_out = false;
    bool cancel_asked = false;
    bool withdraw_asked = false;
    bool waits_for_nested = false;
    bool takes_slot = false;  // now
    std::optional<dag::WorkerIndex> worker;
    std::uint32_t forgiven = 0;                 // attempts that use up no retry
    FailureClass failure = FailureClass::none;  // of the last attempt that ended
    std::uint32_t attempts = 0;
    std::optional<Nanoseconds> timeout;
    Instant started;
    Nanoseconds stood_still{0};  // of the present attempt, until it was last suspended
  };

  void on(Instant now, const Admitted& fact, BatchEffects& out);
  void on(Instant now, const InputEnded& fact, BatchEffects& out);
  void on(Instant now, const RoomIs& fact, BatchEffects& out);
  void on(Instant now, const AttemptStarted& fact, BatchEffects& out);
  void on(Instant now, const AttemptEnded& fact, BatchEffects& out);
  void on(Instant now, const AttemptWithdrawn& fact, BatchEffects& out);
  void on(Instant now, const Stop& fact, BatchEffects& out);
  void on(Instant now, const Suspended& fact, BatchEffects& out);
  void on(Instant now, const Continued& fact, BatchEffects& out);
  void on(Instant now, const Paused& fact, BatchEffects& out);
  void on(Instant now, const Released& fact, BatchEffects& out);
  void on(Instant now, const Leased& fact, BatchEffects& out);
  void on(Instant now, const NestedBegan& fact, BatchEffects& out);
  void on(Instant now, const NestedEnded& fact, BatchEffects& out);
  void on(Instant now, const Cancel& fact, BatchEffects& out);
  void on(Instant now, const CancelNode& fact, BatchEffects& out);
  void on(Instant now, const Tick& fact, BatchEffects& out);

  [[nodiscard]] Data& data(NodeIndex request) { return requests_.at(request); }
  void count(const Data& request, RequestPhase phase, std::size_t by);
  void move(Data& request, RequestPhase to);
  [[nodiscard]] std::size_t queued() const {
    return queued_values_ + queued_attempts_ + queued_to_workers_;
  }
  // How an attempt is told to end: a request to a worker is asked, its neighbours go on.
  [[nodiscard]] static TreeControl ending_of(const Data& request) {
    return request.worker ? TreeControl::cancel : TreeControl::terminate;
  }
  void enqueue(NodeIndex request, Data& data, BatchEffects& out);
  void take_back_for(Priority priority, BatchEffects& out);
  void settle(NodeIndex request, Completion completion, BatchEffects& out);
  void give_up_waiting(BatchEffects& out);
  void retry_or_fail(Instant now, const AttemptEnded& fact, BatchEffects& out);
  void start_values(BatchEffects& out);
  void start_attempts(Instant now, BatchEffects& out);
  void start_next_of_all(Instant now, BatchEffects& out);
  void grant(Instant now, NodeIndex request, BatchEffects& out);
  void withdraw_granted(BatchEffects& out);
  void ask_back(NodeIndex request, BatchEffects& out);
  void end_attempt(Instant now, NodeIndex request, TreeControl how, BatchEffects& out);
  void set_timer(Instant at, TimerKind kind, NodeIndex request);
  void fire(Instant now, const Timer& timer, BatchEffects& out);
  [[nodiscard]] std::optional<NodeIndex> next_in(RequestLine& line) const;
  [[nodiscard]] std::optional<NodeIndex> next_attempt();
  [[nodiscard]] bool may_begin(NodeIndex request) const;
  [[nodiscard]] bool is_stopping() const;
  [[nodiscard]] ExecutionStatus final_status() const;
  // ---- slots (batch_slots.cpp)
  [[nodiscard]] static SlotBook::Stage stage(const Data& data);
  void take_slot(Instant now, Data& data);
  void drop_slot(Instant now, Data& data);
  void release(Instant now, NodeIndex request);
  void suspend(Instant now, NodeIndex request, BatchEffects& out);
  void resume(Instant now, NodeIndex request);
  void keep_within_lease(Instant now, BatchEffects& out);
  void resume_what_fits(Instant now, BatchEffects& out);
  [[nodiscard]] std::vector<NodeIndex> victims(Instant now);
  // As Execution: so that a thread finds its next attempt without waiting for the session.
  [[nodiscard]] bool may_go_ahead(const Data& data) const {
    return slots_.allows_ahead() && !timers_.any_stands() && !data.worker && !loads_.has_any();
  }
  // ---- requests to workers (batch_workers.cpp)
  [[nodiscard]] std::optional<NodeIndex> next_to(dag::WorkerIndex worker);
  void open_instance(NodeIndex request, const Data& data);
  void join_instances(Instant now, BatchEffects& out);
  void leave_instance(Instant now, NodeIndex request);
  [[nodiscard]] std::uint32_t openings_wanted() const;
  [[nodiscard]] bool may_stand_still(NodeIndex request);
  void suspend_all(Instant now, NodeIndex request, BatchEffects& out);
  void resume_all(Instant now, NodeIndex request, BatchEffects& out);

  BatchOptions options_;
  std::unordered_map<NodeIndex, Data> requests_;  // open ones
  std::deque<NodeIndex> in_order_;                // open ones, if answers are given in order
  RequestLine values_;                            // queued, in-process
  RequestLine attempts_;                          // queued, others; all of them when sequential
  std::vector<RequestLine> requests_to_;          // queued, by worker
  std::size_t queued_values_ = 0;
  std::size_t queued_attempts_ = 0;           // without those to workers
  std::vector<std::size_t> queued_requests_;  // by worker
  std::size_t queued_to_workers_ = 0;         // their sum
  std::size_t backing_off_ = 0;
  std::size_t values_under_way_ = 0;
  std::vector<NodeIndex> active_;  // granted, running or suspended, in the order of their grants
  WorkerLoads loads_;
  SlotBook slots_;
  AttemptTimers timers_;  // and who stands still
  std::optional<StopRequest> stopping_;
  Room room_ = Room::ample;
  Counts counts_;
  std::uint64_t skipped_ = 0;
  bool input_ended_ = false;
  bool is_cut_ = false;
  bool is_cancelled_ = false;
  bool is_suspended_ = false;
  bool is_paused_ = false;
  bool ended_ = false;
};

}  // namespace dsched::engine
