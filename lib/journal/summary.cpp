// SPDX-License-Identifier: Apache-2.0
#include "journal/summary.h"

#include <vector>

#include "base/error.h"
#include "journal/tables.h"

// figures = version:u8 (1 or 2) completed:varint reused:varint failed:varint cancelled:varint
//           processing:time latency:latencies queue:latencies tokens:varint token_time:time
//           [batch_used:time batch_room:time] sum:u64                       (batch: version 2)
//
// with the alphabet of journal/fields.h. stored: versions 1 and 2 never change; 2 is written.

namespace dsched::journal {
namespace {

constexpr std::uint8_t k_figures_version = 2;

std::int64_t seconds(Nanoseconds time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

struct Cell {
  std::int64_t execution = 0;
  std::int64_t begin = 0;  // seconds
  std::int64_t span = 0;
  std::string operation;
};

Cell cell_at(std::int64_t execution, std::int64_t second, Nanoseconds span,
             std::string_view operation) {
  const std::int64_t length = seconds(span);
  return {execution, second - second % length, length, std::string(operation)};
}

std::string pack(const Summary& figures) {
  std::string out;
  out += static_cast<char>(k_figures_version);
  for (const std::uint64_t count :
       {figures.completed, figures.reused, figures.failed, figures.cancelled}) {
    put_varint(out, count);
  }
  put_time(out, figures.processing);
  figures.latency.write(out);
  figures.queue.write(out);
  put_varint(out, figures.tokens);
  put_time(out, figures.token_time);
  put_time(out, figures.batch_used);
  put_time(out, figures.batch_room);
  close_bytes(out);
  return out;
}

// Adds packed figures to others; false when they cannot be read, and then the others are lost.
bool merge_packed(std::string_view closed, SummaryQuery::Parts parts, Summary& figures) {
  const auto bytes = open_bytes(closed);
  if (!bytes) return false;
  FieldReader in{*bytes};
  const std::uint8_t version = in.byte();
  if (version < 1 || version > k_figures_version) return false;
  for (std::uint64_t* count :
       {&figures.completed, &figures.reused, &figures.failed, &figures.cancelled}) {
    *count += in.varint();
  }
  figures.processing += in.time();
  if (parts == SummaryQuery::Parts::counts) return in.ok;
  figures.latency.merge_read(in);
  figures.queue.merge_read(in);
  figures.tokens += in.varint();
  figures.token_time += in.time();
  if (version >= 2) {
    figures.batch_used += in.time();
    figures.batch_room += in.time();
  }
  return in.at_end();
}

std::optional<Summary> unpack(std::string_view closed) {
  Summary figures;
  if (!merge_packed(closed, SummaryQuery::Parts::all, figures)) return std::nullopt;
  return figures;
}

// Figures that cannot be read are given up here: there is nobody to tell, and others follow.
void add_to(sys::Database& database, const Cell& cell, Summary figures) {
  {
    auto known = database.prepare(
        "SELECT figures FROM summary WHERE execution=? AND cell=? AND span=? AND operation=?");
    known.bind(cell.execution).bind(cell.begin).bind(cell.span).bind_text(cell.operation);
    if (known.step()) {
      if (const auto old = unpack(known.bytes(0))) figures.merge(*old);
    }
  }
  figures.latency.limit();
  figures.queue.limit();
  const std::string packed = pack(figures);
  database
      .prepare(
          "INSERT OR REPLACE INTO summary(execution,cell,span,operation,figures) "
          "VALUES(?,?,?,?,?)")
      .bind(cell.execution)
      .bind(cell.begin)
      .bind(cell.span)
      .bind_text(cell.operation)
      .bind_blob(packed)
      .run();
}

[[noreturn]] void fail_damaged(std::int64_t execution) {
  throw Error(ErrorKind::damaged,
              "journal: the figures of execution " + std::to_string(execution) + " are damaged");
}

}  // namespace

void Summary::merge(const Summary& other) {
  completed += other.completed;
  reused += other.reused;
  failed += other.failed;
  cancelled += other.cancelled;
  processing += other.processing;
  latency.merge(other.latency);
  queue.merge(other.queue);
  tokens += other.tokens;
  token_time += other.token_time;
  batch_used += other.batch_used;
  batch_room += other.batch_room;
}

void add_summary(sys::Database& database, ExecutionNumber execution, WallTime at,
                 std::string_view operation, const Summary& figures) {
  const std::int64_t second = seconds(at.time_since_epoch());
  add_to(database, cell_at(as_integer(execution), second, k_cell, operation), figures);
}

SummaryAnswer sum_up(sys::Database& database, const SummaryQuery& query) {
  SummaryAnswer answer;
  if (!has_table(database, "summary")) return answer;
  auto rows = database.prepare(
      "SELECT execution,cell,figures FROM summary "
      "WHERE (cell+span)*1000000000>? AND (? OR operation=?) AND (? OR execution=?)");
  rows.bind(query.since ? query.since->time_since_epoch().count() : INT64_MIN)
      .bind(query.operation ? 0 : 1)
      .bind_text(query.operation ? std::string_view(*query.operation) : std::string_view())
      .bind(query.execution ? 0 : 1)
      .bind(query.execution ? as_integer(*query.execution) : 0);
  while (rows.step()) {
    if (!merge_packed(rows.bytes(2), query.parts, answer.figures)) fail_damaged(rows.integer(0));
    for (Latencies* latencies : {&answer.figures.latency, &answer.figures.queue}) {
      if (latencies->count() > k_exact_sum_max) latencies->limit();
    }
    const WallTime begin{std::chrono::seconds{rows.integer(1)}};
    if (!answer.earliest || begin < *answer.earliest) answer.earliest = begin;
  }
  return answer;
}

void remove_summaries(sys::Database& database, ExecutionNumber execution) {
  database.prepare("DELETE FROM summary WHERE execution=?").bind(as_integer(execution)).run();
}

void coarsen_summaries(sys::Database& database, WallTime now) {
  constexpr std::int64_t k_batch = 64;  // rows: a few milliseconds
  const std::int64_t limit = seconds((now - k_fine_age).time_since_epoch());
  while (true) {
    sys::Transaction transaction(database);
    std::vector<std::pair<Cell, std::optional<Summary>>> old;
    {
      auto rows = database.prepare(
          "SELECT execution,cell,operation,figures FROM summary "
          "WHERE span=? AND cell+span<=? LIMIT ?");
      rows.bind(seconds(k_cell)).bind(limit).bind(k_batch);
      while (rows.step()) {
        old.emplace_back(cell_at(rows.integer(0), rows.integer(1), k_cell, rows.bytes(2)),
                         unpack(rows.bytes(3)));
      }
    }
    for (const auto& [cell, figures] : old) {
      database
          .prepare("DELETE FROM summary WHERE execution=? AND cell=? AND span=? AND operation=?")
          .bind(cell.execution)
          .bind(cell.begin)
          .bind(cell.span)
          .bind_text(cell.operation)
          .run();
      if (!figures) continue;
      add_to(database, cell_at(cell.execution, cell.begin, k_coarse_cell, cell.operation),
             *figures);
    }
    transaction.commit();
    if (old.size() < static_cast<std::size_t>(k_batch)) return;
  }
}

}  // namespace dsched::journal
