// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "journal/approvals.h"
#include "journal/columns.h"
#include "journal/live.h"
#include "journal/summary.h"
#include "journal/tables.h"
#include "journal/wishes.h"

namespace dsched::journal {
namespace {

constexpr std::string_view k_columns =
    "number,id,dag_id,status,priority,program,program_size,folder,settings,initiated_by,"
    "submitted_at,finished_at,total,completed,reused_nodes,failed,cancelled,running,reused";

std::string_view bytes_of(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

ExecutionRecord record_from(const sys::Statement& row) {
  ExecutionRecord record;
  record.number = {static_cast<std::uint64_t>(row.integer(0))};
  const std::string_view id = row.bytes(1);
  if (id.size() == record.id.bytes.size())
    std::memcpy(record.id.bytes.data(), id.data(), id.size());
  record.dag_id = row.bytes(2);
  record.status = static_cast<engine::ExecutionStatus>(row.integer(3));
  record.priority = {static_cast<std::uint8_t>(row.integer(4))};
  record.program = {row.digest(5).value_or(Digest{}), static_cast<std::uint64_t>(row.integer(6))};
  record.folder = row.bytes(7);
  record.settings = row.bytes(8);
  record.initiated_by = row.bytes(9);
  record.submitted_at = WallTime{Nanoseconds{row.integer(10)}};
  record.finished_at = time_in(row, 11);
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  record.counts = {.total = count(12),
                   .completed = count(13),
                   .reused = count(14),
                   .failed = count(15),
                   .cancelled = count(16),
                   .running = count(17)};
  record.reused = row.digest(18);
  record.started_at = time_in(row, 19);
  return record;
}

// The columns behind `number` and `id`, in their order.
void bind_changing(sys::Statement& statement, const ExecutionRecord& record) {
  statement.bind_text(record.dag_id)
      .bind(static_cast<std::int64_t>(record.status))
      .bind(std::int64_t{record.priority.level})
      .bind(record.program.hash)
      .bind(as_integer(record.program.size))
      .bind_text(record.folder)
      .bind_text(record.settings)
      .bind_text(record.initiated_by)
      .bind(nanoseconds(record.submitted_at));
  bind_time(statement, record.finished_at);
  statement.bind(as_integer(record.counts.total))
      .bind(as_integer(record.counts.completed))
      .bind(as_integer(record.counts.reused))
      .bind(as_integer(record.counts.failed))
      .bind(as_integer(record.counts.cancelled))
      .bind(as_integer(record.counts.running));
  if (record.reused) {
    statement.bind(*record.reused);
  } else {
    statement.bind_null();
  }
  bind_time(statement, record.started_at);
}

// Hexadecimal digits and dashes: what an id can be made of.
bool is_part_of_id(std::string_view name) {
  constexpr std::size_t k_shortest = 4;
  return name.size() >= k_shortest && name.size() <= 36 &&
         name.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

// FNV-1a, 64 bits. Two names of one DAG that collide share an estimate, which harms nothing.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace

Journal::Journal(sys::Database& database, Tables tables) : database_(database) {
  if (!has_all_tables(database_)) {
    if (tables == Tables::make) {
      make_tables(database_);
    } else {
      present_ = has_table(database_, "execution");
      has_started_at_ = has_column(database_, "execution", "started_at");
    }
  }
}

std::string Journal::select(std::string_view rest) const {
  std::string sql = "SELECT ";
  sql += k_columns;
  sql += has_started_at_ ? ",started_at" : ",NULL";
  sql += " FROM execution ";
  sql += rest;
  return sql;
}

void Journal::submit(ExecutionRecord& record) {
  auto insert = database_.prepare(
      "INSERT INTO execution(id,dag_id,status,priority,program,program_size,folder,settings,"
      "initiated_by,submitted_at,finished_at,total,completed,reused_nodes,failed,cancelled,running,"
      "reused,started_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind_blob(bytes_of(record.id));
  bind_changing(insert, record);
  insert.run();
  record.number = {static_cast<std::uint64_t>(database_.last_insert_id())};
}

void Journal::update(const ExecutionRecord& record) {
  auto update = database_.prepare(
      "UPDATE execution SET dag_id=?,status=?,priority=?,program=?,program_size=?,folder=?,"
      "settings=?,initiated_by=?,submitted_at=?,finished_at=?,total=?,completed=?,reused_nodes=?,"
      "failed=?,cancelled=?,running=?,reused=?,started_at=? WHERE number=?");
  bind_changing(update, record);
  update.bind(as_integer(record.number.value)).run();
}

void Journal::append_segment(ExecutionNumber execution, std::string_view segment) {
  database_.prepare("INSERT INTO segment(execution,data) VALUES(?,?)")
      .bind(as_integer(execution.value))
      .bind_blob(segment)
      .run();
}

void Journal::drop_segments(ExecutionNumber execution) {
  database_.prepare("DELETE FROM segment WHERE execution=?")
      .bind(as_integer(execution.value))
      .run();
}

void Journal::remove(ExecutionNumber execution) {
  remove_summaries(database_, execution);
  constexpr int k_segments_at_once = 16;  // about 1 MiB, 5 ms
  while (true) {
    sys::Transaction transaction(database_);
    database_
        .prepare(
            "DELETE FROM segment WHERE sequence IN "
            "(SELECT sequence FROM segment WHERE execution=? LIMIT ?)")
        .bind(as_integer(execution.value))
        .bind(std::int64_t{k_segments_at_once})
        .run();
    const bool done = database_.changes() < k_segments_at_once;
    if (done) {
      remove_live(database_, execution);
      (void)take_wishes(database_, execution);
      remove_gates(database_, execution);
      database_.prepare("DELETE FROM execution WHERE number=?")
          .bind(as_integer(execution.value))
          .run();
    }
    transaction.commit();
    if (done) return;
  }
}

void Journal::remove_unused_reuse() {
  database_
      .prepare(
          "DELETE FROM reuse WHERE digest NOT IN "
          "(SELECT reused FROM execution WHERE reused IS NOT NULL)")
      .run();
}

std::optional<WallTime> Journal::last_collection() {
  auto statement = database_.prepare("SELECT value FROM journal_note WHERE name='last_collection'");
  if (!statement.step()) return std::nullopt;
  return WallTime{Nanoseconds{statement.integer(0)}};
}

void Journal::set_last_collection(WallTime at) {
  database_.prepare("INSERT OR REPLACE INTO journal_note VALUES('last_collection',?)")
      .bind(nanoseconds(at))
      .run();
}

// A row of `reuse`: (node:u32 little-endian, key:32)*; its digest is its own checksum.
Digest Journal::put_reused(const std::vector<ReusedNode>& nodes) {
  std::string data;
  data.reserve(nodes.size() * 36);
  for (const ReusedNode& reused : nodes) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      data += static_cast<char>(reused.node.value >> shift);
    }
    data.append(reinterpret_cast<const char*>(reused.key.bytes.data()), reused.key.bytes.size());
  }
  const Digest digest = sha256(data);
  database_.prepare("INSERT OR IGNORE INTO reuse(digest,data) VALUES(?,?)")
      .bind(digest)
      .bind_blob(data)
      .run();
  return digest;
}

std::vector<ReusedNode> Journal::reused(const Digest& digest) {
  auto statement = database_.prepare("SELECT data FROM reuse WHERE digest=?");
  statement.bind(digest);
  if (!statement.step()) return {};
  const std::string_view data = statement.bytes(0);
  constexpr std::size_t k_entry = 36;
  if (data.size() % k_entry != 0 || sha256(data) != digest) {
    throw Error(ErrorKind::damaged, "journal: the record of reused nodes is damaged");
  }
  std::vector<ReusedNode> nodes(data.size() / k_entry);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const char* at = data.data() + i * k_entry;
    for (unsigned k = 0; k < 4; ++k) {
      nodes[i].node.value |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(at[k]))
                             << (8 * k);
    }
    std::memcpy(nodes[i].key.bytes.data(), at + 4, 32);
  }
  return nodes;
}

std::optional<ExecutionRecord> Journal::find(ExecutionNumber execution) {
  if (!present_) return std::nullopt;
  auto statement = database_.prepare(select("WHERE number=?"));
  statement.bind(as_integer(execution.value));
  if (!statement.step()) return std::nullopt;
  return record_from(statement);
}

std::optional<ExecutionRecord> Journal::find(std::string_view name) {
  if (!present_) return std::nullopt;
  if (name == "@latest") name = "@-1";
  if (name.starts_with("@-")) {
    std::int64_t back = 0;
    const auto [end, error] = std::from_chars(name.data() + 2, name.data() + name.size(), back);
    if (error != std::errc{} || end != name.data() + name.size() || back < 1) return std::nullopt;
    auto statement = database_.prepare(select("ORDER BY number DESC LIMIT 1 OFFSET ?"));
    statement.bind(back - 1);
    if (!statement.step()) return std::nullopt;
    return record_from(statement);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size()) {
    if (auto found = find(ExecutionNumber{number})) return found;
  }
  if (!is_part_of_id(name)) return std::nullopt;
  std::vector<ExecutionNumber> matches;
  {
    auto statement = database_.prepare("SELECT number,id FROM execution ORDER BY number DESC");
    while (statement.step()) {
      Uuid id;
      const std::string_view bytes = statement.bytes(1);
      if (bytes.size() == id.bytes.size()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
      const std::string text = to_text(id);
      if (text.starts_with(name) || text.ends_with(name)) {
        matches.push_back({static_cast<std::uint64_t>(statement.integer(0))});
      }
    }
  }
  if (matches.size() > 1) {
    throw Error(ErrorKind::usage, "execution " + std::string(name) + ": " +
                                      std::to_string(matches.size()) + " executions fit this name");
  }
  if (matches.empty()) return std::nullopt;
  return find(matches.front());
}

void Journal::each(std::size_t limit, const std::function<void(const ExecutionRecord&)>& visit) {
  if (!present_) return;
  auto statement = database_.prepare(select("ORDER BY number DESC LIMIT ?"));
  statement.bind(static_cast<std::int64_t>(limit));
  while (statement.step()) visit(record_from(statement));
}

void Journal::each_outcome(ExecutionNumber execution, const std::function<void(Outcome&&)>& visit) {
  auto statement =
      database_.prepare("SELECT data FROM segment WHERE execution=? ORDER BY sequence");
  statement.bind(as_integer(execution.value));
  while (statement.step()) {
    if (!read_segment(statement.bytes(0), visit)) {
      throw Error(ErrorKind::damaged, "journal: a segment of execution " +
                                          std::to_string(execution.value) + " is damaged");
    }
  }
}

namespace {

// A row of `history`: (hash:u64 milliseconds:u32)*, little-endian, sorted by hash.
void read_history_row(sys::Database& database, const std::string& dag_id,
                      std::unordered_map<std::uint64_t, std::uint32_t>& milliseconds) {
  auto statement = database.prepare("SELECT data FROM history WHERE dag_id=?");
  statement.bind_text(dag_id);
  if (!statement.step()) return;
  const std::string_view data = statement.bytes(0);
  constexpr std::size_t k_entry = 12;
  milliseconds.reserve(data.size() / k_entry);
  for (std::size_t at = 0; at + k_entry <= data.size(); at += k_entry) {
    std::uint64_t hash = 0;
    std::uint32_t millis = 0;
    std::memcpy(&hash, data.data() + at, 8);
    std::memcpy(&millis, data.data() + at + 8, 4);
    milliseconds.emplace(hash, millis);
  }
}

}  // namespace

std::string name_of_copies(std::string_view node_id) {
  std::string name;
  bool has_number = false;
  while (!node_id.empty()) {
    const std::size_t end = std::min(node_id.find('.', 1), node_id.size());
    const std::string_view part = node_id.substr(0, end);
    const bool is_number = part.size() > 1 && part.front() == '.' &&
                           part.find_first_not_of("0123456789", 1) == part.npos;
    has_number = has_number || is_number;
    name += is_number ? std::string_view(".*") : part;
    node_id.remove_prefix(end);
  }
  return has_number ? name : std::string{};
}

Durations::Durations(sys::Database& database, std::string_view dag_id) : dag_id_(dag_id) {
  // A read-only look at a store without executions finds no table.
  if (has_table(database, "history")) read_history_row(database, dag_id_, milliseconds_);
}

std::optional<Nanoseconds> Durations::duration(std::string_view node_id) const {
  auto found = milliseconds_.find(hash_of(node_id));
  if (found == milliseconds_.end()) {
    const std::string shared = name_of_copies(node_id);
    if (!shared.empty()) found = milliseconds_.find(hash_of(shared));
  }
  if (found == milliseconds_.end()) return std::nullopt;
  return std::chrono::milliseconds{found->second};
}

void Durations::remember(std::string_view node_id, Nanoseconds duration) {
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  const auto clamped = std::clamp<std::int64_t>(millis, 0, UINT32_MAX);
  const std::uint64_t hash = hash_of(node_id);
  milliseconds_[hash] = static_cast<std::uint32_t>(clamped);
  changed_[hash] = static_cast<std::uint32_t>(clamped);
}

// What other executions of the DAG have saved since it was read stays, where this one has nothing
// newer.
void Durations::save(sys::Database& database) {
  if (changed_.empty()) return;
  std::unordered_map<std::uint64_t, std::uint32_t> all = std::exchange(changed_, {});
  read_history_row(database, dag_id_, all);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted(all.begin(), all.end());
  std::sort(sorted.begin(), sorted.end());
  std::string data;
  data.reserve(sorted.size() * 12);
  for (const auto& [hash, millis] : sorted) {
    data.append(reinterpret_cast<const char*>(&hash), 8);
    data.append(reinterpret_cast<const char*>(&millis), 4);
  }
  database.prepare("INSERT OR REPLACE INTO history(dag_id,data) VALUES(?,?)")
      .bind_text(dag_id_)
      .bind_blob(data)
      .run();
}

}  // namespace dsched::journal
