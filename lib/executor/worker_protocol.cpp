// SPDX-License-Identifier: Apache-2.0
#include "executor/worker_protocol.h"

#include <charconv>

#include "base/json_reader.h"

namespace dsched::executor {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

std::optional<std::uint64_t> whole_number(const JsonReader& reader) {
  if (reader.token() != JsonToken::number) return std::nullopt;
  const auto number = number_from_json(reader.text());
  if (!number || number->kind != JsonNumber::Kind::unsigned_integer) return std::nullopt;
  return number->unsigned_integer;
}

void note_fault(WorkerAnswer& answer, std::string_view name, std::string_view wanted,
                const JsonReader& reader) {
  if (!answer.fault.empty()) return;
  answer.fault = std::string(name) + " must be " + std::string(wanted) + ", not " +
                 std::string(describe(reader.token()));
}

}  // namespace

void append_request(std::string& out, std::uint64_t request_id, std::string_view body) {
  out += R"({"requestId":)";
  append_number(out, request_id);
  if (!body.empty()) out += ',';
  out += body;
  out += "}\n";
}

void append_cancel(std::string& out, std::uint64_t request_id) {
  out += R"({"requestId":)";
  append_number(out, request_id);
  out += ",\"cancel\":true}\n";
}

std::variant<WorkerAnswer, NoAnswer> AnswerReader::read(std::string_view line) {
  JsonReader reader(line);
  WorkerAnswer answer;
  if (reader.next() == JsonToken::failed) return NoAnswer{"not JSON: " + reader.error()};
  if (reader.token() != JsonToken::begin_object) {
    return NoAnswer{std::string(describe(reader.token())) + " instead of an object"};
  }
  std::string name;
  while (reader.next() == JsonToken::name) {
    name = reader.text();
    reader.next();
    if (name == "requestId" && reader.token() != JsonToken::null_value) {
      const auto id = whole_number(reader);
      if (!id) return NoAnswer{"requestId is no whole number"};
      answer.request_id = *id;
    } else {
      read_member(name, reader, answer);
    }
  }
  if (reader.token() != JsonToken::failed) reader.next();
  if (reader.token() == JsonToken::failed) return NoAnswer{"not JSON: " + reader.error()};
  return answer;
}

void AnswerReader::read_member(std::string_view name, JsonReader& reader, WorkerAnswer& answer) {
  const JsonToken token = reader.token();
  if (token == JsonToken::null_value && name != "result") return;
  if (name == "exitCode") {
    const auto number = token == JsonToken::number ? number_from_json(reader.text()) : std::nullopt;
    const double value = number ? number->as_double() : 0.5;
    const bool fits = value >= INT32_MIN && value <= INT32_MAX;
    answer.exit_code = fits ? static_cast<int>(value) : 0;
    if (!fits || answer.exit_code != value) note_fault(answer, name, "a whole number", reader);
  } else if (name == "output") {
    if (token == JsonToken::string) {
      answer.output = reader.text();
    } else {
      note_fault(answer, name, "a string", reader);
    }
  } else if (name == "wasCancelled") {
    answer.was_cancelled = token == JsonToken::true_value;
    if (token != JsonToken::true_value && token != JsonToken::false_value) {
      note_fault(answer, name, "true or false", reader);
    }
  } else if (name == "tokens") {
    answer.tokens = whole_number(reader);
    constexpr std::uint64_t k_exact_max = std::uint64_t{1} << 53;
    if (!answer.tokens || *answer.tokens > k_exact_max) {
      answer.tokens.reset();
      note_fault(answer, name, "a whole number of tokens", reader);
    }
  } else if (name == "result") {
    return read_result(reader, answer);
  }
  reader.skip();
}

void AnswerReader::read_result(JsonReader& reader, WorkerAnswer& answer) {
  if (reader.token() == JsonToken::string) {
    answer.result = std::string(reader.text());
    return;
  }
  std::string text;
  const bool is_container =
      reader.token() == JsonToken::begin_object || reader.token() == JsonToken::begin_array;
  const std::uint32_t outside = reader.depth() - (is_container ? 1U : 0U);
  if (const auto fault = canonical_.append(text, reader)) {
    // A syntax fault is found again by who reads on.
    if (answer.fault.empty()) answer.fault = "result: " + fault->message;
    while (reader.depth() > outside && reader.next() != JsonToken::failed) {
    }
    return;
  }
  constexpr std::string_view k_path_begin = R"({"path":")";
  if (text.starts_with(k_path_begin)) {
    JsonReader inside(text);
    inside.next();
    inside.next();
    inside.next();
    std::string path(inside.text());
    if (inside.next() == JsonToken::end_object) {
      answer.result_path = std::move(path);
      return;
    }
  }
  answer.result = std::move(text);
}

}  // namespace dsched::executor
