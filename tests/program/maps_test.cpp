// SPDX-License-Identifier: Apache-2.0
// Map nodes: how templates are read, what is wrong with them, and what they are expanded to.
#include <doctest/doctest.h>

#include "program_support.h"

namespace dsched::program {
namespace {

constexpr std::string_view k_before =
    R"({"nodes": [{"node_id": "list", "operation": "const", "parameters": {"value": [1]}},
 {"node_id": "other", "operation": "shell", "parameters": {"command": ":"}},
 )";

std::string with_map(const std::string& fields) {
  return std::string(k_before) + R"({"node_id": "m", "operation": "map", )" + fields + "}]}";
}

std::string with_template(const std::string& fields) {
  return with_map(R"("arguments": ["list"], "parameters": {"node": {)" + fields + "}}");
}

std::vector<std::string> ids_of(const dag::Dag& dag, std::span<const NodeIndex> nodes) {
  std::vector<std::string> ids;
  for (const NodeIndex node : nodes) ids.emplace_back(dag.node(node).node_id);
  return ids;
}
using Ids = std::vector<std::string>;

TEST_CASE("program: a map waits for its list and for what its template names") {
  const dag::Dag dag = read_dag(with_template(
      R"("operation": "shell", "parameters": {"command": ":"}, "arguments": ["other"])"));
  const NodeIndex map = *dag.find("m");
  CHECK(ids_of(dag, dag.predecessors(map)) == Ids{"list", "other"});
  CHECK(ids_of(dag, dag.goals()) == Ids{"m"});
}

TEST_CASE("program: an input of a template that another node writes makes the map wait") {
  const dag::Dag dag = read_dag(
      std::string(k_before) +
      R"({"node_id": "w", "operation": "shell", "parameters": {"command": ":"}, "outputs": ["x"]},
{"node_id": "m", "operation": "map", "arguments": ["list"], "parameters": {"node":
  {"operation": "shell", "parameters": {"command": "cat x"}, "inputs": ["x"]}}}]})");
  CHECK(ids_of(dag, dag.predecessors(*dag.find("m"))) == Ids{"list", "w"});
}

TEST_CASE("dag: an expansion has the element and the template's arguments, and names by number") {
  dag::Dag dag = read_dag(with_template(
      R"("operation": "shell", "parameters": {"command": ":"}, "arguments": ["other", "list"])"));
  const std::size_t before = dag.size();
  const dag::Expansion expansion = dag.expand(*dag.find("m"), 12);
  CHECK(dag.size() == before + 24);
  CHECK(dag.program_size() == before);
  const auto node = dag.find("m.11");
  REQUIRE(node);
  CHECK(*node == expansion.result(11));
  CHECK(dag.arguments(*node)[0] == expansion.value(11));
  CHECK(ids_of(dag, dag.arguments(*node)) == Ids{"list", "other", "list"});
  CHECK(ids_of(dag, dag.dependents(*node)) == Ids{"m"});
  CHECK(dag.operation_name(*node) == "shell");
  for (const char* none : {"m.12", "m.01", "m.", "m.1.1", "m.x", "m.-1", "m.99999999999", ".1"}) {
    CHECK_FALSE(dag.find(none));
  }
}

TEST_CASE("dag: a template without arguments has the further ones of its map") {
  dag::Dag dag = read_dag(with_map(
      R"("arguments": ["list", "other"],
"parameters": {"node": {"operation": "shell", "parameters": {"command": ":"}}})"));
  dag.expand(*dag.find("m"), 1);
  CHECK(ids_of(dag, dag.arguments(*dag.find("m.0"))) == Ids{"list", "other"});
}

TEST_CASE("dag: maps nest, and each level has its element first") {
  dag::Dag dag = read_dag(with_template(
      R"("operation": "map", "arguments": ["other"], "parameters": {"node":
{"operation": "exec", "parameters": {"argv": ["x"]}, "arguments": ["list"]}})"));
  dag.expand(*dag.find("m"), 2);
  CHECK(ids_of(dag, dag.arguments(*dag.find("m.1"))) == Ids{"list", "other", "list"});
  const dag::Expansion inner = dag.expand(*dag.find("m.1"), 3);
  REQUIRE(dag.find("m.1.2"));
  CHECK(dag.arguments(*dag.find("m.1.2"))[0] == inner.value(2));
  CHECK(ids_of(dag, dag.arguments(*dag.find("m.1.2"))) == Ids{"list", "list"});
  CHECK_FALSE(dag.find("m.0.2"));
  CHECK(ids_of(dag, dag::needs_now(dag, *dag.find("m.1"))) == Ids{"m.1.0", "m.1.1", "m.1.2"});
}

TEST_CASE("dag: after another expansion ids name its nodes, and the earlier ones are none") {
  dag::Dag dag = read_dag(
      with_template(R"("operation": "map", "parameters": {"node": {"operation": "concat"}})"));
  dag.expand(*dag.find("m"), 2);
  dag.expand(*dag.find("m.0"), 2);
  const NodeIndex before = *dag.find("m.0.1");
  const NodeIndex old_map = *dag.find("m.0");
  dag.expand(*dag.find("m"), 1);
  CHECK_FALSE(dag.find("m.0.1"));
  CHECK_FALSE(dag.find("m.1"));
  CHECK(*dag.find("m.0") != old_map);
  CHECK_FALSE(dag.maps().is_node(before));
  CHECK_FALSE(dag.maps().is_node(old_map));
}

TEST_CASE("dag: a node within an expansion needs what its maps need, and not their other nodes") {
  dag::Dag dag = read_dag(with_template(
      R"("operation": "map", "parameters": {"node": {"operation": "concat",
"arguments": ["other"]}})"));
  dag.expand(*dag.find("m"), 2);
  dag.expand(*dag.find("m.1"), 2);
  const NodeIndex target[] = {*dag.find("m.1.0")};
  CHECK(ids_of(dag, dag::needed_for(dag, target)) == Ids{"list", "other", "m.1.0"});
  const NodeIndex all[] = {*dag.find("m")};
  CHECK(dag::needed_for(dag, all).size() == 7);
}

