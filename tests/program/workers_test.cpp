// SPDX-License-Identifier: Apache-2.0
#include "program/worker_reader.h"

#include "program/program_support.h"

namespace dsched::program {
namespace {

using namespace std::chrono_literals;

std::string with_workers(const std::string& workers, const std::string& fields = {}) {
  return R"({"nodes": [{"node_id": "n", "operation": "infer")" + fields + R"(}], "workers": )" +
         workers + "}";
}

TEST_CASE("program: a node with a worker's name is a request to it, wherever that is declared") {
  const std::string nodes = R"("nodes": [{"node_id": "n", "operation": "infer"},
                                         {"node_id": "m", "operation": "other"}])";
  const std::string workers = R"("workers": {"idle": {"command": ["x"]},
    "infer": {"command": ["./infer", "--model", "m"], "max_batch": 8, "instances": 2,
              "idle_timeout_s": 0.5, "inline": true}})";
  for (const std::string& text :
       {"{" + nodes + "," + workers + "}", "{" + workers + "," + nodes + "}"}) {
    const dag::Dag dag = read_dag(text);
    CHECK(dag.node({0}).operation == dag::Operation::worker);
    CHECK(dag.operation_name({0}) == "infer");
    CHECK(dag.node({1}).operation == dag::Operation::external);
    const dag::Worker& worker = dag.workers()[dag.worker_of({0}).value];
    CHECK(worker.name == "infer");
    CHECK(worker.command == std::vector<std::string>{"./infer", "--model", "m"});
    CHECK(worker.max_batch == 8);
    CHECK(worker.instances == 2);
    CHECK(worker.idle_timeout == 500ms);
    CHECK(worker.takes_inline);
  }
}

TEST_CASE("program: a worker says no more than its command") {
  const dag::Dag dag = read_dag(with_workers(R"({"infer": {"command": ["x"]}})"));
  const dag::Worker& worker = dag.workers().front();
  CHECK(worker.max_batch == 32);
  CHECK(worker.instances == 1);
  CHECK(worker.idle_timeout == 60s);
  CHECK_FALSE(worker.takes_inline);
}

TEST_CASE("program: all faults of workers come together, and their nodes are no faults as well") {
  const Diagnostics faults = read_faults(with_workers(R"({
    "infer": {"comand": ["x"], "max_batch": 5000, "instances": 0, "idle_timeout_s": -1,
              "inline": "yes"},
    "shell": {"command": []}, "a b": {"command": ["", 7]}, "list": [], "word": {"command": "x"}})"));
  std::vector<std::string> found;
  for (const Diagnostic& fault : faults) {
    found.push_back(fault.pointer + ": " + fault.message + (fault.hint.empty() ? "" : "; ") +
                    fault.hint);
  }
  const std::vector<std::string> wanted = {
      "/workers/infer/comand: a worker has no field 'comand'; did you mean 'command'?",
      "/workers/infer/max_batch: max_batch is 5000, but must be 1 to 4096",
      "/workers/infer/instances: instances is 0, but must be 1 to 256",
      "/workers/infer/idle_timeout_s: idle_timeout_s is -1, but must be 0 to 31622400",
      "/workers/infer/inline: inline must be true or false, not a string",
      "/workers/infer: worker 'infer' has no command; \"command\": [EXECUTABLE, WORD...] starts it",
      "/workers/shell: worker 'shell' has the name of a built-in operation; give it another name",
      "/workers/shell/command: command is empty, but its first word is the executable",
      "/workers/a b: 'a b' cannot be the name of a worker; letters, digits and _ . - make the name "
      "of an operation",
      "/workers/a b/command/0: command[0] is empty, but it names the executable",
      "/workers/a b/command/1: command[1] must be a string, not a number",
      "/workers/list: list must be an object, not an array",
      "/workers/word/command: command must be an array of strings, not a string"};
  CHECK(found == wanted);
}

TEST_CASE("program: a request has no environment, slots or stream of its own") {
  const std::string workers = R"({"infer": {"command": ["x"]}})";
  const Diagnostics faults = read_faults(
      with_workers(workers, R"(, "environment": {"A": "b"}, "slots": 2, "stream": true)"));
  REQUIRE(faults.size() == 3);
  for (const Diagnostic& fault : faults) {
    CHECK(fault.code == "unsupported");
    CHECK(fault.pointer == "/nodes/0");
  }
  (void)read_dag(with_workers(workers, R"(, "slots": 1, "environment_from": ["HOME"])"));
}

TEST_CASE("program: workers have a limit together") {
  std::string workers;
  for (int i = 0; i < 5; ++i) {
    workers += (i > 0 ? ", \"w" : "\"w") + std::to_string(i) +
               R"(": {"command": ["x"], "instances": 256})";
  }
  const Diagnostics faults = read_faults(with_workers("{" + workers + "}"));
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].code == "limit");
  CHECK(faults[0].pointer == "/workers/w4");
}

TEST_CASE("program: a text of workers alone is read by the same rules") {
  const auto read = read_workers_text(R"({"a": {"command": ["x"],}, /* relaxed */ })");
  REQUIRE(std::holds_alternative<std::vector<dag::Worker>>(read));
  CHECK(std::get<std::vector<dag::Worker>>(read).front().name == "a");
  for (const char* wrong : {"", "[]", "{\"a\": {}}", "{\"a\": {\"command\": [\"x\"]}", "{} {}"}) {
    const auto refused = read_workers_text(wrong);
    CHECK_MESSAGE(std::holds_alternative<Diagnostics>(refused), wrong);
  }
}

}  // namespace
}  // namespace dsched::program
