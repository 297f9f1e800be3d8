// SPDX-License-Identifier: Apache-2.0
#include "program/json_program.h"

#include "dag/operation.h"
#include "program_support.h"

namespace dsched::program {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> ids(const dag::Dag& dag, std::span<const NodeIndex> nodes) {
  std::vector<std::string> names;
  for (const NodeIndex node : nodes) names.emplace_back(dag.node(node).node_id);
  return names;
}

std::vector<std::string> ids_needed_by(const dag::Dag& dag, std::string_view node_id) {
  return ids(dag, dag.predecessors(dag.find(node_id).value()));
}

const dag::Settings& only_settings(const dag::Dag& dag) {
  return dag.settings({0});
}

TEST_CASE("program: a program without nodes is valid and has a name") {
  const dag::Dag dag = read_dag("{\"nodes\": []}");
  CHECK(dag.size() == 0);
  CHECK(dag.goals().empty());
  CHECK(dag.dag_id() == "program");
}

TEST_CASE("program: comments, trailing commas and a byte order mark are accepted") {
  const dag::Dag dag = read_dag(
      "\xEF\xBB\xBF// first\n{\"nodes\": [/* none */], \"goals\": [], /* é */ \"dag_id\": "
      "\"x\",}//");
  CHECK(dag.dag_id() == "x");
}

TEST_CASE("program: every setting of a node is kept") {
  const dag::Dag dag = read_dag(shell_with(R"(
    "inputs": ["./b", "a/../c*"], "inputs_from": {"depfile": "x/./y.d"}, "outputs": ["o//p"],
    "environment": {"B": "2", "A": "1"}, "environment_from": ["Y", "X", "Y"],
    "secret_environment": ["S"], "cache": false, "stream": true, "max_lag": 4096,
    "on_reader_done": "end", "timeout_s": 1.5, "max_retries": 3, "backoff_s": 0.25,
    "priority": "high", "slots": 2, "preemptible": false, "idempotent": false, "expected_s": 60,
    "approval": {"reason": "why", "expires_in_hours": 2, "approvers": ["ann"]},
    "metadata": {"b": 1.0, "a": []})"));
  const dag::Settings& settings = only_settings(dag);
  CHECK(settings.inputs_declared);
  CHECK(settings.inputs == std::vector<std::string_view>{"b", "c*"});
  CHECK(settings.depfile == "x/y.d");
  CHECK(settings.outputs == std::vector<std::string_view>{"o/p"});
  CHECK(settings.environment ==
        std::vector<std::pair<std::string_view, std::string_view>>{{"A", "1"}, {"B", "2"}});
  CHECK(settings.environment_from == std::vector<std::string_view>{"X", "Y"});
  CHECK(settings.secret_environment == std::vector<std::string_view>{"S"});
  CHECK(settings.cache == false);
  CHECK(settings.stream);
  CHECK(settings.max_lag_bytes == 4096U);
  CHECK(settings.ends_with_readers);
  CHECK(settings.timeout == 1500ms);
  CHECK(settings.max_retries == 3U);
  CHECK(settings.backoff == 250ms);
  CHECK(settings.priority.level == 8);
  CHECK(settings.slots.count == 2);
  CHECK_FALSE(settings.preemptible);
  CHECK_FALSE(settings.idempotent);
  CHECK(settings.expected == 60s);
  REQUIRE(settings.approval);
  CHECK(settings.approval->reason == "why");
  CHECK(settings.approval->expires_in_hours == 2.0);
  CHECK(settings.approval->approvers == std::vector<std::string_view>{"ann"});
  CHECK(settings.metadata == R"({"a":[],"b":1})");
}

TEST_CASE("program: a node that says nothing has the default settings") {
  CHECK(only_settings(read_dag(program_with(R"("operation": "concat")"))) == dag::Settings{});
}

TEST_CASE("program: each name of a priority is its number") {
  const std::pair<const char*, int> table[] = {
      {"\"low\"", 2}, {"\"normal\"", 5}, {"\"high\"", 8}, {"\"urgent\"", 10}, {"0", 0}, {"10", 10}};
  for (const auto& [text, level] : table) {
    const dag::Dag dag = read_dag(shell_with(std::string("\"priority\": ") + text));
    CHECK(only_settings(dag).priority.level == level);
  }
}

TEST_CASE("program: a command of lines is the same command as one string") {
  const dag::Dag lines =
      read_dag(program_with(R"("operation": "shell", "parameters": {"command": ["a", "b"]})"));
  const dag::Dag text =
      read_dag(program_with(R"("operation": "shell", "parameters": {"command": "a\nb"})"));
  CHECK(lines.node({0}).parameters == text.node({0}).parameters);
  CHECK(dag::shell_parameters(lines.node({0})).command == "a\nb");
}

TEST_CASE("program: stdin names one of the arguments by its id") {
  const dag::Dag dag = read_dag(R"({"nodes": [
    {"node_id": "a", "operation": "concat"}, {"node_id": "b", "operation": "concat"},
    {"node_id": "c", "operation": "shell", "arguments": ["a", "b"],
     "parameters": {"command": ":", "stdin": "b"}}]})");
  CHECK(dag::shell_parameters(dag.node({2})).stdin_argument == dag::ArgumentPosition{1});
}

