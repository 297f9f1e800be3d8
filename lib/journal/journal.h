// SPDX-License-Identifier: Apache-2.0
#pragma once
// The record of executions: what was submitted, what came of each node, how it ended.
//
// It lives in the store's database, so that a completion and its result commit together. Only
// executions have rows of their own; the outcomes of nodes are appended as segments
// (journal/outcome.h). Which nodes were reused, and with which results, is one row shared by all
// executions that reused the same (a re-run that runs nothing adds a few hundred bytes). Durations
// are remembered per DAG, for order and estimates. Everything that writes joins the caller's
// transaction.
//
// Tables (SQL in tables.cpp): execution, segment, reuse, history, journal_note. What runs now, what
// was asked of it, figures, consent and the audit stand in journal/live.h, wishes.h, summary.h,
// approvals.h and audit.h.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/uuid.h"
#include "engine/execution.h"
#include "engine/state.h"
#include "journal/outcome.h"
#include "sys/sqlite.h"

namespace dsched::journal {

struct ExecutionRecord {
  ExecutionNumber number;
  Uuid id;
  std::string dag_id;
  engine::ExecutionStatus status = engine::ExecutionStatus::submitted;
  Priority priority;
  store::Content program;  // its text is a blob
  std::string folder;      // the program's folder, absolute
  std::string settings;    // JSON object: what the command line said that a resume must keep
  std::string initiated_by;
  WallTime submitted_at;
  std::optional<WallTime> started_at;  // when its first runner began
  std::optional<WallTime> finished_at;
  engine::Counts counts;         // as of the last record
  std::optional<Digest> reused;  // of the row in `reuse`
};

struct ReusedNode {
  NodeIndex node;
  Digest key;
};

class Journal {
 public:
  enum class Tables : std::uint8_t {
    make,    // when they are missing
    expect,  // read only: without them there are no executions
  };
  Journal(sys::Database& database, Tables tables);

  // Gives the record its number and adds it.
  void submit(ExecutionRecord& record);
  // Rewrites status, counts, times, program and settings.
  void update(const ExecutionRecord& record);
  void append_segment(ExecutionNumber execution, std::string_view segment);
  void drop_segments(ExecutionNumber execution);
  // The execution and all that was recorded of it, in short transactions of its own.
  void remove(ExecutionNumber execution);
  // Rows of `reuse` that no execution names.
  void remove_unused_reuse();
  // When garbage was last collected at the end of a run; empty: never.
  [[nodiscard]] std::optional<WallTime> last_collection();
  void set_last_collection(WallTime at);
  // Ordered by node. Returns the digest to put into the record.
  [[nodiscard]] Digest put_reused(const std::vector<ReusedNode>& nodes);

  [[nodiscard]] std::optional<ExecutionRecord> find(ExecutionNumber execution);
  // By number, id, unique prefix or suffix of the id (4 characters at least), "@latest", "@-2" (the
  // one before the latest). Empty: there is none; throws Error usage when several fit.
  [[nodiscard]] std::optional<ExecutionRecord> find(std::string_view name);
  // Newest first, at most `limit`.
  void each(std::size_t limit, const std::function<void(const ExecutionRecord&)>& visit);
  // In the order they happened. Throws Error damaged when a segment cannot be read.
  void each_outcome(ExecutionNumber execution, const std::function<void(Outcome&&)>& visit);
  [[nodiscard]] std::vector<ReusedNode> reused(const Digest& digest);

 private:
  [[nodiscard]] std::string select(std::string_view rest) const;

  sys::Database& database_;
  bool present_ = true;
  bool has_started_at_ = true;  // a store of an earlier version lacks the column
};

// The name under which the duration of the nodes of a map is kept, which are copies of one
// template: "m.*.*" of "m.3.0". Empty when the name cannot be that of one.
[[nodiscard]] std::string name_of_copies(std::string_view node_id);

// Recorded durations of a DAG's nodes, by name; of a node of a map by the name of all its copies.
class Durations {
 public:
  Durations(sys::Database& database, std::string_view dag_id);
  [[nodiscard]] std::optional<Nanoseconds> duration(std::string_view node_id) const;
  void remember(std::string_view node_id, Nanoseconds duration);
  // Joins the caller's transaction.
  void save(sys::Database& database);

 private:
  std::string dag_id_;
  std::unordered_map<std::uint64_t, std::uint32_t> milliseconds_;  // by hash of the name
  std::unordered_map<std::uint64_t, std::uint32_t> changed_;       // of those, to be saved
};

}  // namespace dsched::journal
