// SPDX-License-Identifier: Apache-2.0
#include "wire/answer.h"

#include "base/digest.h"
#include "base/text.h"
#include "base/time_text.h"
#include "wire/members.h"

namespace dsched::wire {
namespace {

// A document is handed on in pieces of about this size.
constexpr std::size_t k_piece = 64 * 1024;

std::int64_t whole_ms(Nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

void write_error_member(JsonWriter& out, const ErrorAnswer& error) {
  out.key("error").begin_object();
  out.key("kind").text(name_of(error.kind));
  any_text(out.key("message"), error.message);
  if (!error.hint.empty()) any_text(out.key("hint"), error.hint);
  out.key("details").raw(error.details.empty() ? "[]" : error.details);
  out.end_object();
}

void write_result(JsonWriter& out, const ResultAnswer& result) {
  out.key(result.node_id).begin_object();
  write_result_members(out, result);
  out.end_object();
}

void write_node(JsonWriter& out, const NodeAnswer& node) {
  out.begin_object();
  out.key("node_id").text(node.node_id);
  out.key("status").text(name_of(node.status));
  text_or_null(out, "reason", name_of(node.reason));
  if (!node.because.empty()) out.key("because").text(node.because);
  text_or_null(out, "class", name_of(node.failure));
  number_or_null(out, "exit_code", node.exit_code);
  number_or_null(out, "signal", node.signal);
  out.key("attempts").number(std::uint64_t{node.attempts});
  out.key("reused").boolean(node.reused);
  out.key("wall_ms").number(whole_ms(node.wall));
  out.key("user_ms").number(whole_ms(node.user));
  out.key("system_ms").number(whole_ms(node.system));
  out.key("peak_memory_kib").number(node.peak_memory_kib);
  text_or_null(out, "error", node.error);
  text_or_null(out, "log", node.log);
  if (!node.output.empty()) text_or_null(out, "output", node.output);
  if (!node.explanation.empty()) text_or_null(out, "explain", node.explanation);
  out.end_object();
}

void hand_on(JsonWriter& out, const Write& write, std::size_t at_least) {
  if (out.size() >= at_least) write(out.take());
}

}  // namespace

void write_counts(JsonWriter& out, const engine::Counts& counts) {
  out.key("total_nodes").number(counts.total);
  out.key("completed_nodes").number(counts.completed);
  out.key("reused_nodes").number(counts.reused);
  out.key("failed_nodes").number(counts.failed);
  out.key("cancelled_nodes").number(counts.cancelled);
  out.key("pending_nodes").number(counts.pending());
  out.key("running_nodes").number(counts.running);
}

void write_bytes_members(JsonWriter& out, std::string_view bytes) {
  if (is_utf8(bytes)) {
    out.key("text").text(bytes);
  } else {
    out.key("base64").text(base64(bytes));
  }
}

void write_result_members(JsonWriter& out, const ResultAnswer& result) {
  write_bytes_members(out, result.bytes);
  if (result.truncated) out.key("truncated").boolean(true);
  out.key("key");
  if (result.key) {
    out.text(to_hex(*result.key));
  } else {
    out.null();
  }
  out.key("digest").text(to_hex(result.digest));
  out.key("size").number(result.size);
  out.key("data_type").text(result.data_type);
}

void write_answer(const RunAnswer& answer, JsonWriter::Layout layout, const Write& write) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(answer.success);
  out.key("execution_id").text(answer.execution_id);
  out.key("execution").number(answer.execution);
  out.key("dag_id").text(answer.dag_id);
  out.key("status").text(name_of(answer.status));
  write_counts(out, answer.counts);
  out.key("progress_percentage").real(answer.percentage);
  out.key("started_at").text(to_rfc3339(answer.started_at));
  out.key("finished_at").text(to_rfc3339(answer.finished_at));
  out.key("wall_ms").number(whole_ms(answer.finished_at - answer.started_at));
  out.key("results").begin_object();
  for (const ResultAnswer& result : answer.results) {
    write_result(out, result);
    hand_on(out, write, k_piece);
  }
  out.end_object();
  out.key("nodes").begin_array();
  for (const NodeAnswer& node : answer.nodes) {
    write_node(out, node);
    hand_on(out, write, k_piece);
  }
  out.end_array();
  if (!answer.warnings.empty()) {
    out.key("warnings").begin_array();
    for (const std::string& warning : answer.warnings) any_text(out, warning);
    out.end_array();
  }
  if (!answer.audit_head.empty()) out.key("audit_head").text(answer.audit_head);
  if (answer.error) write_error_member(out, *answer.error);
  out.end_object();
  write(out.take() + '\n');
}

void write_answer(const SubmittedAnswer& answer, JsonWriter::Layout layout, const Write& write) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("execution_id").text(answer.execution_id);
  out.key("execution").number(answer.execution);
  out.key("status").text(engine::name_of(engine::ExecutionStatus::submitted));
  out.end_object();
  write(out.take() + '\n');
}

void write_answer(const DryRunAnswer& answer, JsonWriter::Layout layout, const Write& write) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("dag_id").text(answer.dag_id);
  out.key("would_run").begin_array();
  for (const DryRunAnswer::Node& node : answer.would_run) {
    out.begin_object();
    out.key("node_id").text(node.node_id);
    any_text(out.key("command"), node.command);
    any_text(out.key("explain"), node.explanation);
    out.end_object();
    hand_on(out, write, k_piece);
  }
  out.end_array();
  for (const auto& [name, ids] :
       {std::pair{"would_reuse", &answer.would_reuse}, std::pair{"unknown", &answer.unknown}}) {
    out.key(name).begin_array();
    for (const std::string& id : *ids) out.text(id);
    out.end_array();
  }
  out.end_object();
  write(out.take() + '\n');
}

void write_error(const ErrorAnswer& error, JsonWriter::Layout layout, const Write& write) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(false);
  write_error_member(out, error);
  out.end_object();
  write(out.take() + '\n');
}

}  // namespace dsched::wire
