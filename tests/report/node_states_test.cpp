// SPDX-License-Identifier: Apache-2.0
#include "report/node_states.h"

#include <doctest/doctest.h>

#include "program/json_program.h"
#include "report/recorded_program.h"

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::Outcome;
using namespace std::chrono_literals;

dag::Dag dag_from(const std::string& text) {
  auto read = program::read_json_program(program::source_from(text));
  REQUIRE(std::holds_alternative<dag::Dag>(read));
  return std::get<dag::Dag>(std::move(read));
}

// a -> b -> c, and d alone; e is not idempotent.
dag::Dag a_dag() {
  return dag_from(R"({"nodes": [
    {"node_id": "a", "operation": "shell", "parameters": {"command": ":"}},
    {"node_id": "b", "operation": "shell", "parameters": {"command": ":"}, "arguments": ["a"]},
    {"node_id": "c", "operation": "shell", "parameters": {"command": ":"}, "arguments": ["b"],
     "outputs": ["c.txt"]},
    {"node_id": "d", "operation": "const", "parameters": {"value": 1}},
    {"node_id": "e", "operation": "shell", "parameters": {"command": ":"}, "idempotent": false}]})");
}

constexpr NodeIndex a{0}, b{1}, c{2}, d{3}, e{4};

struct Scene {
  dag::Dag dag = a_dag();
  NodeStates states{dag, [](const Outcome&) { return sha256("digest"); }};

  void outcome(NodeIndex node, Outcome::Kind kind, std::uint32_t attempt = 1, Nanoseconds at = 1s) {
    Outcome out;
    out.kind = kind;
    out.node = node;
    out.attempt = attempt;
    out.at = at;
    out.took = 500ms;
    if (kind == Outcome::Kind::failed) out.failure = FailureClass::exit, out.exit_code = 3;
    states.add(out);
  }
  void settle(ExecutionStatus status, std::uint64_t failed = 0, std::uint64_t cancelled = 0) {
    engine::Counts counts{.total = 5, .completed = 0, .failed = failed, .cancelled = cancelled};
    states.settle(
        {.has_runner = status == ExecutionStatus::running, .status = status, .counts = counts});
  }
  NodeState state(NodeIndex node) const { return states[node].state; }
  Reason reason(NodeIndex node) const { return states[node].reason; }
};

TEST_CASE("report: a node is what its last outcome says") {
  Scene scene;
  scene.outcome(a, Outcome::Kind::failed);
  scene.outcome(a, Outcome::Kind::completed, 2, 3s);
  scene.outcome(d, Outcome::Kind::completed);
  scene.settle(ExecutionStatus::completed);
  CHECK(scene.state(a) == NodeState::completed);
  CHECK(scene.states[a].attempts == 2);
  CHECK(scene.states[a].exit_code == 0);
  CHECK(scene.states[a].failure == FailureClass::none);
  CHECK(scene.states[a].at == 3s);
  CHECK(scene.states[a].digest == sha256("digest"));
  CHECK_FALSE(scene.states[d].exit_code);  // no command ran
  CHECK(scene.state(b) == NodeState::pending);
  CHECK_FALSE(scene.states.is_touched(b));
}

TEST_CASE("report: what needs a failed node is cancelled, however far away") {
  Scene scene;
  scene.outcome(a, Outcome::Kind::failed);
  scene.settle(ExecutionStatus::failed, 1, 2);
  CHECK(scene.state(a) == NodeState::failed);
  CHECK(scene.states[a].exit_code == 3);
  for (const NodeIndex node : {b, c}) {
    CHECK(scene.state(node) == NodeState::cancelled);
    CHECK(scene.reason(node) == Reason::dependency_failed);
    CHECK(scene.states[node].because == a);
  }
  CHECK(scene.state(e) == NodeState::pending);
}

TEST_CASE("report: reused nodes are completed, unless they were made again") {
  Scene scene;
  scene.outcome(b, Outcome::Kind::completed);
  scene.states.add_reused(a, sha256("a"));
  scene.states.add_reused(b, sha256("b"));
  scene.settle(ExecutionStatus::completed);
  CHECK(scene.state(a) == NodeState::completed);
  CHECK(scene.reason(a) == Reason::reused);
  CHECK(scene.states[a].reused);
  CHECK(scene.states[a].key == sha256("a"));
  CHECK_FALSE(scene.states[b].reused);
}

