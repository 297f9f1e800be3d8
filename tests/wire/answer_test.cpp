// SPDX-License-Identifier: Apache-2.0
#include "wire/answer.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace dsched::wire {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Layout = JsonWriter::Layout;

template <class Answer>
std::string text_of(const Answer& answer, Layout layout = Layout::compact) {
  std::string out;
  write_answer(answer, layout, [&](std::string_view piece) { out += piece; });
  return out;
}

RunAnswer full_answer() {
  RunAnswer answer;
  answer.success = false;
  answer.execution_id = "0199";
  answer.execution = 17;
  answer.dag_id = "wordcount";
  answer.status = engine::ExecutionStatus::failed;
  answer.counts = {
      .total = 9, .completed = 4, .reused = 3, .failed = 1, .cancelled = 2, .running = 0};
  answer.started_at = WallTime{1'000'000'000s};
  answer.finished_at = answer.started_at + 1412ms;
  ResultAnswer result;
  result.node_id = "top";
  result.bytes = "text\n";
  result.key = sha256("key");
  result.digest = sha256("digest");
  result.size = 5;
  result.data_type = "binary";
  answer.results.push_back(result);
  NodeAnswer node;
  node.node_id = "words";
  node.status = engine::NodeState::failed;
  node.failure = FailureClass::exit;
  node.exit_code = 3;
  node.attempts = 2;
  node.wall = 12'900us;
  node.user = 3ms;
  node.system = 2ms;
  node.peak_memory_kib = 3120;
  node.error = "exit 3";
  node.log = "last lines";
  answer.nodes.push_back(node);
  answer.error = {ErrorKind::node_failed, "node words: exit 3", "look at the log", {}};
  return answer;
}

TEST_CASE("wire: an answer has exactly the members that dsched-run(1) names, in its order") {
  const auto document = nlohmann::ordered_json::parse(text_of(full_answer()));
  std::vector<std::string> names;
  for (const auto& [name, value] : document.items()) names.push_back(name);
  CHECK(names == std::vector<std::string>{
                     "success", "execution_id", "execution", "dag_id", "status", "total_nodes",
                     "completed_nodes", "reused_nodes", "failed_nodes", "cancelled_nodes",
                     "pending_nodes", "running_nodes", "progress_percentage", "started_at",
                     "finished_at", "wall_ms", "results", "nodes", "error"});
}

TEST_CASE("wire: an answer holds what went in") {
  const json document = json::parse(text_of(full_answer()));
  CHECK(document["success"] == false);
  CHECK(document["execution"] == 17);
  CHECK(document["status"] == "failed");
  CHECK(document["pending_nodes"] == 2);
  CHECK(document["progress_percentage"].is_number_float());
  CHECK(document["started_at"] == "2001-09-09T01:46:40.000Z");
  CHECK(document["finished_at"] == "2001-09-09T01:46:41.412Z");
  CHECK(document["wall_ms"] == 1412);
  CHECK(document["results"]["top"] == json{{"text", "text\n"},
                                           {"key", to_hex(sha256("key"))},
                                           {"digest", to_hex(sha256("digest"))},
                                           {"size", 5},
                                           {"data_type", "binary"}});
  CHECK(document["nodes"][0] == json{{"node_id", "words"},
                                     {"status", "failed"},
                                     {"reason", nullptr},
                                     {"class", "exit"},
                                     {"exit_code", 3},
                                     {"signal", nullptr},
                                     {"attempts", 2},
                                     {"reused", false},
                                     {"wall_ms", 12},
                                     {"user_ms", 3},
                                     {"system_ms", 2},
                                     {"peak_memory_kib", 3120},
                                     {"error", "exit 3"},
                                     {"log", "last lines"}});
  CHECK(document["error"] == json{{"kind", "node_failed"},
                                  {"message", "node words: exit 3"},
                                  {"hint", "look at the log"},
                                  {"details", json::array()}});
}

TEST_CASE("wire: both layouts of an answer say the same and end with one line feed") {
  const std::string compact = text_of(full_answer());
  const std::string indented = text_of(full_answer(), Layout::indented);
  CHECK(json::parse(compact) == json::parse(indented));
  CHECK(compact.find('\n') == compact.size() - 1);
  CHECK(indented.ends_with("}\n"));
}

TEST_CASE("wire: bytes that are no UTF-8 are base64, all others text") {
  struct Row {
    std::string bytes;
    bool is_text;
  };
  const Row rows[] = {{"", true},          {std::string("\0\1\x7F", 3), true},
                      {"\xC3\xA9", true},  {"\xC3", false},
                      {"\xFF\xFE", false}, {"\xED\xA0\x80", false},
                      {"\xC0\x80", false}, {"\xF4\x90\x80\x80", false}};
  for (const Row& row : rows) {
    RunAnswer answer;
    answer.results.push_back({"n", {}, row.bytes, false, {}, {}, row.bytes.size(), "binary"});
    const json result = json::parse(text_of(answer))["results"]["n"];
    CHECK(result.contains("text") == row.is_text);
    CHECK(result.contains("base64") != row.is_text);
    if (row.is_text) CHECK(result["text"] == row.bytes);
    if (!row.is_text) CHECK(base64_decode(result["base64"].get<std::string>()) == row.bytes);
    CHECK(result["key"].is_null());
    CHECK_FALSE(result.contains("truncated"));
  }
}

TEST_CASE("wire: a cut result says so and keeps its whole size") {
  RunAnswer answer;
  answer.results.push_back({"n", {}, "head", true, {}, {}, 1'000'000, "binary"});
  const json result = json::parse(text_of(answer))["results"]["n"];
  CHECK(result["truncated"] == true);
  CHECK(result["size"] == 1'000'000);
}

TEST_CASE("wire: errors and logs that are no UTF-8 are escaped, so the document stays JSON") {
  RunAnswer answer = full_answer();
  answer.nodes[0].error = "\xFF";
  answer.nodes[0].log = "before \x80 after";
  answer.error->message = "bad \xC3 byte";
  const json document = json::parse(text_of(answer));
  CHECK(document["nodes"][0]["log"].get<std::string>().starts_with("before "));
  CHECK(document["nodes"][0]["log"].get<std::string>().ends_with(" after"));
  CHECK(document["error"]["message"].get<std::string>().starts_with("bad "));
}

TEST_CASE("wire: warnings, hints and details with any bytes leave the document JSON") {
  RunAnswer answer = full_answer();
  answer.warnings = {"odd \xFF name"};
  answer.error->hint = "try \xFE";
  answer.error->details = R"([{"code":"x"}])";
  answer.nodes[0].because = "other";
  answer.nodes[0].explanation = "input \xFF changed";
  const json document = json::parse(text_of(answer));
  CHECK(document["warnings"].size() == 1);
  CHECK(document["error"]["details"][0]["code"] == "x");
  CHECK(document["nodes"][0]["because"] == "other");
}

TEST_CASE("wire: what does not apply is left out: warnings, error, because, explain") {
  RunAnswer answer = full_answer();
  answer.error.reset();
  const json document = json::parse(text_of(answer));
  for (const char* name : {"warnings", "error"}) CHECK_FALSE(document.contains(name));
  for (const char* name : {"because", "explain"}) CHECK_FALSE(document["nodes"][0].contains(name));
}

TEST_CASE("wire: a long answer is handed on in pieces") {
  RunAnswer answer;
  for (int i = 0; i < 100; ++i) {
    answer.results.push_back(
        {"n" + std::to_string(i), {}, std::string(10'000, 'x'), false, {}, {}, 10'000, "binary"});
  }
  std::string all;
  std::size_t longest = 0;
  write_answer(answer, Layout::compact, [&](std::string_view piece) {
    all += piece;
    longest = std::max(longest, piece.size());
  });
  CHECK(json::parse(all)["results"].size() == 100);
  CHECK(longest < 100'000);
}

TEST_CASE("wire: a dry run names what would run and why, what would be reused, what is unknown") {
  DryRunAnswer answer;
  answer.dag_id = "d";
  answer.would_run = {{"a", "cc -c a.c", "input a.c changed"}};
  answer.would_reuse = {"b"};
  answer.unknown = {"c", "d"};
  CHECK(json::parse(text_of(answer)) ==
        json{{"success", true},
             {"dag_id", "d"},
             {"would_run",
              {{{"node_id", "a"}, {"command", "cc -c a.c"}, {"explain", "input a.c changed"}}}},
             {"would_reuse", {"b"}},
             {"unknown", {"c", "d"}}});
}

TEST_CASE("wire: a command that is no UTF-8 does not break the dry run") {
  DryRunAnswer answer;
  answer.would_run = {{"a", "echo \xFF", "never run"}};
  CHECK(json::parse(text_of(answer))["would_run"].size() == 1);
}

TEST_CASE("wire: an error alone is a document") {
  std::string out;
  write_error({ErrorKind::untrusted_store, "store x: not yours", "", ""}, Layout::compact,
              [&](std::string_view piece) { out += piece; });
  CHECK(out ==
        "{\"success\":false,\"error\":{\"kind\":\"untrusted_store\","
        "\"message\":\"store x: not yours\",\"details\":[]}}\n");
}

}  // namespace
}  // namespace dsched::wire
