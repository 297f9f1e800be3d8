// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "session/key.h"
#include "session/runner.h"

// The part of Runner for nodes that read a stream while it is written, and for those that write it.

namespace dsched::session {

using engine::NodeState;
using engine::Reason;

namespace {

// The position of the node's argument that is read as a stream.
std::size_t position_of(const dag::Dag& dag, NodeIndex node, NodeIndex producer) {
  const auto arguments = dag.arguments(node);
  std::size_t position = 0;
  while (arguments[position] != producer) ++position;
  return position;
}

}  // namespace

// Whatever the store knows, it runs beside its producer: what that one writes is not known yet.
void Runner::examine_reader(NodeIndex node, NodeIndex producer) {
  auto key_now = examiner_.key_now(node);
  if (const auto* problem = std::get_if<executor::InputProblem>(&key_now)) {
    return cannot_run(node, problem->failure, problem->error);
  }
  Keyed keyed = std::move(std::get<Keyed>(key_now));
  keyed.cacheable = false;  // without the producer's digest the key is none
  must_run(node, {std::move(keyed),
                  "reads the stream of " + std::string(plan_.dag.node(producer).node_id)});
}

// Who may read what it writes: other nodes, or the caller.
std::shared_ptr<executor::Stream> Runner::stream_for(NodeIndex producer) {
  const bool is_shown = tap_ && producer == plan_.shown;
  if (!is_shown && !is_read_as_stream(producer)) return nullptr;
  auto stream = streams_.begin(producer, plan_.dag.settings(producer).max_lag_bytes);
  if (is_shown) tap_->follow(stream);
  return stream;
}

// The caller gets the bytes of a node as they come.
bool Runner::is_tapped() const {
  if (!plan_.shown || plan_.answer.result_fd < 0) return false;
  const dag::Operation operation = plan_.dag.node(*plan_.shown).operation;
  const bool is_command = operation == dag::Operation::shell || operation == dag::Operation::exec ||
                          operation == dag::Operation::external;
  return is_command && plan_.dag.settings(*plan_.shown).stream;
}

// When the caller's reader is to be looked after: it says nothing when it goes away.
std::optional<Instant> Runner::look_at_tap() {
  constexpr Nanoseconds k_look = std::chrono::milliseconds{100};
  if (!tap_ || !tap_->has_followed()) return std::nullopt;
  if (tap_->state() == executor::StreamTap::State::open) return now_ + k_look;
  if (!std::exchange(is_tap_over_, true)) apply(engine::OutsideReaderDone{*plan_.shown});
  return std::nullopt;
}

// Waits until all is out, and says what could not be given. Not by an exception: what is out must
// not be followed by a document.
void Runner::finish_tap(wire::RunAnswer& answer) {
  using State = executor::StreamTap::State;
  if (!answer.success || !tap_ || !tap_->has_followed()) return;
  const std::string id(plan_.dag.node(*plan_.shown).node_id);
  const State state = tap_->finish();
  if (state != State::failed && state != State::spoiled) return;
  answer.success = false;
  if (state == State::failed) {
    answer.error = {ErrorKind::environment, "output: " + tap_->error(), {}, {}};
    return;
  }
  answer.error = {ErrorKind::node_failed,
                  "node " + id + ": an attempt that failed had written other bytes than the one " +
                      "that ended well, and its first " + std::to_string(tap_->written()) +
                      " are out already",
                  "its result is in the store: dsched-store get @latest/" + id,
                  {}};
}

bool Runner::is_read_as_stream(NodeIndex producer) const {
  if (!plan_.dag.has_streams()) return false;
  const auto users = plan_.dag.dependents(producer);
  return std::any_of(users.begin(), users.end(),
                     [&](NodeIndex user) { return plan_.dag.stream_of(user) == producer; });
}

// The producer is complete, so the key can be made.
void Runner::finish_key(UnderWay& under_way, NodeIndex node) const {
  if (!under_way.reads) return;
  const NodeIndex producer = *under_way.reads;
  Keyed& keyed = under_way.keyed;
  if (engine_.is_ended_by_readers(producer)) {
    keyed.cacheable = false;  // nobody knows what all of it would have been
    return;
  }
  set_key_argument(keyed.text, position_of(plan_.dag, node, producer), values_.digest(producer));
  keyed.key = sha256(keyed.text);
}

// True when the attempt of a reader waits for what becomes of its producer.
bool Runner::hold_attempt(executor::Ended& ended, UnderWay& under_way, bool well) {
  const NodeIndex node = ended.node;
  const bool waits = well && engine_.stream_under_way(node).has_value();
  if (!waits && !engine_.has_lost_stream(node)) return false;
  streams_.hold({std::move(ended), std::move(under_way)});
  return true;
}

// What became of a reader whose attempt had ended before.
void Runner::judge(const engine::NodeSettled& effect) {
  const NodeIndex node = effect.node;
  streams_.forget(node);
  auto attempt = streams_.take(node);
  if (!attempt) return;
  tracker_.stopped(node);
  executor::Ended& ended = attempt->ended;
  Trace& trace = tracker_.trace(node);
  if (effect.state == NodeState::completed) {
    trace.failure = FailureClass::none;
    trace.reason = Reason::none;
    trace.error.clear();
    if (engine_.is_ended_by_readers(node)) return complete_unread(std::move(ended));
    finish_key(attempt->under_way, node);
    return complete(std::move(ended), std::move(attempt->under_way));
  }
  if (ended.failure == FailureClass::none) {
    ports_.workspace.remove(plan_.dag.settings(node).outputs);
  }
  const Trace* producer = tracker_.find(effect.because);
  const std::string id(plan_.dag.node(effect.because).node_id);
  const bool failed = producer != nullptr && producer->failure != FailureClass::none;
  ended.failure = failed ? producer->failure : FailureClass::lost;
  ended.error = "the stream it read broke off: node " + id +
                (failed ? ": " + producer->error : std::string(" was ended"));
  const bool by_hand = effect.state == NodeState::cancelled && effect.reason == Reason::none;
  if (by_hand) ended.error = "cancelled before what it read was complete";
  // How it ended says nothing about it.
  ended.exit_code.reset();
  ended.signal.reset();
  trace.exit_code.reset();
  trace.signal.reset();
  fail(std::move(ended));
}

// Those that ended with their readers count only when no reader needs to run again.
void Runner::recall_unread(std::span<const Recalled> recalled) {
  const auto is_over = [this](NodeIndex node) {
    const engine::Phase phase = engine_.phase(node);
    return phase == engine::Phase::completed || phase == engine::Phase::unwanted;
  };
  const auto order = plan_.dag.topological_order();
  std::unordered_map<NodeIndex, std::uint32_t> unread;
  for (const Recalled& one : recalled) {
    if (one.completed && one.completed->is_unread) unread.emplace(one.node, one.attempts);
  }
  for (std::size_t i = unread.empty() ? 0 : order.size(); i-- > 0;) {
    const auto found = unread.find(order[i]);
    if (found == unread.end()) continue;
    const auto users = plan_.dag.dependents(order[i]);
    if (!std::all_of(users.begin(), users.end(), is_over)) continue;
    engine_.recall(order[i], engine::Phase::completed, found->second);
    engine_.recall_ended_by_readers(order[i]);
  }
}

void Runner::on_lag(const executor::ReadersLag& lag) {
  if (lag.now == executor::ReadersLag::Now::behind) return apply(engine::ReadersBehind{lag.node});
  apply(engine::ReadersCaughtUp{lag.node});
}

}  // namespace dsched::session
