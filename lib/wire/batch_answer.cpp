// SPDX-License-Identifier: Apache-2.0
#include "wire/batch_answer.h"

#include <cmath>

#include "base/text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

// Milliseconds with microseconds behind the point: a request may take less than one.
double milliseconds(Nanoseconds time) {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e3;
}

void write_error_members(JsonWriter& out, const RequestError& error) {
  out.key("kind").text(name_of(error.kind));
  any_text(out.key("message"), error.message);
  if (!error.hint.empty()) any_text(out.key("hint"), error.hint);
  out.key("details").raw(error.details.empty() ? "[]" : error.details);
  text_or_null(out, "class", name_of(error.failure));
  number_or_null(out, "exit_code", error.exit_code);
  number_or_null(out, "signal", error.signal);
  if (!error.output.empty()) any_text(out.key("output"), error.output);
}

}  // namespace

void append_line(std::string& out, const BatchAnswer& answer) {
  const bool success = answer.completion == engine::Completion::completed;
  JsonWriter line;
  line.begin_object();
  line.key("request_id").raw(answer.request_id);
  line.key("success").boolean(success);
  if (success) {
    line.key("result").begin_object();
    write_result_members(line, answer.result);
  } else {
    line.key("error").begin_object();
    write_error_members(line, answer.error);
  }
  line.end_object();
  line.key("completion_reason").text(name_of(answer.completion));
  line.key("processing_ms").real(milliseconds(answer.processing));
  line.key("queue_ms").real(milliseconds(answer.queue));
  if (answer.attempts > 1) line.key("attempts").number(std::uint64_t{answer.attempts});
  if (answer.tokens) line.key("tokens").number(*answer.tokens);
  line.key("reused").boolean(answer.reused);
  if (!answer.log.empty()) any_text(line.key("log"), answer.log);
  line.key("metadata");
  if (answer.metadata.empty()) {
    line.null();
  } else {
    line.raw(answer.metadata);
  }
  line.end_object();
  out += line.take();
  out += '\n';
}

void append_line(std::string& out, const BatchSummary& summary) {
  JsonWriter line;
  line.begin_object().key("summary").begin_object();
  line.key("success_count").number(summary.succeeded);
  line.key("failure_count").number(summary.failed);
  line.key("skipped_count").number(summary.skipped);
  line.key("wall_ms").number(
      std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(summary.wall).count()});
  line.end_object().end_object();
  out += line.take();
  out += '\n';
}

}  // namespace dsched::wire
