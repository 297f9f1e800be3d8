// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "base/text.h"
#include "engine/consent.h"
#include "session/runner.h"
#include "wire/json_writer.h"

// The part of Runner that asks people for consent and goes on when they gave it.

namespace dsched::session {
namespace {

using journal::GateState;

// Of each argument so much is shown to who is asked.
constexpr std::uint64_t k_shown_argument_bytes = 1024;

std::optional<std::string> beginning_of(Values& values, NodeIndex node) {
  try {
    return values.prefix(node, k_shown_argument_bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return std::nullopt;
  }
}

// With the variables that the program sets for it, as one would write it in a shell.
std::string command_to_show(const dag::Dag& dag, NodeIndex node) {
  std::string out;
  for (const auto& [name, value] : dag.settings(node).environment) {
    out.append(name).append(1, '=').append(shell_word(value)).append(1, ' ');
  }
  return out + command_text(dag, node);
}

std::string called(const journal::ExecutionRecord& execution, std::string_view node_id) {
  return std::to_string(execution.number.value) + '/' + std::string(node_id);
}

}  // namespace

Digest Runner::consent_digest(NodeIndex node) const {
  std::vector<Digest> digests;
  for (const NodeIndex argument : plan_.dag.arguments(node)) {
    digests.push_back(values_.digest(argument));
  }
  return engine::consent_digest(plan_.dag, node, digests);
}

bool Runner::needs_consent(NodeIndex node) const {
  return plan_.dag.settings(node).approval && !gates_.has_consent(node, consent_digest(node));
}

// What would be given to the node, for people to look at. A result that cannot be read is shown
// without its bytes: the attempt will make it again.
std::string Runner::arguments_to_show(NodeIndex node) {
  wire::JsonWriter out;
  out.begin_array();
  for (const NodeIndex argument : plan_.dag.arguments(node)) {
    const std::uint64_t size = values_.content(argument).size;
    out.begin_object();
    out.key("node_id").text(plan_.dag.node(argument).node_id);
    out.key("digest").text(to_hex(values_.digest(argument)));
    out.key("size").number(size);
    if (const auto bytes = beginning_of(values_, argument)) {
      wire::write_bytes_members(out, *bytes);
      if (bytes->size() < size) out.key("truncated").boolean(true);
    }
    out.end_object();
  }
  out.end_array();
  return out.take();
}

// The node is held: people are asked when all that is held at this moment is known.
void Runner::hold(NodeIndex node) {
  gates_.ask(node, {.digest = consent_digest(node),
                    .command = command_to_show(plan_.dag, node),
                    .arguments = arguments_to_show(node)});
}

// True when the engine has something to decide.
bool Runner::settle_gates() {
  if (!gates_.is_any_open()) return false;
  std::vector<GateAnswer> answers;
  const WallTime wall = ports_.clock.wall();
  tell_of_gates(gates_.write(wall, answers));
  if (gates_due_ <= now_) {
    gates_.look(wall, answers);
    const bool can_be_rung = ports_.slots.fd() >= 0;
    gates_due_ = now_ + (can_be_rung ? k_gates_interval : k_gates_interval_without_bell);
  }
  if (!answers.empty()) go_on_record();
  for (const GateAnswer& answer : answers) obey(answer);
  if (const auto expiry = gates_.next_expiry()) {
    gates_due_ = std::min(gates_due_, now_ + std::max(*expiry - wall, Nanoseconds{0}));
  }
  return !answers.empty();
}

// It was recorded as waiting for people: a runner that is killed from now on leaves more than that.
void Runner::go_on_record() {
  if (execution_.status != engine::ExecutionStatus::waiting) return;
  execution_.status = engine::ExecutionStatus::running;
  sys::Transaction transaction(ports_.store.database());
  journal_.update(execution_);
  transaction.commit();
}

void Runner::tell_of_gates(std::span<const NodeIndex> nodes) {
  std::vector<WaitingNode> waiting;
  for (const NodeIndex node : nodes) {
    const std::string_view node_id = plan_.dag.node(node).node_id;
    const std::string_view reason = plan_.dag.settings(node).approval->reason;
    ports_.observer.note(called(execution_, node_id) + " waits for approval" +
                         (reason.empty() ? "" : ": " + std::string(reason)) +
                         "; answer with: dsched-approve");
    waiting.push_back({.node_id = node_id,
                       .reason = reason,
                       .command = command_to_show(plan_.dag, node),
                       .expires_at = gates_.expiry_of(node),
                       .digest = consent_digest(node)});
  }
  if (!waiting.empty()) ports_.observer.waits(waiting, progress());
}

void Runner::obey(const GateAnswer& answer) {
  if (engine_.phase(answer.node) != engine::Phase::held) return;  // cancelled meanwhile
  const std::string name = called(execution_, plan_.dag.node(answer.node).node_id);
  switch (answer.state) {
    case GateState::approved:
      ports_.observer.note(name + " was approved by " + answer.by);
      return apply(engine::Approved{answer.node});
    case GateState::denied:
      return cannot_run(answer.node, FailureClass::denied, "denied by " + answer.by);
    case GateState::expired:
    case GateState::waiting:
      return cannot_run(answer.node, FailureClass::expired, "nobody approved it in time");
  }
}

}  // namespace dsched::session
