// SPDX-License-Identifier: Apache-2.0
#include "session/recorded_results.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "journal/expansions.h"
#include "program/program_text.h"
#include "sys/files.h"
#include "value/encoding.h"
#include "value/text.h"

namespace dsched::session {
namespace {

struct RecordedNode {
  NodeIndex index;
  bool is_value = false;  // of a VoxLogica program, in its binary form
};

// A node in the program that was recorded with the execution.
std::optional<RecordedNode> find_node(store::Store& store, journal::Journal& journal,
                                      const journal::ExecutionRecord& record,
                                      std::string_view node_id) {
  auto text = store::read_blob(store.blobs(), record.program.hash);
  if (!text) return std::nullopt;
  // What was --set does not change which nodes there are, so faults about it are of no interest.
  auto read = program::read_program(program::source_from(std::move(*text)));
  auto* dag = std::get_if<dag::Dag>(&read);
  if (dag == nullptr) return std::nullopt;
  auto node = dag->find(node_id);
  if (!node) {
    journal::repeat_expansions(journal, record.number, *dag);
    node = dag->find(node_id);
  }
  for (const dag::Print& print : dag->prints()) {
    const bool is_it = print.kind == dag::PrintKind::value && print.label == node_id;
    if (!node && is_it) node = print.node;
  }
  if (!node) return std::nullopt;
  return RecordedNode{*node, dag->form_of(*node) == dag::Form::value};
}

std::uint64_t write_part(std::string_view bytes, const ByteRange& range, int fd) {
  if (range.start >= bytes.size()) return 0;
  bytes = bytes.substr(range.start, range.size.value_or(bytes.size()));
  sys::write_all(fd, bytes, "output");
  return bytes.size();
}

std::uint64_t write_blob(store::Store& store, const Digest& hash, const ByteRange& range, int fd) {
  const auto reader = store.blobs().open(hash);
  if (!reader) throw Error(ErrorKind::not_found, "result " + to_hex(hash) + ": no longer stored");
  const std::uint64_t end =
      range.size ? std::min(reader->size(), range.start + *range.size) : reader->size();
  std::vector<char> buffer(256 * 1024);
  std::uint64_t written = 0;
  for (std::uint64_t at = range.start; at < end;) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), end - at);
    const std::size_t got = reader->read(at, {buffer.data(), want});
    if (got == 0) break;
    sys::write_all(fd, {buffer.data(), got}, "output");
    at += got;
    written += got;
  }
  return written;
}

// People read values as text.
std::string text_of_value(store::Store& store, const RecordedResult& result) {
  std::optional<std::string> bytes = result.value;
  if (!bytes) {
    const auto record = result.key ? store.results().find(*result.key) : std::nullopt;
    const Digest hash = record ? record->content.hash : result.content.hash;
    bytes = store::read_blob(store.blobs(), hash);
    if (!bytes) {
      throw Error(ErrorKind::not_found, "result " + to_hex(hash) + ": no longer stored");
    }
  }
  return value::text_of(value::decode(*bytes));
}

}  // namespace

std::optional<RecordedResult> JournalNames::find(std::string_view execution,
                                                 std::string_view node_id) {
  const auto record = journal_.find(execution);
  if (!record) return std::nullopt;
  const auto node = find_node(store_, journal_, *record, node_id);
  if (!node) return std::nullopt;
  std::optional<RecordedResult> found;
  journal_.each_outcome(record->number, [&](journal::Outcome&& outcome) {
    if (outcome.node != node->index || outcome.kind == journal::Outcome::Kind::expanded) return;
    found.reset();
    if (outcome.kind != journal::Outcome::Kind::completed) return;
    found = RecordedResult{outcome.key, std::move(outcome.value), outcome.content, node->is_value};
  });
  if (found || !record->reused) return found;
  for (const journal::ReusedNode& reused : journal_.reused(*record->reused)) {
    if (reused.node == node->index) return RecordedResult{reused.key, {}, {}, node->is_value};
  }
  return std::nullopt;
}

std::optional<Digest> JournalNames::key_of(std::string_view execution, std::string_view node_id) {
  const auto found = find(execution, node_id);
  return found ? found->key : std::nullopt;
}

std::uint64_t get_named_result(store::Store& store, journal::Journal& journal,
                               std::string_view name, const ByteRange& range, int fd) {
  JournalNames names(store, journal);
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    const auto found = names.find(name.substr(0, slash), name.substr(slash + 1));
    if (!found) {
      throw Error(ErrorKind::not_found,
                  "result " + escape_for_terminal(name) + ": there is no such result");
    }
    if (found->is_value) return write_part(text_of_value(store, *found), range, fd);
    if (found->value) return write_part(*found->value, range, fd);
    if (!found->key || !store.results().find(*found->key)) {
      return found->content.size == 0 ? 0 : write_blob(store, found->content.hash, range, fd);
    }
  }
  return get_result(store, resolve_result(store, names, name), range, fd);
}

}  // namespace dsched::session
