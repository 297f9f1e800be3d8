// SPDX-License-Identifier: Apache-2.0
// What wrong programs are told, to the letter and the column.
#include "program_support.h"

namespace dsched::program {
namespace {

struct Wrong {
  const char* text;
  Diagnostic told;
};

// Every one of these has exactly one fault.
const Wrong k_wrong[] = {
    {"", {"syntax", "the program is empty", 1, 1, "", "the smallest program is {\"nodes\": []}"}},
    {" \n ",
     {"syntax", "the program is empty", 1, 1, "", "the smallest program is {\"nodes\": []}"}},
    {"[]", {"wrong_type", "the program must be an object, not an array", 1, 1, "", ""}},
    {"{}", {"missing_field", "the program has no nodes", 1, 1, "", "give it \"nodes\": [...]"}},
    {"{\"nodes\": []", {"syntax", "the text ends inside an object", 1, 13, "", ""}},
    {"{\"nodes\": []} x",
     {"syntax", "there is text behind the end of the document", 1, 15, "", ""}},
    {"{\"nodes\": {}}",
     {"wrong_type", "nodes must be an array, not an object", 1, 11, "/nodes", ""}},
    {"{\"nodes\": [],\n \"nodes\": []}",
     {"duplicate_name", "the name 'nodes' stands twice in one object", 2, 2, "/nodes", ""}},
    {"{\"nodes\": [], \"goal\": []}",
     {"unknown_field", "a program has no field 'goal'", 1, 15, "/goal", "did you mean 'goals'?"}},
    {"{\"nodes\": [7]}",
     {"wrong_type", "nodes[0] must be an object, not a number", 1, 12, "/nodes/0", ""}},
    {"{\"nodes\": [], \"goals\": [\"a\"]}",
     {"unknown_goal", "goal 'a' is not a node", 1, 25, "/goals/0", ""}},
    {"{\"nodes\": [], \"dependencies\": {\"a\": []}}",
     {"unknown_dependency", "dependencies name 'a', which is not a node", 1, 37, "/dependencies/a",
      ""}},
    {"{\"nodes\": [], \"dag_id\": \"\"}",
     {"invalid_value", "dag_id is empty", 1, 25, "/dag_id", ""}},
    {"{\"nodes\": [], \"pools\": {\"p\": 0}}",
     {"out_of_range", "p is 0, but must be 1 to 1000000", 1, 30, "/pools/p", ""}},
    {"{\"nodes\": [], \"workers\": {\"w\": {\"command\": [\"x\"], \"max_batch\": 0}}}",
     {"out_of_range", "max_batch is 0, but must be 1 to 4096", 1, 64, "/workers/w/max_batch", ""}},
    {"{\"nodes\": [], \"defaults\": {\"outputs\": []}}",
     {"unknown_field", "defaults cannot give outputs to every node", 1, 28, "/defaults/outputs",
      ""}},
    {"{\"nodes\": [{\"operation\": \"concat\"}]}",
     {"missing_field", "a node has no node_id", 1, 12, "/nodes/0", ""}},
    {"{\"nodes\": [{\"node_id\": \"a\"}]}",
     {"missing_field", "node 'a' has no operation", 1, 12, "/nodes/0", ""}},
    {"{\"nodes\": [{\"node_id\": \"\", \"operation\": \"concat\"}]}",
     {"invalid_node_id", "a node_id is empty", 1, 24, "/nodes/0/node_id", ""}},
    {"{\"nodes\": [{\"node_id\": \"a\\u001bb\", \"operation\": \"concat\"}]}",
     {"invalid_node_id", "node_id 'a\\x1bb' holds a control character", 1, 24, "/nodes/0/node_id",
      ""}},
    {"{\"nodes\": [{\"node_id\": \"a\xff\", \"operation\": \"concat\"}]}",
     {"syntax", "this is not UTF-8", 1, 26, "", ""}},
    {"{\"nodes\": [{\"node_id\": \"é\", \"operation\": 3}]}",
     {"wrong_type", "operation must be a string, not a number", 1, 42, "/nodes/0/operation", ""}},
};

// The same for one node `n`, of which only the fields differ.
const Wrong k_wrong_fields[] = {
    {R"("operation": "a b")",
     {"invalid_value", "'a b' cannot be the name of an operation", 1, 42, "/nodes/0/operation",
      "letters, digits and _ . - make the name of a dsched-op-NAME"}},
    {R"("operation": "concat", "timeout": 3)",
     {"unknown_field", "a node has no field 'timeout'", 1, 52, "/nodes/0/timeout",
      "did you mean 'timeout_s'?"}},
    {R"("operation": "concat", "command": "x")",
     {"unknown_field", "a node has no field 'command'", 1, 52, "/nodes/0/command",
      "it belongs in the node's 'parameters'"}},
    {R"("operation": "concat", "retries": 3)",
     {"unknown_field", "a node has no field 'retries'", 1, 52, "/nodes/0/retries",
      "did you mean 'max_retries'?"}},
    {R"("operation": "concat", "environment": {"n": {"variable": "x"}})",
     {"wrong_type", "environment n must be a string, not an object", 1, 73,
      "/nodes/0/environment/n", "{\"variable\": NAME} stands for a value in parameters only"}},
    {R"("operation": "concat", "slots": 1, "slots": 1)",
     {"duplicate_name", "the name 'slots' stands twice in one object", 1, 64, "/nodes/0/slots",
      ""}},
    {R"("operation": "concat", "priority": 15)",
     {"out_of_range", "Priority 15 exceeds maximum (10)", 1, 64, "/nodes/0/priority", ""}},
    {R"("operation": "concat", "priority": "hi")",
     {"invalid_value", "priority 'hi' is unknown", 1, 64, "/nodes/0/priority",
      "low, normal, high, urgent or 0 to 10"}},
    {R"("operation": "concat", "slots": 0)",
     {"out_of_range", "slots is 0, but must be 1 to 1000000", 1, 61, "/nodes/0/slots", ""}},
    {R"("operation": "concat", "slots": 1.5)",
     {"wrong_type", "slots must be a whole number, not a number", 1, 61, "/nodes/0/slots", ""}},
    {R"("operation": "concat", "max_retries": -1)",
     {"out_of_range", "max_retries is -1, but must be 0 to 1000000", 1, 67, "/nodes/0/max_retries",
      ""}},
    {R"("operation": "concat", "cache": "yes")",
     {"wrong_type", "cache must be true or false, not a string", 1, 61, "/nodes/0/cache", ""}},
    {R"("operation": "concat", "pool": "p")",
     {"unknown_pool", "pool 'p' is not one of the program's pools", 1, 60, "/nodes/0/pool",
      "name it in \"pools\": {\"p\": LIMIT}"}},
    {R"("operation": "concat", "arguments": ["m"])",
     {"unknown_argument", "argument 'm' is not a node", 1, 66, "/nodes/0/arguments/0",
      "did you mean 'n'?"}},
    {R"("operation": "concat", "outputs": ["/x"])",
     {"invalid_path",
      "path '/x' is absolute, but only files below the program's folder are written", 1, 64,
      "/nodes/0/outputs/0", "name it relative to the program's folder"}},
    {R"("operation": "concat", "outputs": ["a/.."])",
     {"invalid_path", "path 'a/..' is the program's folder itself", 1, 64, "/nodes/0/outputs/0",
      "name a file or folder in it"}},
    {R"("operation": "concat", "inputs": ["../x"])",
     {"invalid_path", "path '../x' leads out of the program's folder", 1, 63, "/nodes/0/inputs/0",
      "name it by its absolute path"}},
    {R"("operation": "concat", "inputs": ["o"], "outputs": ["o"])",
     {"cycle", "cycle: n -> n", 1, 12, "/nodes/0",
      "input 'o' of 'n' makes it wait for itself: it is its own output"}},
    {R"("operation": "concat", "environment": {"A=B": "x"})",
     {"invalid_value", "'A=B' cannot be the name of an environment variable", 1, 75,
      "/nodes/0/environment/A=B", ""}},
    {R"("operation": "concat", "approval": {"reasons": "x"})",
     {"unknown_field", "approval has no field 'reasons'", 1, 76, "/nodes/0/approval/reasons",
      "did you mean 'reason'?"}},
    {R"("operation": "concat", "metadata": {"a": 1e999})",
     {"out_of_range", "the number 1e999 is beyond the range of a double", 1, 70,
      "/nodes/0/metadata", ""}},
    {R"("operation": "concat", "metadata": {"a": 1, "b": 2, "a": 3})",
     {"duplicate_name", "the name 'a' stands twice in one object", 1, 81, "/nodes/0/metadata", ""}},
    {R"("operation": "concat", "on_reader_done": "stop")",
     {"invalid_value", "on_reader_done is 'stop', but must be keep or end", 1, 70,
      "/nodes/0/on_reader_done", ""}},
    {R"("operation": "concat", "inputs_from": {"depfil": "x"})",
     {"unknown_field", "inputs_from has no field 'depfil'", 1, 78, "/nodes/0/inputs_from/depfil",
      "it is {\"depfile\": PATH}"}},
};

// The parameters of one node `n`.
const Wrong k_wrong_parameters[] = {
    {R"("operation": "shell")",
     {"missing_parameter", "shell needs the parameter 'command'", 1, 12, "/nodes/0/parameters",
      ""}},
    {R"("operation": "shell", "parameters": {"comand": "x"})",
     {"unknown_parameter", "shell has no parameter 'comand'", 1, 76, "/nodes/0/parameters/comand",
      "did you mean 'command'?"}},
    {R"("operation": "shell", "parameters": {"command": ["a", 1]})",
     {"wrong_type", "command[1] must be a string, not a number", 1, 83,
      "/nodes/0/parameters/command/1", ""}},
    {R"("operation": "shell", "parameters": {"command": "a\u0000b"})",
     {"invalid_value", "command holds a null character", 1, 77, "/nodes/0/parameters/command", ""}},
    {R"("operation": "shell", "parameters": {"command": ":", "stdin": "x"})",
     {"unknown_argument", "stdin 'x' is not one of the node's arguments", 1, 91,
      "/nodes/0/parameters/stdin", "name it in \"arguments\", too"}},
    {R"("operation": "exec", "parameters": {"argv": []})",
     {"invalid_value", "argv is empty, but argv[0] names the executable", 1, 73,
      "/nodes/0/parameters/argv", ""}},
    {R"("operation": "exec", "parameters": {"argv": ["cat", {"argument": 1}]})",
     {"out_of_range", "argument is 1, but the node has no arguments", 1, 94,
      "/nodes/0/parameters/argv/1/argument", ""}},
    {R"("operation": "exec", "parameters": {"argv": ["cat", {"arg": 1}]})",
     {"invalid_value", "argv[1] must be {\"argument\": N}", 1, 81, "/nodes/0/parameters/argv/1",
      ""}},
    {R"("operation": "const", "parameters": {})",
     {"missing_parameter", "const needs the parameter 'value'", 1, 65, "/nodes/0/parameters", ""}},
    {R"("operation": "const", "parameters": [1])",
     {"wrong_type", "parameters must be an object, not an array", 1, 65, "/nodes/0/parameters",
      ""}},
    {R"("operation": "sleep", "parameters": {"seconds": -1})",
     {"out_of_range", "seconds is -1, but must be 0 to 31622400 (366 days)", 1, 77,
      "/nodes/0/parameters/seconds", ""}},
    {R"("operation": "sleep", "parameters": {"seconds": 1, "duration_s": 1})",
     {"invalid_value", "seconds and duration_s are two names of one parameter", 1, 77,
      "/nodes/0/parameters/seconds", "give one of them"}},
    {R"("operation": "write_file", "parameters": {"path": "x"})",
     {"invalid_value",
      "write_file needs exactly one argument, the node whose result is written, not 0", 1, 12,
      "/nodes/0", ""}},
    {R"("operation": "read_file", "parameters": {"path": "../x"})",
     {"invalid_path", "path '../x' leads out of the program's folder", 1, 78,
      "/nodes/0/parameters/path", "name it by its absolute path"}},
    {R"("operation": "concat", "parameters": {"separator": 3})",
     {"wrong_type", "separator must be a string, not a number", 1, 80,
      "/nodes/0/parameters/separator", ""}},
    {R"("operation": "my-op", "parameters": {"a": {"variable": "v"}})",
     {"unknown_variable", "variable 'v' is not declared", 1, 71, "/nodes/0/parameters",
      "declare it in the top-level \"variables\""}},
};

void check_told(const std::string& text, const Diagnostic& told) {
  CAPTURE(text);
  const Diagnostics faults = read_faults(text);
  REQUIRE(faults.size() == 1);
  const Diagnostic& fault = faults[0];
  CHECK(fault.code == told.code);
  CHECK(fault.message == told.message);
  CHECK(fault.line == told.line);
  CHECK(fault.column == told.column);
  CHECK(fault.pointer == told.pointer);
  CHECK(fault.hint == told.hint);
}

TEST_CASE("program: a fault is told with its code, place, cause and remedy") {
  for (const Wrong& wrong : k_wrong) check_told(wrong.text, wrong.told);
}

TEST_CASE("program: a faulty field is told with its code, place, cause and remedy") {
  for (const Wrong& wrong : k_wrong_fields) check_told(program_with(wrong.text), wrong.told);
}

TEST_CASE("program: a faulty parameter is told with its code, place, cause and remedy") {
  for (const Wrong& wrong : k_wrong_parameters) check_told(program_with(wrong.text), wrong.told);
}

TEST_CASE("program: all faults are told together, in the order of the text") {
  const Diagnostics faults = read_faults(R"({"nodes": [
    {"node_id": "a", "operation": "concat", "arguments": ["b"], "slot": 1},
    {"node_id": "b", "operation": "concat", "arguments": ["a", "x"], "outputs": ["o"]},
    {"node_id": "b", "operation": "concat", "outputs": ["./o", "o/p"]}
  ], "goals": ["zzz"]})");
  std::vector<std::string> told;
  for (const Diagnostic& fault : faults)
    told.push_back(std::to_string(fault.line) + " " + fault.code);
  CHECK(told == std::vector<std::string>{"2 cycle", "2 unknown_field", "3 unknown_argument",
                                         "4 duplicate_node", "4 duplicate_output",
                                         "4 duplicate_output", "5 unknown_goal"});
}

