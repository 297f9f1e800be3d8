// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_protocol.h"

#include <doctest/doctest.h>

namespace dsched::executor {
namespace {

WorkerAnswer answer_of(std::string_view line) {
  AnswerReader reader;
  auto read = reader.read(line);
  if (const auto* none = std::get_if<NoAnswer>(&read)) FAIL(line << ": " << none->why);
  return std::get<WorkerAnswer>(std::move(read));
}

std::string why_none(std::string_view line) {
  AnswerReader reader;
  auto read = reader.read(line);
  const auto* none = std::get_if<NoAnswer>(&read);
  return none != nullptr ? none->why : "";
}

TEST_CASE("executor: a request line is one JSON object with its number first") {
  std::string out;
  append_request(out, 7, R"("arguments":[])");
  append_request(out, 8, "");
  append_cancel(out, 7);
  CHECK(
      out ==
      "{\"requestId\":7,\"arguments\":[]}\n{\"requestId\":8}\n{\"requestId\":7,\"cancel\":true}\n");
}

TEST_CASE("executor: an answer's members may come in any order, and none has to") {
  const WorkerAnswer full = answer_of(
      R"({"output": "x\n", "tokens": 12, "unknown": [{}], "exitCode": 3, "requestId": 7})");
  CHECK(full.request_id == 7);
  CHECK(full.exit_code == 3);
  CHECK(full.output == "x\n");
  CHECK(full.tokens == 12);
  CHECK(full.fault.empty());
  const WorkerAnswer bare = answer_of("{}");
  CHECK(bare.request_id == 0);
  CHECK(bare.exit_code == 0);
  CHECK_FALSE(bare.result);
  CHECK_FALSE(bare.tokens);
  CHECK(answer_of(R"({"requestId": null, "exitCode": null, "output": null})").fault.empty());
}

TEST_CASE(
    "executor: a result is a string's text, a value's canonical JSON, or the name of a file") {
  CHECK(answer_of(R"({"result": "a\u0041"})").result == "aA");
  CHECK(answer_of(R"({"result": {"b": 1.0, "a": [true, null]}})").result ==
        R"({"a":[true,null],"b":1})");
  CHECK(answer_of(R"({"result": null})").result == "null");
  const WorkerAnswer file = answer_of(R"({"result": {"path": "out/\u0061.bin"}})");
  CHECK_FALSE(file.result);
  CHECK(file.result_path == "out/a.bin");
  // Two members, or another type, are a value like any other.
  CHECK(answer_of(R"({"result": {"path": "a", "b": 1}})").result == R"({"b":1,"path":"a"})");
  CHECK(answer_of(R"({"result": {"path": 7}})").result == R"({"path":7})");
}

TEST_CASE("executor: an answer that says whose it is may be wrong in the rest") {
  const struct {
    const char* line;
    const char* fault;
  } cases[] = {
      {R"({"requestId": 7, "exitCode": "0"})", "exitCode must be a whole number, not a string"},
      {R"({"requestId": 7, "exitCode": 1.5})", "exitCode must be a whole number, not a number"},
      {R"({"requestId": 7, "exitCode": 1e99})", "exitCode must be a whole number, not a number"},
      {R"({"requestId": 7, "output": ["x"]})", "output must be a string, not an array"},
      {R"({"requestId": 7, "tokens": -1})",
       "tokens must be a whole number of tokens, not a number"},
      {R"({"requestId": 7, "wasCancelled": 1})",
       "wasCancelled must be true or false, not a number"},
  };
  for (const auto& one : cases) {
    const WorkerAnswer answer = answer_of(one.line);
    CHECK(answer.request_id == 7);
    CHECK(answer.fault == one.fault);
  }
  const WorkerAnswer twice = answer_of(R"({"result": {"a": [{"b": 1, "b": 2}]}, "requestId": 7})");
  CHECK(twice.request_id == 7);
  CHECK(twice.fault.starts_with("result: "));
}

TEST_CASE("executor: what is not one JSON object is no answer") {
  for (const char* line : {"hello", "", "[]", "7", "{", "{\"a\": 1} x", "{\"requestId\": 1,}",
                           "{\"result\": {\"a\": }}", "\xff\xfe"}) {
    CHECK_MESSAGE(!why_none(line).empty(), line);
  }
  CHECK(why_none("[]") == "an array instead of an object");
  CHECK(why_none(R"({"requestId": "7"})") == "requestId is no whole number");
  CHECK(why_none(R"({"requestId": -7})") == "requestId is no whole number");
}

}  // namespace
}  // namespace dsched::executor