TEST_CASE("dag: the longest remaining path of an element is its own and that of its map") {
  using std::chrono::seconds;
  dag::Dag dag =
      read_dag(std::string(k_before) +
               R"({"node_id": "m", "operation": "map", "arguments": ["list"], "parameters": {"node":
  {"operation": "shell", "parameters": {"command": ":"}}}},
{"node_id": "end", "operation": "shell", "parameters": {"command": ":"}, "arguments": ["m"]}]})");
  std::vector<Nanoseconds> durations(dag.size(), seconds{1});
  std::vector<Nanoseconds> remaining = dag::remaining_paths(dag, durations);
  const dag::Expansion expansion = dag.expand(*dag.find("m"), 2);
  const std::vector<Nanoseconds> own(4, seconds{5});
  dag::append_remaining_paths(dag, expansion, own, remaining);
  CHECK(remaining[dag.find("m.1")->value] == seconds{7});
}

struct WrongTemplate {
  const char* fields;  // of the template
  const char* code;
  const char* message;
  const char* pointer;
  const char* at;  // the text there
};

constexpr WrongTemplate k_wrong_templates[] = {
    {R"("operation": "concat", "node_id": "x")", "unknown_field",
     "the node of a map has no node_id: its nodes are named by the map and a number: m.0, m.1, ...",
     "/nodes/2/parameters/node/node_id", "\"x\""},
    {R"("operation": "shell", "parameters": {"command": ":"}, "outputs": ["x"])", "unknown_field",
     "the node of a map has no outputs: all its nodes would write the same file; use their results",
     "/nodes/2/parameters/node/outputs", "[\"x\"]"},
    {R"("operation": "shell", "parameters": {"command": ":"}, "stream": true)", "unknown_field",
     "the node of a map has no stream: what reads an element is the map, which waits for it",
     "/nodes/2/parameters/node/stream", "true"},
    {R"("operation": "shell", "parameters": {"comand": ":"})", "unknown_parameter",
     "shell has no parameter 'comand'", "/nodes/2/parameters/node/parameters/comand", "\":\""},
    {R"("operation": "shell", "parameters": {"command": ":"}, "timeout_s": "1")", "wrong_type",
     "timeout_s must be a number, not a string", "/nodes/2/parameters/node/timeout_s", "\"1\""},
    {R"("operation": "shell", "parameters": {"command": ":"}, "priority": 11)", "out_of_range",
     "Priority 11 exceeds maximum (10)", "/nodes/2/parameters/node/priority", "11"},
    {R"("operation": "shell", "parameters": {"command": ":"}, "arguments": ["othr"])",
     "unknown_argument", "argument 'othr' is not a node", "/nodes/2/parameters/node/arguments/0",
     "\"othr\""},
    {R"("operation": "shell", "parameters": {"command": ":"}, "pool": "p")", "unknown_pool",
     "pool 'p' is not one of the program's pools", "/nodes/2/parameters/node/pool", "\"p\""},
    {R"("parameters": {"command": ":"})", "missing_field", "the node of a map has no operation",
     "/nodes/2/parameters/node", "{\"parameters\""},
    {R"("operation": "write_file", "parameters": {"path": "x"})", "invalid_value",
     "write_file in a map: all its nodes would write the same file",
     "/nodes/2/parameters/node/operation", "\"write_file\""},
    {R"("operation": "map", "parameters": {"node": {"operation": "shell"}})", "missing_parameter",
     "shell needs the parameter 'command'", "/nodes/2/parameters/node/parameters/node/parameters",
     "{\"operation\": \"shell\""},
};