TEST_CASE("program: a syntax error ends the reading and what was found before is told, too") {
  const Diagnostics faults = read_faults("{\"nodes\": [\n{\"node_id\": 3},\n{]");
  REQUIRE(faults.size() == 3);
  CHECK(faults[0].code == "missing_field");
  CHECK(faults[1].code == "wrong_type");
  CHECK(faults[2].code == "syntax");
  CHECK(faults[2].line == 3);
  CHECK(faults[2].message == "expected a name in double quotes");
}

TEST_CASE("program: of very many faults a hundred are told and the rest counted") {
  std::string text = "{\"nodes\": [";
  for (int i = 0; i < 250; ++i) text += "{},";
  const Diagnostics faults = read_faults(text + "]}");
  REQUIRE(faults.size() == k_diagnostics_max + 1);
  CHECK(faults.back().code == "more");
  CHECK(faults.back().message == "and 400 more");
}

TEST_CASE("program: nesting deeper than 200 levels is refused by name") {
  const std::string open(300, '[');
  const Diagnostics faults =
      read_faults(program_with(R"("operation": "const", "parameters": {"value": )" + open));
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].message == "nested deeper than 200 levels");
}

TEST_CASE("program: an id may have 255 bytes and not one more") {
  const auto with_id = [](std::size_t bytes) {
    return "{\"nodes\": [{\"node_id\": \"" + std::string(bytes, 'x') +
           "\", \"operation\": \"concat\"}]}";
  };
  CHECK(read_dag(with_id(255)).size() == 1);
  const Diagnostics faults = read_faults(with_id(256));
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].message == "a node_id has 256 bytes, but at most 255 are allowed");
}

}  // namespace
}  // namespace dsched::program