TEST_CASE("program: argv mixes strings and arguments counted from 1") {
  const dag::Dag dag = read_dag(R"({"nodes": [{"node_id": "a", "operation": "concat"},
    {"node_id": "b", "operation": "exec", "arguments": ["a"],
     "parameters": {"argv": ["cat", {"argument": 1}, "-"]}}]})");
  const auto argv = dag::exec_parameters(dag.node({1})).argv;
  REQUIRE(argv.size() == 3);
  CHECK(std::get<std::string>(argv[0]) == "cat");
  CHECK(std::get<dag::ArgumentPosition>(argv[1]) == dag::ArgumentPosition{0});
  CHECK(std::get<std::string>(argv[2]) == "-");
}

TEST_CASE("program: a const is the text of a string and the JSON text of anything else") {
  const auto bytes = [](const std::string& value) {
    const dag::Dag dag =
        read_dag(program_with(R"("operation": "const", "parameters": {"value": )" + value + "}"));
    return dag::const_bytes(dag.node({0}));
  };
  CHECK(bytes("\"a\\n\\u00e9\"") == "a\né");
  CHECK(bytes("{ \"b\" : 1.50, \"a\" : [ null ] }") == R"({"a":[null],"b":1.5})");
  CHECK(bytes("18446744073709551615") == "18446744073709551615");
  CHECK(bytes("\"\"").empty());
}

TEST_CASE("program: duration_s is another name for the seconds of a sleep") {
  const dag::Dag dag =
      read_dag(program_with(R"("operation": "sleep", "parameters": {"duration_s": 0.5})"));
  CHECK(dag::sleep_duration(dag.node({0})) == 500ms);
  CHECK(dag.node({0}).parameters == R"({"seconds":0.5})");
}

TEST_CASE("program: an unknown operation is an external one under its own name") {
  const dag::Dag dag =
      read_dag(program_with(R"("operation": "my.op-1", "parameters": {"z": 1, "a": 2})"));
  CHECK(dag.node({0}).operation == dag::Operation::external);
  CHECK(dag.operation_name({0}) == "my.op-1");
  CHECK(dag.node({0}).parameters == R"({"a":2,"z":1})");
}

TEST_CASE("program: a variable stands for its default, also when it is declared last") {
  const std::string nodes =
      R"("nodes": [{"node_id": "n", "operation": "x", "parameters": {"a": [{"variable": "v"}]}}])";
  const std::string variables = R"("variables": {"v": {"k": 1}})";
  const dag::Dag first = read_dag("{" + variables + "," + nodes + "}");
  const dag::Dag last = read_dag("{" + nodes + "," + variables + "}");
  CHECK(first.node({0}).parameters == R"({"a":[{"k":1}]})");
  CHECK(last.node({0}).parameters == first.node({0}).parameters);
}

TEST_CASE("program: --set gives a variable text, or JSON where its default is no string") {
  const std::string text = R"({"variables": {"s": "x", "n": 1}, "nodes": [
    {"node_id": "n", "operation": "x", "parameters": {"s": {"variable": "s"}, "n": {"variable": "n"}}}]})";
  const dag::Dag dag = read_dag(text, {.set = {{"s", "2"}, {"n", "[ 2 ]"}, {"s", "3"}}});
  CHECK(dag.node({0}).parameters == R"({"n":[2],"s":"3"})");
}

TEST_CASE("program: --set of what is not declared or not JSON is a fault") {
  const Diagnostics faults = read_faults(R"({"nodes": [], "variables": {"count": 1}})",
                                         {.set = {{"coun", "1"}, {"count", "x y"}}});
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].message == "--set coun: the program has no such variable");
  CHECK(faults[0].hint == "did you mean 'count'?");
  CHECK(faults[0].line == 0);
  CHECK(faults[1].message == "--set count: the value is not JSON");
}

TEST_CASE("program: defaults stand in every node that does not say otherwise") {
  const std::string nodes = R"("nodes": [{"node_id": "a", "parameters": {"command": ":"}},
    {"node_id": "b", "operation": "concat", "timeout_s": 5, "pool": "q"}])";
  const std::string rest =
      R"("defaults": {"operation": "shell", "timeout_s": 9, "pool": "p"}, "pools": {"p": 1, "q": 2})";
  for (const std::string& text : {"{" + nodes + "," + rest + "}", "{" + rest + "," + nodes + "}"}) {
    const dag::Dag dag = read_dag(text);
    CHECK(dag.node({0}).operation == dag::Operation::shell);
    CHECK(dag.settings({0}).timeout == 9s);
    CHECK(dag.pools()[dag.settings({0}).pool.value().value].name == "p");
    CHECK(dag.node({1}).operation == dag::Operation::concat);
    CHECK(dag.settings({1}).timeout == 5s);
    CHECK(dag.pools()[dag.settings({1}).pool.value().value].limit == Slots{2});
  }
}

