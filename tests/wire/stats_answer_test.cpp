// SPDX-License-Identifier: Apache-2.0
#include "wire/stats_answer.h"

#include <doctest/doctest.h>

namespace dsched::wire {
namespace {

using namespace std::chrono_literals;

TEST_CASE("wire: a progress answer holds the fields of the contract in their order") {
  ProgressAnswer answer;
  answer.dag_id = "wordcount";
  answer.execution_id = "0199";
  answer.counts = {
      .total = 30, .completed = 12, .reused = 3, .failed = 1, .cancelled = 2, .running = 4};
  answer.percentage = 45.678;
  answer.estimated_completion = WallTime{90s};
  CHECK(to_json(answer) ==
        R"({"dag_id":"wordcount","execution_id":"0199","total_nodes":30,"completed_nodes":12,)"
        R"("failed_nodes":1,"running_nodes":4,"pending_nodes":11,"cancelled_nodes":2,)"
        R"("reused_nodes":3,"progress_percentage":45.6,)"
        R"("estimated_completion":"1970-01-01T00:01:30.000Z"})");
}

TEST_CASE("wire: percentages are rounded down, so that 100 means the end") {
  CHECK(percentage_text(0) == "0.0");
  CHECK(percentage_text(99.99) == "99.9");
  CHECK(percentage_text(100) == "100.0");
}

TEST_CASE("wire: the line of a node that did nothing has nulls where nothing is known") {
  NodeLine line;
  line.node_id = "a \"b\"";
  line.operation = "shell";
  CHECK(to_json(line) ==
        R"({"node_id":"a \"b\"","status":"pending","reason":null,"operation":"shell",)"
        R"("attempts":0,"reused":false,"exit_code":null,"started_at":null,"finished_at":null,)"
        R"("wall_ms":0,"user_ms":0,"system_ms":0,"peak_memory_kib":0,"key":null,"digest":null})");
}

TEST_CASE("wire: the line of an execution is UTF-8 whatever its texts are") {
  ExecutionLine line;
  line.execution = 17;
  line.dag_id = "caf\xE9";
  line.initiated_by = "ann";
  line.finished_at = WallTime{1s};
  const std::string text = to_json(line);
  CHECK(text.find(R"("dag_id":"caf\\xe9")") != std::string::npos);
  CHECK(text.find(R"("started_at":null,"finished_at":"1970-01-01T00:00:01.000Z")") !=
        std::string::npos);
}

}  // namespace
}  // namespace dsched::wire
