// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lines that go to a persistent worker and come back: Bazel's JSON worker dialect with optional
// fields more (dsched-worker(7) has it in full).
//
//   to the worker    {"requestId": 7, "arguments": […], "inputs": […], "parameters": {…}}
//                    {"requestId": 7, "cancel": true}
//   from the worker  {"requestId": 7, "exitCode": 0, "output": text, "result": any, "tokens": n}
//                    {"requestId": 7, "wasCancelled": true}
//
// Every member of an answer is optional, null is as good as none, and unknown ones are passed over.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/canonical_json.h"

namespace dsched::executor {

// A longer line is no answer.
inline constexpr std::size_t k_answer_bytes_max = 64 * 1024 * 1024;

// `body` is what stands in the braces behind requestId.
void append_request(std::string& out, std::uint64_t request_id, std::string_view body);
void append_cancel(std::string& out, std::uint64_t request_id);

struct WorkerAnswer {
  std::uint64_t request_id = 0;  // 0: it does not say
  bool was_cancelled = false;
  int exit_code = 0;
  std::string output;
  // What it gives as its result: of a string its text, of any other value its canonical JSON text.
  std::optional<std::string> result;
  std::optional<std::string> result_path;  // {"path": FILE} instead
  std::optional<std::uint64_t> tokens;
  // It says whose answer it is, but this is wrong with the rest of it; else empty.
  std::string fault;
};
struct NoAnswer {
  std::string why;  // "not JSON: expected ',' or '}'"
};

// Reads one line after the other and reuses its memory.
class AnswerReader {
 public:
  [[nodiscard]] std::variant<WorkerAnswer, NoAnswer> read(std::string_view line);

 private:
  void read_member(std::string_view name, JsonReader& reader, WorkerAnswer& answer);
  void read_result(JsonReader& reader, WorkerAnswer& answer);
  CanonicalJson canonical_;
};

}  // namespace dsched::executor