TEST_CASE("report: what was begun runs while there is a runner, and is lost without one") {
  for (const auto status : {ExecutionStatus::running, ExecutionStatus::interrupted}) {
    Scene scene;
    scene.outcome(a, Outcome::Kind::started);
    scene.outcome(e, Outcome::Kind::started);
    scene.outcome(d, Outcome::Kind::started);
    scene.outcome(d, Outcome::Kind::withdrawn);
    scene.settle(status);
    const bool runs = status == ExecutionStatus::running;
    CHECK(scene.state(a) == (runs ? NodeState::running : NodeState::pending));
    CHECK(scene.reason(a) == (runs ? Reason::none : Reason::lost));
    CHECK(scene.reason(e) == (runs ? Reason::none : Reason::needs_decision));
    CHECK(scene.state(d) == NodeState::pending);
  }
}

TEST_CASE("report: attempts that were told to end are cancelled nodes, not failed ones") {
  Scene scene;
  scene.outcome(e, Outcome::Kind::failed, 1, 9s);
  scene.outcome(a, Outcome::Kind::failed, 1, 1s);
  scene.settle(ExecutionStatus::interrupted, 1, 1);
  CHECK(scene.state(a) == NodeState::failed);  // it was the one that ended first
  CHECK(scene.state(e) == NodeState::cancelled);
  CHECK(scene.reason(b) == Reason::dependency_failed);
}

TEST_CASE("report: nothing of a cancelled execution is still to come") {
  Scene scene;
  scene.outcome(a, Outcome::Kind::completed);
  scene.settle(ExecutionStatus::cancelled, 0, 5);
  CHECK(scene.state(a) == NodeState::completed);
  CHECK(scene.state(b) == NodeState::cancelled);
  CHECK(scene.reason(b) == Reason::none);
}

TEST_CASE("report: news of the runner tell what the journal cannot, and never undo an end") {
  Scene scene;
  scene.outcome(a, Outcome::Kind::completed);
  scene.outcome(e, Outcome::Kind::failed);
  scene.states.set_live(a, NodeState::running, Reason::none, 1, 2s);  // older than the outcome
  scene.states.set_live(b, NodeState::running, Reason::suspended, 1, 2s);
  scene.states.set_live(e, NodeState::pending, Reason::backoff, 1, 2s);
  scene.states.set_live(d, NodeState::pending, Reason::ready, 0, 2s);
  scene.settle(ExecutionStatus::running);
  CHECK(scene.state(a) == NodeState::completed);
  CHECK(scene.state(b) == NodeState::running);
  CHECK(scene.reason(b) == Reason::suspended);
  CHECK(scene.states[b].at == 2s);
  CHECK(scene.state(e) == NodeState::pending);
  CHECK(scene.reason(e) == Reason::backoff);
  CHECK(scene.reason(d) == Reason::ready);
}

TEST_CASE("report: outcomes of nodes that the program does not have are passed over") {
  Scene scene;
  scene.outcome({17}, Outcome::Kind::completed);
  scene.states.add_reused({17}, sha256("x"));
  scene.states.set_live({17}, NodeState::running, Reason::none, 1, 1s);
  scene.settle(ExecutionStatus::completed);
  CHECK(scene.state(a) == NodeState::pending);
}

TEST_CASE("report: targets by node or output say which nodes are wanted, else the goals") {
  const dag::Dag dag = a_dag();
  using Wanted = std::vector<bool>;
  CHECK(wanted_nodes(dag, R"({"targets": ["b"]})") == Wanted{true, true, false, false, false});
  CHECK(wanted_nodes(dag, R"({"targets": ["./c.txt"]})") == Wanted{true, true, true, false, false});
  const Wanted all(5, true);
  CHECK(wanted_nodes(dag, R"({"targets": []})") == all);
  CHECK(wanted_nodes(dag, "no JSON") == all);
}

}  // namespace
}  // namespace dsched::report
