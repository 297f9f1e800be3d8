// SPDX-License-Identifier: Apache-2.0
#pragma once
// SQLite with owners: Database, Statement, Transaction.
//
// One Database is used by one thread. It runs in WAL mode with synchronous=NORMAL, so a commit
// survives the end of the process at once and a crash of the machine after the next sync().
// Statements are prepared once per text and kept. Every failure is an Error: kind damaged when
// SQLite finds the file corrupt (a missing table or column counts as that), storage otherwise.
// Waiting for another writer is our own jittered loop, because SQLite's handler backs off so far
// that a busy store feels stuck. No statement may stay open across a wait: an unfinished SELECT
// lets the WAL grow without bound; Statement's destructor resets it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dsched::sys {

// A prepared statement on loan from its Database; reset and given back by the destructor.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Binds the next parameter (?), in order. Text and blobs must stay alive until the statement is
  // reset: nothing is copied.
  Statement& bind(std::int64_t value);
  Statement& bind_text(std::string_view text);
  Statement& bind_blob(std::string_view bytes);
  Statement& bind(const Digest& digest);
  Statement& bind_null();

  // Moves to the next row; false when there is none.
  [[nodiscard]] bool step();
  // Runs a statement that gives no rows, and makes it ready to be bound again.
  void run();

  // Columns count from 0. Views hold until the next step.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;  // of text and blobs; NULL is empty
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::optional<Digest> digest(int column) const;  // empty unless 32 bytes

 private:
  friend class Database;
  Statement(sqlite3_stmt* handle, std::vector<sqlite3_stmt*>& idle);
  void check(int code) const;
  sqlite3_stmt* handle_;
  std::vector<sqlite3_stmt*>* idle_;  // of the Database, for this text
  int next_parameter_ = 1;
};

struct DatabaseOptions {
  std::string path;  // ":memory:" for one that is never written
  enum class Mode : std::uint8_t { create, existing, read_only } mode = Mode::create;
  std::string vfs;                                     // empty: the system's
  Nanoseconds busy_timeout = std::chrono::minutes{1};  // then Error of kind busy
};

class Database {
 public:
  explicit Database(const DatabaseOptions& options);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  [[nodiscard]] Statement prepare(std::string_view sql);
  // Runs one or more statements without results.
  void execute(const std::string& sql);
  [[nodiscard]] std::int64_t last_insert_id() const;
  [[nodiscard]] std::int64_t changes() const;  // rows changed by the last statement
  [[nodiscard]] bool in_transaction() const;
  // Makes everything committed so far survive a crash of the machine.
  void sync();
  [[nodiscard]] const std::string& path() const;

 private:
  friend class Statement;
  friend class Transaction;
  [[nodiscard]] bool is_empty();

  struct State;
  std::unique_ptr<State> state_;
};

// BEGIN IMMEDIATE … COMMIT. The destructor rolls back unless commit() was called. When one is open
// already on this Database, an inner one joins it: its commit() and destructor do nothing.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool outermost_;
  bool open_ = true;
};

}  // namespace dsched::sys
