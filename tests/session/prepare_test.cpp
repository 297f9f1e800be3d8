// SPDX-License-Identifier: Apache-2.0
#include "session/prepare.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "support/temp_folder.h"

namespace dsched::session {
namespace {

constexpr const char* k_program = R"({"nodes": [
  {"node_id": "a", "operation": "const", "parameters": {"value": 1}},
  {"node_id": "b", "operation": "shell", "arguments": ["a"], "outputs": ["out/b.txt"],
   "parameters": {"command": "make \"$1\""}},
  {"node_id": "c", "operation": "shell", "parameters": {"command": "true"}}]})";

Prepared prepared(const std::string& text, const RunRequest& request = {}) {
  auto result = prepare(program::source_from(text), request);
  REQUIRE(std::holds_alternative<Prepared>(result));
  return std::move(std::get<Prepared>(result));
}

std::vector<std::string> ids(const Prepared& plan, const std::vector<NodeIndex>& nodes) {
  std::vector<std::string> out;
  for (const NodeIndex node : nodes) out.emplace_back(plan.dag.node(node).node_id);
  return out;
}
using Ids = std::vector<std::string>;

TEST_CASE("session: without targets the program's goals are wanted, with all they need") {
  const Prepared plan = prepared(k_program);
  CHECK(ids(plan, plan.goals) == Ids{"b", "c"});
  CHECK(ids(plan, plan.wanted) == Ids{"a", "b", "c"});
}

TEST_CASE(
    "session: a target within a map wants what the map needs, and the map for its sake alone") {
  constexpr const char* k_maps = R"({"nodes": [
  {"node_id": "list", "operation": "const", "parameters": {"value": [1]}},
  {"node_id": "m", "operation": "map", "arguments": ["list"], "parameters": {"node":
   {"operation": "concat"}}},
  {"node_id": "user", "operation": "concat", "arguments": ["m"]}]})";
  RunRequest request;
  request.run.targets = {"m.7"};
  const Prepared inner = prepared(k_maps, request);
  CHECK(ids(inner, inner.wanted) == Ids{"list", "m"});
  CHECK(inner.goals.empty());
  CHECK(inner.partly_wanted.size() == 1);
  request.run.targets = {"m.7", "user"};
  const Prepared both = prepared(k_maps, request);
  CHECK(both.partly_wanted.empty());
  CHECK(both.inner_targets.size() == 1);
  request.run.targets = {"user.7"};
  CHECK_THROWS_AS((void)prepared(k_maps, request), Error);
}

TEST_CASE("session: a target is a node or an output, in the order given") {
  RunRequest request;
  request.run.targets = {"c", "./out//b.txt"};
  const Prepared plan = prepared(k_program, request);
  CHECK(ids(plan, plan.goals) == Ids{"c", "b"});
  request.run.targets = {"a"};
  const Prepared only = prepared(k_program, request);
  CHECK(ids(only, only.wanted) == Ids{"a"});
}

TEST_CASE("session: the node of --result is wanted too, goal or not") {
  RunRequest request;
  request.run.targets = {"a"};
  request.answer.result_node = "c";
  const Prepared plan = prepared(k_program, request);
  CHECK(ids(plan, plan.goals) == Ids{"a"});
  CHECK(ids(plan, plan.wanted) == Ids{"a", "c"});
  CHECK(plan.result_node == plan.dag.find("c"));
}

TEST_CASE("session: a target that the program does not have is an error with the nearest name") {
  RunRequest request;
  request.run.targets = {"outt/b\x1B.txt"};
  try {
    (void)prepare(program::source_from(k_program), request);
    FAIL("there is no such target");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()).find('\x1B') == std::string::npos);
    CHECK(std::string(error.what()).ends_with("the program has no such node or output"));
  }
}

TEST_CASE("session: a program with faults gives its diagnostics") {
  const auto result = prepare(program::source_from("{\"nodes\": [{}]}"), {});
  REQUIRE(std::holds_alternative<InvalidProgram>(result));
  CHECK_FALSE(std::get<InvalidProgram>(result).diagnostics.empty());
}

TEST_CASE("session: an unknown operation is a fault of the program, with the nearest name") {
  const auto result =
      prepare(program::source_from(R"({"nodes": [{"node_id": "a", "operation": "shel"},
                                         {"node_id": "b", "operation": "no-such-thing-zzz"}]})"),
              {});
  REQUIRE(std::holds_alternative<InvalidProgram>(result));
  const auto& diagnostics = std::get<InvalidProgram>(result).diagnostics;
  REQUIRE(diagnostics.size() == 2);
  CHECK(diagnostics[0].code == "unknown_operation");
  CHECK(diagnostics[0].pointer == "/nodes/0/operation");
  CHECK(diagnostics[0].hint == "did you mean shell?");
  CHECK(diagnostics[1].pointer == "/nodes/1/operation");
}

TEST_CASE("session: an operation is found in the operations folder before PATH") {
  const testing::TempFolder folder;
  for (const char* name : {"first/dsched-op-mine", "second/dsched-op-mine"}) {
    folder.write(name, "#!/bin/sh\n");
    REQUIRE(::chmod((folder / name).c_str(), 0755) == 0);
  }
  const std::string text = R"({"nodes": [{"node_id": "a", "operation": "mine"}]})";
  RunRequest request;
  request.environment = {"PATH=" + (folder / "second")};
  CHECK(prepared(text, request).operations.at("mine") == folder / "second/dsched-op-mine");
  request.run.operations_folder = folder / "first";
  CHECK(prepared(text, request).operations.at("mine") == folder / "first/dsched-op-mine");
}

TEST_CASE("session: an empty program has nothing to do") {
  const Prepared plan = prepared(R"({"nodes": []})");
  CHECK(plan.goals.empty());
  CHECK(plan.wanted.empty());
}

TEST_CASE("session: a resume knows again what the command line said") {
  RunRequest before;
  before.run.targets = {"a", "\xC3\xA9"};
  before.run.operations_folder = "/ops";
  before.run.retries = 3;
  before.program_options.set = {{"x", "1"}, {"y", "2"}};
  before.pass_through = true;
  RunRequest after;
  apply_settings(settings_text(before), after);
  CHECK(after.run.targets == before.run.targets);
  CHECK(after.run.operations_folder == "/ops");
  CHECK(after.run.retries == 3);
  CHECK(after.program_options.set == before.program_options.set);
  CHECK(after.pass_through);
}

TEST_CASE("session: what the resume's own command line says goes before what was recorded") {
  RunRequest before;
  before.run.targets = {"a"};
  before.run.retries = 3;
  before.program_options.set = {{"x", "1"}};
  RunRequest after;
  after.run.targets = {"b"};
  after.run.retries = 1;
  after.program_options.set = {{"x", "9"}};
  apply_settings(settings_text(before), after);
  CHECK(after.run.targets == std::vector<std::string>{"b"});
  CHECK(after.run.retries == 1);
  CHECK(after.program_options.set.back() == std::pair<std::string, std::string>{"x", "9"});
}

TEST_CASE("session: settings that cannot be read change nothing") {
  for (const char* text : {"", "[]", "nonsense", "{}"}) {
    RunRequest request;
    request.run.targets = {"a"};
    apply_settings(text, request);
    CHECK(request.run.targets == std::vector<std::string>{"a"});
  }
}

}  // namespace
}  // namespace dsched::session
