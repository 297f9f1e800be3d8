// SPDX-License-Identifier: Apache-2.0
#include "report/recorded.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "journal/expansions.h"
#include "journal/live.h"
#include "store/run_locks.h"

namespace dsched::report {
namespace {

using engine::NodeState;
using journal::Outcome;

std::string called(const journal::ExecutionRecord& record) {
  return "execution " + std::to_string(record.number.value);
}

wire::NodeLine line_of(const dag::Dag& dag, NodeIndex node, const NodeFigures& figures,
                       const journal::ExecutionRecord& record, WallTime now) {
  wire::NodeLine line;
  line.node_id = dag.node(node).node_id;
  line.status = figures.state;
  line.reason = figures.reason;
  line.operation = dag.operation_name(node);
  line.attempts = figures.attempts;
  line.reused = figures.reused;
  line.exit_code = figures.exit_code;
  const bool runs = figures.state == NodeState::running;
  if (figures.has_ended || runs) line.started_at = record.submitted_at + figures.at;
  if (figures.has_ended && !runs) line.finished_at = *line.started_at + figures.took;
  line.wall = runs ? std::max(now - *line.started_at, Nanoseconds{0}) : figures.took;
  line.user = figures.user;
  line.system = figures.system;
  line.peak_memory_kib = figures.peak_memory_kib;
  line.key = figures.key;
  if (figures.has_content && figures.state == NodeState::completed) line.digest = figures.digest;
  return line;
}

bool has_reused(Book book, const journal::ExecutionRecord& record, NodeIndex node) {
  if (!record.reused) return false;
  const auto reused = book.journal.reused(*record.reused);
  return std::any_of(reused.begin(), reused.end(),
                     [node](const journal::ReusedNode& one) { return one.node == node; });
}

bool is_asked_for(const NodeFilter& filter, NodeState state) {
  return std::find(filter.states.begin(), filter.states.end(), state) != filter.states.end();
}

std::uint64_t count_of(const engine::Counts& counts, NodeState state) {
  switch (state) {
    case NodeState::pending:
      return counts.pending();
    case NodeState::running:
      return counts.running;
    case NodeState::completed:
      return counts.completed;
    case NodeState::failed:
      return counts.failed;
    case NodeState::cancelled:
      return counts.cancelled;
  }
  return 0;
}

// The last record of an execution that its runner ended says how many nodes there are of each kind:
// where there are none that are asked for, a million outcomes need not be read.
bool has_none(const Sighting& sighting, const NodeFilter& filter) {
  if (filter.states.empty() || is_under_way(sighting.record.status)) return false;
  return std::all_of(filter.states.begin(), filter.states.end(),
                     [&](NodeState state) { return count_of(sighting.record.counts, state) == 0; });
}

}  // namespace

Sighting sight(Book book, const journal::ExecutionRecord& record) {
  if (!may_have_runner(record.status)) return {record, RunnerState::gone};
  if (store::runner_of(book.store, to_text(record.id))) return {record, RunnerState::lives};
  // Its last record is written before its lock is free.
  auto last = book.journal.find(record.number);
  return {last ? std::move(*last) : record, RunnerState::gone};
}

journal::ExecutionRecord find_execution(Book book, const std::string& name) {
  auto record = book.journal.find(name);
  if (record) return std::move(*record);
  throw Error(ErrorKind::not_found, "execution " + escape_for_terminal(name) +
                                        ": there is none in store " + book.store.identity().folder);
}

RecordedProgram program_of(Book book, const journal::ExecutionRecord& record) {
  auto program = read_program(book.store, record);
  if (program) {
    journal::repeat_expansions(book.journal, record.number, program->dag);
    program->wanted = wanted_nodes(program->dag, record.settings);
    return std::move(*program);
  }
  throw Error(ErrorKind::damaged, called(record) + ": its program is no longer in the store");
}

NodeStates states_of(Book book, const Sighting& sighting, const RecordedProgram& program,
                     const NodeStates::DigestOf& digest_of) {
  const journal::ExecutionRecord& record = sighting.record;
  NodeStates states(program.dag, digest_of);
  book.journal.each_outcome(record.number, [&](Outcome&& outcome) { states.add(outcome); });
  if (record.reused) {
    for (const journal::ReusedNode& reused : book.journal.reused(*record.reused)) {
      states.add_reused(reused.node, reused.key);
    }
  }
  if (sighting.runner == RunnerState::lives) {
    if (const auto live = journal::live(book.store.database(), record.number)) {
      for (const journal::LiveNode& node : live->nodes) {
        states.set_live(node.node, node.state, node.reason, node.attempt,
                        node.since - record.submitted_at);
      }
    }
  }
  states.settle(sighting.standing());
  return states;
}

void each_node(Book book, const journal::ExecutionRecord& record, const NodeFilter& filter,
               const NodeStates::DigestOf& digest_of,
               const std::function<void(const wire::NodeLine&)>& visit) {
  const Sighting sighting = sight(book, record);
  if (has_none(sighting, filter)) return;
  const RecordedProgram program = program_of(book, record);
  const bool with_digests = filter.states.empty() || is_asked_for(filter, NodeState::completed);
  const auto nothing = [](const Outcome&) { return Digest{}; };
  const NodeStates states = states_of(book, sighting, program, with_digests ? digest_of : nothing);
  const WallTime now = book.store.world().clock.wall();
  for (std::uint32_t i = 0; i < program.dag.size(); ++i) {
    const NodeIndex node{i};
    if (!program.dag.maps().is_node(node)) continue;
    if (!program.wanted[i] && !states.is_touched(node)) continue;
    const NodeFigures& figures = states[node];
    if (!filter.states.empty() && !is_asked_for(filter, figures.state)) continue;
    wire::NodeLine line = line_of(program.dag, node, figures, record, now);
    if (figures.reused && line.key) {
      if (const auto result = book.store.results().find(*line.key)) line.digest = result->digest;
    }
    visit(line);
  }
}

void each_waiting(Book book, const journal::ExecutionRecord& record,
                  const std::optional<std::string>& node_id,
                  const std::function<void(const wire::WaitingLine&)>& visit) {
  const RecordedProgram program = program_of(book, record);
  const Sighting sighting = sight(book, record);
  const auto nothing = [](const Outcome&) { return Digest{}; };
  const NodeStates states = states_of(book, sighting, program, nothing);
  const WaitingScene scene{.dag = program.dag,
                           .states = states,
                           .live = sighting.runner == RunnerState::lives
                                       ? journal::live(book.store.database(), record.number)
                                       : std::nullopt,
                           .standing = sighting.standing(),
                           .execution = record.number};
  const auto tell = [&](NodeIndex node) {
    if (const auto line = why_waiting(scene, node)) visit(*line);
  };
  if (node_id) {
    const auto node = program.dag.find(*node_id);
    if (!node) {
      throw Error(ErrorKind::not_found, called(record) + ": node " + escape_for_terminal(*node_id) +
                                            ": there is no such node");
    }
    return tell(*node);
  }
  for (std::uint32_t i = 0; i < program.dag.size(); ++i) {
    if (program.wanted[i]) tell({i});
  }
}

std::string log_of(Book book, const journal::ExecutionRecord& record, const std::string& node_id,
                   std::optional<std::uint32_t> attempt) {
  const std::string what = called(record) + ": node " + escape_for_terminal(node_id);
  const RecordedProgram program = program_of(book, record);
  const auto node = program.dag.find(node_id);
  if (!node) throw Error(ErrorKind::not_found, what + ": there is no such node");
  std::optional<Outcome> found;
  book.journal.each_outcome(record.number, [&](Outcome&& outcome) {
    const bool has_ended =
        outcome.kind == Outcome::Kind::completed || outcome.kind == Outcome::Kind::failed;
    if (outcome.node != *node || !has_ended) return;
    if (!attempt || outcome.attempt == *attempt) found = std::move(outcome);
  });
  if (!found && !attempt && has_reused(book, record, *node)) {
    throw Error(ErrorKind::not_found,
                what + ": was reused, so nothing of it ran in this execution");
  }
  if (!found) {
    throw Error(ErrorKind::not_found,
                what + (attempt ? ": attempt " + std::to_string(*attempt) + " has not ended here"
                                : ": no attempt has ended in this execution"),
                "the log of an attempt is kept when it ends");
  }
  if (!found->log || found->log->size == 0) return {};
  auto log = store::read_blob(book.store.blobs(), found->log->hash);
  if (!log) throw Error(ErrorKind::not_found, what + ": its log is no longer in the store");
  return std::move(*log);
}

}  // namespace dsched::report