TEST_CASE("program: defaults may use variables that are declared behind them") {
  const dag::Dag dag = read_dag(R"({"nodes": [{"node_id": "a"}],
    "defaults": {"operation": "x", "parameters": {"k": {"variable": "v"}}}, "variables": {"v": 7}})");
  CHECK(dag.node({0}).parameters == R"({"k":7})");
}

TEST_CASE("program: who reads a file waits for who writes it") {
  const dag::Dag dag = read_dag(R"({"defaults": {"operation": "concat"}, "nodes": [
    {"node_id": "plain", "inputs": ["gen/a.c"]},
    {"node_id": "glob", "inputs": ["gen/*.c"]},
    {"node_id": "folder", "inputs": ["gen"]},
    {"node_id": "below", "inputs": ["tree/x/y"]},
    {"node_id": "nothing", "inputs": ["gen/*.d", "other", "/gen/a.c", "gen2"]},
    {"node_id": "reads", "operation": "read_file", "parameters": {"path": "./w"}},
    {"node_id": "a", "outputs": ["gen/a.c"]}, {"node_id": "b", "outputs": ["gen/b.c"]},
    {"node_id": "t", "outputs": ["tree"]},
    {"node_id": "w", "operation": "write_file", "arguments": ["a"], "parameters": {"path": "w"}}]})");
  using Ids = std::vector<std::string>;
  CHECK(ids_needed_by(dag, "plain") == Ids{"a"});
  CHECK(ids_needed_by(dag, "glob") == Ids{"a", "b"});
  CHECK(ids_needed_by(dag, "folder") == Ids{"a", "b"});
  CHECK(ids_needed_by(dag, "below") == Ids{"t"});
  CHECK(ids_needed_by(dag, "nothing").empty());
  CHECK(ids_needed_by(dag, "reads") == Ids{"w"});
  CHECK(dag.producer_of("gen/b.c") == dag.find("b"));
  CHECK(dag.producer_of("w") == dag.find("w"));
  CHECK_FALSE(dag.producer_of("gen"));
}

TEST_CASE("program: a node remembers the line it begins in") {
  const dag::Dag dag = read_dag(
      "{\"nodes\": [\n\n{\"node_id\": \"a\", \"operation\": \"concat\"}, /* \n */\n"
      "{\"node_id\":\n\"b\", \"operation\": \"concat\"}]}");
  CHECK(dag.node({0}).line == 3);
  CHECK(dag.node({1}).line == 5);
}

TEST_CASE("program: a text of a megabyte is a value like any other") {
  const std::string long_text(1'000'000, 'x');
  const dag::Dag dag = read_dag(
      program_with(R"("operation": "const", "parameters": {"value": ")" + long_text + "\\n\"}"));
  CHECK(dag::const_bytes(dag.node({0})) == long_text + "\n");
}

// A chain in which every second node joins the two before it.
std::string chain_of(std::size_t nodes) {
  std::string text = "{\"nodes\": [\n";
  for (std::size_t i = 0; i < nodes; ++i) {
    text += "{\"node_id\": \"n" + std::to_string(i) + "\", ";
    if (i < 2 || i % 2 == 0) {
      text +=
          "\"operation\": \"const\", \"parameters\": {\"value\": " + std::to_string(i) + "}},\n";
    } else {
      text += "\"operation\": \"concat\", \"arguments\": [\"n" + std::to_string(i - 1) + "\", \"n" +
              std::to_string(i - 2) + "\"]},\n";
    }
  }
  return text + "]}";
}

TEST_CASE("program: a program of very many nodes is read whole") {
  // Without optimisation, or with sanitizers, the same law on fewer nodes.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::size_t nodes = 1'000'000;
#else
  const std::size_t nodes = 20'000;
#endif
  const dag::Dag dag = read_dag(chain_of(nodes));
  REQUIRE(dag.size() == nodes);
  for (std::uint32_t i = 3; i < nodes; i += 2) {
    const auto arguments = dag.arguments({i});
    REQUIRE(arguments.size() == 2);
    REQUIRE(arguments[0] == NodeIndex{i - 1});
    REQUIRE(arguments[1] == NodeIndex{i - 2});
    REQUIRE(dag.find(dag.node({i}).node_id) == NodeIndex{i});
  }
}

}  // namespace
}  // namespace dsched::program