TEST_CASE("program: what is wrong with a template is said where it stands") {
  for (const WrongTemplate& wrong : k_wrong_templates) {
    CAPTURE(wrong.fields);
    const std::string text = with_template(wrong.fields);
    const Diagnostics faults = read_faults(text);
    CHECK(faults.front().code == wrong.code);
    CHECK(faults.front().message == wrong.message);
    REQUIRE(faults.front().line == 3);
    const std::size_t line = text.find('\n', text.find('\n') + 1) + 1;
    CHECK(text.substr(line + faults.front().column - 1).starts_with(wrong.at));
    CHECK(faults.front().pointer == wrong.pointer);
    CHECK(faults.size() == 1);
  }
}

TEST_CASE("program: what is wrong with a map itself is said") {
  const auto first = [](const std::string& fields) {
    return read_faults(with_map(fields)).front().message;
  };
  const std::string node = R"("parameters": {"node": {"operation": "concat"}})";
  CHECK(first(node) == "a map needs an argument: the node that gives the list");
  CHECK(first(R"("arguments": ["list"])") ==
        "map needs the parameter 'node': what is done with each element");
  CHECK(
      first(
          R"("arguments": ["list"], "parameters": {"nod": {}, "node": {"operation": "concat"}})") ==
      "map has no parameter 'nod'");
  CHECK(first(R"("arguments": ["list"], "parameters": {"node": []})") ==
        "node must be an object, not an array");
  CHECK(first(R"("arguments": ["list"], "outputs": ["x"], )" + node) ==
        "a map has no outputs: a map runs no command of its own");
}

TEST_CASE("program: faults of several templates and nodes come together") {
  const Diagnostics faults = read_faults(
      std::string(k_before) +
      R"({"node_id": "a", "operation": "map", "arguments": ["list"], "parameters": {"node": {"x": 1}}},
{"node_id": "b", "operation": "map", "arguments": ["gone"], "parameters": {"node": {"operation": "concat", "slots": 0}}},
{"node_id": "c", "operation": "shell"}]})");
  CHECK(faults.size() == 5);
}

TEST_CASE("program: an id that an element may come to have is refused") {
  const Diagnostics faults = read_faults(
      std::string(k_before) +
      R"({"node_id": "m", "operation": "map", "arguments": ["list"], "parameters": {"node": {"operation": "concat"}}},
{"node_id": "m.7", "operation": "concat"}, {"node_id": "m.x", "operation": "concat"}]})");
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].message == "node_id 'm.7' may be that of an element of the map 'm'");
}

TEST_CASE("program: variables and defaults reach into templates") {
  dag::Dag dag = read_dag(
      R"({"variables": {"word": "hi"}, "defaults": {"timeout_s": 9, "priority": 7}, "nodes": [
{"node_id": "list", "operation": "const", "parameters": {"value": {"variable": "word"}}},
{"node_id": "m", "operation": "map", "arguments": ["list"], "priority": "high", "parameters": {"node":
 {"operation": "const", "parameters": {"value": {"variable": "word"}}}}}]})");
  dag.expand(*dag.find("m"), 1);
  const NodeIndex node = *dag.find("m.0");
  CHECK(dag.node(node).parameters == R"({"value":"hi"})");
  CHECK(dag.settings(node).timeout == Nanoseconds{std::chrono::seconds{9}});
  CHECK(dag.settings(node).priority == Priority{8});
}

TEST_CASE("program: a map's approval is its own, and a template's is each element's") {
  dag::Dag dag = read_dag(
      R"({"nodes": [{"node_id": "list", "operation": "const", "parameters": {"value": [1]}},
{"node_id": "m", "operation": "map", "arguments": ["list"], "approval": {"reason": "all"},
 "parameters": {"node": {"operation": "concat"}}},
{"node_id": "each", "operation": "map", "arguments": ["list"],
 "parameters": {"node": {"operation": "concat", "approval": {"reason": "one"}}}},
{"node_id": "outer", "operation": "map", "arguments": ["list"], "approval": true,
 "parameters": {"node": {"operation": "map", "approval": {"reason": "inner"},
  "parameters": {"node": {"operation": "concat"}}}}}]})");
  for (const char* map : {"m", "each", "outer"}) dag.expand(*dag.find(map), 1);
  dag.expand(*dag.find("outer.0"), 1);
  const auto reason_of = [&dag](const char* id) -> std::optional<std::string_view> {
    const auto& approval = dag.settings(*dag.find(id)).approval;
    return approval ? std::optional(approval->reason) : std::nullopt;
  };
  CHECK(reason_of("m") == "all");
  CHECK(!reason_of("m.0"));
  CHECK(!reason_of("each"));
  CHECK(reason_of("each.0") == "one");
  CHECK(reason_of("outer.0") == "inner");
  CHECK(!reason_of("outer.0.0"));
}

}  // namespace
}  // namespace dsched::program
