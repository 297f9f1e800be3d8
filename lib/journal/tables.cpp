// SPDX-License-Identifier: Apache-2.0
#include "journal/tables.h"

namespace dsched::journal {
namespace {

constexpr const char* k_tables = R"(
CREATE TABLE IF NOT EXISTS execution(
  number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, dag_id TEXT NOT NULL,
  status INTEGER NOT NULL, priority INTEGER NOT NULL, program BLOB NOT NULL,
  program_size INTEGER NOT NULL, folder TEXT NOT NULL, settings TEXT NOT NULL,
  initiated_by TEXT NOT NULL, submitted_at INTEGER NOT NULL, finished_at INTEGER,
  total INTEGER NOT NULL, completed INTEGER NOT NULL, reused_nodes INTEGER NOT NULL,
  failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, running INTEGER NOT NULL, reused BLOB,
  started_at INTEGER);
CREATE TABLE IF NOT EXISTS segment(
  execution INTEGER NOT NULL, sequence INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS segment_of ON segment(execution, sequence);
CREATE TABLE IF NOT EXISTS reuse(digest BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history(dag_id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal_note(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live(execution INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS wish(
  number INTEGER PRIMARY KEY AUTOINCREMENT, execution INTEGER NOT NULL, kind INTEGER NOT NULL,
  node TEXT NOT NULL, value INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS summary(
  execution INTEGER NOT NULL, cell INTEGER NOT NULL, span INTEGER NOT NULL,
  operation TEXT NOT NULL, figures BLOB NOT NULL, PRIMARY KEY(execution, cell, span, operation));
CREATE TABLE IF NOT EXISTS gate(
  execution INTEGER NOT NULL, node TEXT NOT NULL, digest BLOB NOT NULL, state INTEGER NOT NULL,
  asked_at INTEGER NOT NULL, expires_at INTEGER, decided_at INTEGER, decided_by TEXT NOT NULL,
  reason TEXT NOT NULL, command TEXT NOT NULL, arguments TEXT NOT NULL, approvers TEXT NOT NULL,
  PRIMARY KEY(execution, node));
CREATE TABLE IF NOT EXISTS token(
  number INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, hint TEXT NOT NULL,
  type TEXT NOT NULL, made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  made_by TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token_node(
  token INTEGER NOT NULL, execution INTEGER NOT NULL, node TEXT NOT NULL, digest BLOB NOT NULL,
  used_at INTEGER, PRIMARY KEY(token, execution, node));
CREATE TABLE IF NOT EXISTS audit(
  sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
  object TEXT NOT NULL, outcome TEXT NOT NULL, details TEXT NOT NULL, hash BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS audit_kind ON audit(action, outcome, sequence);
CREATE TABLE IF NOT EXISTS audit_head(
  one INTEGER PRIMARY KEY CHECK(one=1), sequence INTEGER NOT NULL, hash BLOB NOT NULL);
)";
constexpr int k_table_count = 13;

}  // namespace

bool has_table(sys::Database& database, std::string_view name) {
  auto statement = database.prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?");
  statement.bind_text(name);
  return statement.step();
}

bool has_column(sys::Database& database, std::string_view table, std::string_view column) {
  auto statement = database.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name=?");
  statement.bind_text(table).bind_text(column);
  return statement.step();
}

bool has_all_tables(sys::Database& database) {
  auto statement = database.prepare(
      "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN "
      "('execution','segment','reuse','history','journal_note','live','wish','summary','gate',"
      "'token','token_node','audit','audit_head')");
  return statement.step() && statement.integer(0) == k_table_count &&
         has_column(database, "execution", "started_at");
}

void make_tables(sys::Database& database) {
  sys::Transaction transaction(database);
  database.execute(k_tables);
  if (!has_column(database, "execution", "started_at")) {
    database.execute("ALTER TABLE execution ADD COLUMN started_at INTEGER");
  }
  transaction.commit();
}

}  // namespace dsched::journal
