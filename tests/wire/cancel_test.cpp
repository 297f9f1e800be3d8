// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <functional>

#include "base/error.h"
#include "wire/cancel_answer.h"
#include "wire/cancel_request.h"

namespace dsched::tests {

using namespace wire;
using Layout = JsonWriter::Layout;
using Names = std::vector<std::string>;

namespace {

struct Refused {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
};

Refused refused_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

CancelItem item(CancelResult result, std::uint64_t execution) {
  CancelItem out;
  out.name = std::to_string(execution);
  out.execution = execution;
  if (result != CancelResult::not_found) out.execution_id = "id-" + out.name;
  out.result = result;
  return out;
}

}  // namespace

TEST_CASE("wire: a node is named by its execution and all that follows the first slash") {
  CHECK(node_name_from("17/a") == NodeName{"17", "a"});
  CHECK(node_name_from("@latest/a/b") == NodeName{"@latest", "a/b"});
  for (const char* text : {"", "17", "/a", "17/"}) {
    CAPTURE(text);
    CHECK(node_name_from(text) == std::nullopt);
  }
}

TEST_CASE("wire: a cancel request may be written as names, numbers or lists of them") {
  const CancelWords words = read_cancel_request(
      R"({"executions": [17, "@latest"], "nodes": "3/a", "all": false, "pause": true})");
  CHECK(words.executions == Names{"17", "@latest"});
  CHECK(words.nodes == Names{"3/a"});
  CHECK(words.all == false);
  CHECK(words.pause == true);
  CHECK(!words.go_on);
  CHECK(read_cancel_request(R"({"executions": 17})").executions == Names{"17"});
  CHECK(read_cancel_request(R"({"executions": "17", "continue": true})").go_on == true);
}

TEST_CASE("wire: the faults of a cancel request are named") {
  const std::pair<const char*, const char*> cases[] = {
      {"17", "the request must be a JSON object"},
      {R"({"execution": 17})", "field execution: unknown; did you mean executions?"},
      {R"({"executions": [1.5]})", "field executions: must be an array of strings"},
      {R"({"executions": {}})", "field executions: must be an array of strings"},
      {R"({"nodes": [3]})", "field nodes: must be an array of strings"},
      {R"({"all": "yes"})", "field all: must be true or false"},
      {R"({"all": true, "all": false})", "field all: is there twice"},
  };
  for (const auto& [json, message] : cases) {
    CAPTURE(json);
    const Refused refused = refused_by([&] { (void)read_cancel_request(json); });
    CHECK(refused.kind == ErrorKind::invalid_request);
    CHECK(refused.message == message);
  }
}

TEST_CASE("wire: a cancel request names something, and only what goes together") {
  const auto refused = [](CancelWords words) {
    const Refused found = refused_by([&] { (void)cancel_request(words); });
    CHECK(found.kind == ErrorKind::usage);
    return found.message;
  };
  CHECK(refused({}) == "what to cancel is missing: executions or --all");
  CHECK(refused({.executions = {}, .nodes = {}, .all = {}, .pause = true, .go_on = {}}) ==
        "what to pause is missing: executions or --all");
  CHECK(refused({.executions = {"1"}, .nodes = {}, .all = true, .pause = {}, .go_on = {}}) ==
        "--all already names every execution");
  CHECK(refused({.executions = {"1"}, .nodes = {}, .all = {}, .pause = true, .go_on = true}) ==
        "--pause and --continue exclude each other");
  CHECK(refused({.executions = {}, .nodes = {"1/a"}, .all = {}, .pause = true, .go_on = {}})
            .starts_with("a single node can be cancelled, but not held"));
  CHECK(refused({.executions = {}, .nodes = {"1"}, .all = {}, .pause = {}, .go_on = {}}) ==
        "--node 1: not EXECUTION/NODE_ID");
  const CancelRequest request = cancel_request(
      {.executions = {"1", "2"}, .nodes = {"3/a"}, .all = false, .pause = false, .go_on = {}});
  CHECK(request.action == CancelAction::cancel);
  CHECK(request.executions == Names{"1", "2"});
  CHECK(request.nodes == std::vector<NodeName>{{"3", "a"}});
}

TEST_CASE("wire: what the command line says overrides a cancel request") {
  const CancelWords base = read_cancel_request(R"({"executions": [1, 2], "pause": true})");
  CancelWords over;
  over.executions = {"3"};
  const CancelWords both = merged(base, over);
  CHECK(both.executions == Names{"3"});
  CHECK(both.pause == true);
}

TEST_CASE("wire: what was cancelled is listed by id, what was not found as it was named") {
  CancelAnswer answer;
  answer.items = {item(CancelResult::done, 1), item(CancelResult::already_finished, 2),
                  item(CancelResult::not_found, 3)};
  answer.items[2].detail = "execution 3: there is none in store s";
  CHECK(cancel_document(answer, Layout::compact) ==
        R"({"success":false,"cancelled":["id-1"],"not_found":["3"],"already_finished":["id-2"],)"
        R"("error":{"kind":"not_found","message":"execution 3: there is none in store s",)"
        R"("details":[{"message":"execution 3: there is none in store s"}]}})"
        "\n");
  answer.items.pop_back();
  answer.all = true;
  CHECK(cancel_document(answer, Layout::compact) ==
        R"({"success":true,"cancelled":["id-1"],"not_found":[],"already_finished":["id-2"],)"
        R"("count":1})"
        "\n");
}

TEST_CASE("wire: an unknown name decides the error before what could not be ended") {
  CancelAnswer answer;
  answer.items = {item(CancelResult::still_running, 1), item(CancelResult::not_found, 2)};
  answer.items[0].detail = "its processes do not end";
  answer.items[1].detail = "execution 2: there is none in store s";
  const auto errors = errors_of(answer);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].kind == ErrorKind::not_found);
  CHECK(errors[1].kind == ErrorKind::environment);
  CHECK(errors[1].message == "execution 1: its processes do not end");
}

TEST_CASE("wire: holding and releasing say what was so already") {
  CancelAnswer answer;
  answer.action = CancelAction::pause;
  answer.items = {item(CancelResult::done, 1), item(CancelResult::unchanged, 2)};
  CHECK(cancel_document(answer, Layout::compact) ==
        R"({"success":true,"paused":["id-1"],"already_paused":["id-2"],"not_found":[],)"
        R"("already_finished":[]})"
        "\n");
  CHECK(cancel_lines(answer) == "execution 1 paused\nexecution 2 is already paused\n");
  answer.action = CancelAction::go_on;
  answer.items[0].counts_on_resume = true;
  CHECK(cancel_document(answer, Layout::compact) ==
        R"({"success":true,"continued":["id-1"],"not_paused":["id-2"],"not_found":[],)"
        R"("already_finished":[]})"
        "\n");
  CHECK(cancel_lines(answer) ==
        "execution 1 continued; it counts when it is resumed\nexecution 2 is not paused\n");
}

TEST_CASE("wire: people read one line for each, with nothing that moves their cursor") {
  CancelAnswer answer;
  answer.items = {item(CancelResult::done, 1), item(CancelResult::already_finished, 2)};
  answer.items[0].node_id = "a\x1b[2J";
  answer.items[1].detail = "completed";
  CHECK(cancel_lines(answer) ==
        "execution 1: node a\\x1b[2J cancelled\n"
        "execution 2 has already finished (completed)\n");
  answer.items.clear();
  answer.all = true;
  CHECK(cancel_lines(answer) == "nothing is queued or running\n");
}

}  // namespace dsched::tests
