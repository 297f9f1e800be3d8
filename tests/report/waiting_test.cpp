// SPDX-License-Identifier: Apache-2.0
#include "report/waiting.h"

#include <doctest/doctest.h>

#include "program/json_program.h"

namespace dsched::report {
namespace {

using engine::ExecutionStatus;
using engine::NodeState;
using engine::Reason;
using journal::LiveState;
using journal::Outcome;
using namespace std::chrono_literals;

// a, b, … , g wait for nothing; all waits for them; pooled has a pool; gated needs approval.
constexpr const char* k_program = R"({"pools": {"db": 1}, "nodes": [
  {"node_id": "a", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "b", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "c", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "d", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "e", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "f", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "g", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "all", "operation": "concat", "arguments": ["a", "b", "c", "d", "e", "f", "g"]},
  {"node_id": "pooled", "operation": "shell", "parameters": {"command": ":"}, "pool": "db"},
  {"node_id": "gated", "operation": "shell", "parameters": {"command": ":"}, "approval": true}]})";

constexpr NodeIndex first{0}, second{1}, all{7}, pooled{8}, gated{9};

struct Play {
  dag::Dag dag;
  NodeStates states;
  std::optional<LiveState> live = LiveState{};
  ExecutionStatus status = ExecutionStatus::running;
  bool has_runner = true;

  static dag::Dag read() {
    auto read = program::read_json_program(program::source_from(k_program));
    REQUIRE(std::holds_alternative<dag::Dag>(read));
    return std::get<dag::Dag>(std::move(read));
  }
  Play() : dag(read()), states(dag, [](const Outcome&) { return Digest{}; }) {}

  void completed(NodeIndex node) {
    Outcome outcome;
    outcome.node = node;
    states.add(outcome);
  }
  void news(NodeIndex node, NodeState state, Reason reason) {
    journal::LiveNode one;
    one.node = node;
    one.state = state;
    one.reason = reason;
    one.attempt = 1;
    one.until = WallTime{90s};
    live->nodes.push_back(one);
    states.set_live(node, state, reason, 1, 1s);
  }
  std::optional<wire::WaitingLine> why(NodeIndex node) {
    const Standing standing{.has_runner = has_runner, .status = status, .counts = {.total = 10}};
    states.settle(standing);
    return why_waiting({dag, states, live, standing, {17}}, node);
  }
  std::string word(NodeIndex node) {
    const auto line = why(node);
    return line ? std::string(line->waits_for) : "";
  }
};

TEST_CASE("report: what runs or is done waits for nothing") {
  Play play;
  play.completed(first);
  play.news(second, NodeState::running, Reason::none);
  CHECK(play.word(first).empty());
  CHECK(play.word(second).empty());
}

TEST_CASE("report: dependencies that are not done are named, the first few of them") {
  Play play;
  play.completed(first);
  const auto line = play.why(all);
  REQUIRE(line);
  CHECK(line->waits_for == "dependency");
  CHECK(line->nodes == std::vector<std::string_view>{"b", "c", "d", "e", "f"});
  CHECK(line->nodes_in_all == 6);
  CHECK(line->explanation == "waits for b, c, d, e, f and 1 more");
}

TEST_CASE("report: a ready node waits for a slot, or for the pool that is full") {
  Play play;
  play.live->held = {2};
  play.live->in_use = {2};
  CHECK(play.why(first)->explanation == "waits for a slot (the execution holds 2 and uses 2)");
  CHECK(play.word(pooled) == "slot");
  play.live->pools = {{.name = "db", .in_use = {1}, .limit = {1}}};
  CHECK(play.word(pooled) == "pool");
  CHECK(play.why(pooled)->pool == "db");
  CHECK(play.why(pooled)->explanation == "pool db is full (1 of 1 in use)");
  play.live.reset();  // no news yet
  CHECK(play.word(pooled) == "slot");
}

TEST_CASE("report: back-off, approval and decision are told with what ends them") {
  Play play;
  play.news(first, NodeState::pending, Reason::backoff);
  play.news(second, NodeState::pending, Reason::needs_decision);
  play.news(gated, NodeState::pending, Reason::awaiting_approval);
  CHECK(play.word(first) == "backoff");
  CHECK(play.why(first)->until == WallTime{90s});
  CHECK(play.word(second) == "decision");
  CHECK(play.why(second)->explanation.find("--resume 17 --target b") != std::string::npos);
  CHECK(play.word(gated) == "approval");
}

TEST_CASE("report: a pause holds what is ready, not what waits for others") {
  Play play;
  play.live->is_paused = true;
  CHECK(play.word(first) == "paused");
  CHECK(play.word(all) == "dependency");
}

TEST_CASE("report: suspended nodes are explained, although they have begun") {
  Play play;
  play.news(first, NodeState::running, Reason::suspended);
  CHECK(play.word(first) == "suspended");
}

TEST_CASE("report: an execution that stops, has ended or has no runner comes before all else") {
  Play play;
  play.live->is_stopping = true;
  CHECK(play.word(all) == "stopping");
  Play gone;
  gone.status = ExecutionStatus::interrupted;
  gone.has_runner = false;
  gone.live.reset();
  CHECK(gone.word(all) == "runner");
  CHECK(gone.why(first)->explanation.find("--resume 17") != std::string::npos);
  Play over;
  over.status = ExecutionStatus::failed;
  over.has_runner = false;
  CHECK(over.word(all) == "ended");
}

TEST_CASE("report: in an execution that waits, what has all it needs waits for consent") {
  Play play;
  play.status = ExecutionStatus::waiting;
  play.has_runner = false;
  play.live.reset();
  CHECK(play.word(gated) == "approval");
  CHECK(play.word(all) == "dependency");
}

}  // namespace
}  // namespace dsched::report
