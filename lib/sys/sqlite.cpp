// SPDX-License-Identifier: Apache-2.0
#include "sys/sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <unordered_map>

#include "base/error.h"

namespace dsched::sys {
namespace {

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:  // our own statements break none, so an index lies
    case SQLITE_ERROR:       // a table or column that must be there is not
    case SQLITE_SCHEMA:
      return ErrorKind::damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::busy;
    default:
      return code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS ? ErrorKind::damaged
                                                                               : ErrorKind::storage;
  }
}

[[noreturn]] void fail(sqlite3* handle, const std::string& what, int code) {
  std::string cause = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  if (handle != nullptr && sqlite3_system_errno(handle) != 0 &&
      ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN)) {
    cause = describe_errno(cause, sqlite3_system_errno(handle));
  }
  throw Error(kind_of(code), what + ": " + cause);
}

// What the busy handler needs: how long we wait at most, and a source of jitter.
struct BusyWait {
  Nanoseconds timeout{0};
  std::chrono::steady_clock::time_point began;
  std::uint64_t jitter = 1;
};

// Sleeps 0.1 to 1 ms at first, later up to 5 ms; two writers that met do not meet again in step.
int wait_while_busy(void* context, int times) {
  BusyWait& wait = *static_cast<BusyWait*>(context);
  const auto now = std::chrono::steady_clock::now();
  if (times == 0) wait.began = now;
  if (now - wait.began > wait.timeout) return 0;
  wait.jitter ^= wait.jitter << 13;
  wait.jitter ^= wait.jitter >> 7;
  wait.jitter ^= wait.jitter << 17;
  const std::uint64_t span_us = times < 20 ? 900 : 4900;
  std::this_thread::sleep_for(std::chrono::microseconds{100 + wait.jitter % span_us});
  return 1;
}

bool has_log(const DatabaseOptions& options) {
  return ::access((options.path + "-wal").c_str(), F_OK) == 0;
}

// How a database is opened that must look the same afterwards.
enum class Reading : std::uint8_t {
  no,         // it is opened for writing
  beside,     // takes part in the log, as writers may come or be there
  alone,      // nobody can write the folder, so nobody does
  simulated,  // by another VFS, which knows no second process
};

Reading reading_of(const DatabaseOptions& options) {
  if (options.mode != DatabaseOptions::Mode::read_only) return Reading::no;
  if (!options.vfs.empty()) return Reading::simulated;
  const std::string folder = options.path.substr(0, options.path.rfind('/'));
  const bool is_ours =
      ::access(options.path.c_str(), W_OK) == 0 && ::access(folder.c_str(), W_OK) == 0;
  return is_ours || has_log(options) ? Reading::beside : Reading::alone;
}

int open_flags(DatabaseOptions::Mode mode, Reading reading) {
  const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  switch (mode) {
    case DatabaseOptions::Mode::create:
      return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case DatabaseOptions::Mode::existing:
      return common | SQLITE_OPEN_READWRITE;
    case DatabaseOptions::Mode::read_only:
      break;
  }
  // SQLite falls back to reading only where the file cannot be written.
  return common | (reading == Reading::beside ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
}

// A file name as SQLite's URI: a path with '?' or '#' must not be taken for parameters.
std::string to_uri(const DatabaseOptions& options, Reading reading) {
  if (options.path == ":memory:") return options.path;
  std::string uri = "file:";
  for (const char c : options.path) {
    if (c == '?')
      uri += "%3f";
    else if (c == '#')
      uri += "%23";
    else if (c == '%')
      uri += "%25";
    else
      uri += c;
  }
  return reading == Reading::alone ? uri + "?immutable=1" : uri;
}

// To give a new database its log takes the write lock. SQLite does not wait for that one here,
// because it holds the read lock already, and of several that open a database at once all but one
// would fail.
int turn_on_log(sqlite3* handle, BusyWait& wait) {
  for (int times = 0;; ++times) {
    const int code = sqlite3_exec(handle, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if ((code & 0xff) != SQLITE_BUSY || wait_while_busy(&wait, times) == 0) return code;
  }
}

}  // namespace

struct Database::State {
  sqlite3* handle = nullptr;
  std::string path;
  BusyWait busy;
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;  // by their text

  ~State() {
    for (const auto& [text, statements] : idle) {
      for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
    }
    sqlite3_close_v2(handle);
  }
};

Database::Database(const DatabaseOptions& options) : state_(std::make_unique<State>()) {
  state_->path = options.path;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const Reading reading = reading_of(options);
  const bool leaves_log = reading == Reading::beside && has_log(options);
  const int code = sqlite3_open_v2(to_uri(options, reading).c_str(), &state_->handle,
                                   open_flags(options.mode, reading), vfs);
  if (code != SQLITE_OK) fail(state_->handle, options.path + ": open", code);
  state_->busy.timeout = options.busy_timeout;
  state_->busy.jitter = static_cast<std::uint64_t>(::getpid()) * 0x9E3779B97F4A7C15ULL | 1U;
  sqlite3_busy_handler(state_->handle, wait_while_busy, &state_->busy);
  // A damaged or hostile file must not be able to do more than give wrong rows.
  sqlite3_db_config(state_->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(state_->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (reading == Reading::beside) execute("PRAGMA query_only=ON;");
  // A log that was there is left as it is; one that reading makes goes with the last reader.
  if (leaves_log) sqlite3_db_config(state_->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Memory-mapped reading stays off: a file cut short would end the process with SIGBUS.
  execute("PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;");
  execute("PRAGMA cache_size=-16000;");
  if (options.mode != DatabaseOptions::Mode::read_only && options.path != ":memory:") {
    // A database that is still empty has nothing that a rollback journal could save: without one it
    // costs one sync instead of four to make it a database with a log.
    if (is_empty()) execute("PRAGMA journal_mode=MEMORY;");
    // 16 MB of log before a checkpoint: each one costs two syncs.
    const int turned = turn_on_log(state_->handle, state_->busy);
    if (turned != SQLITE_OK) fail(state_->handle, options.path + ": turn on the log", turned);
    execute("PRAGMA synchronous=NORMAL;");
    execute("PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=33554432;");
  }
}

bool Database::is_empty() {
  Statement pages = prepare("PRAGMA page_count");
  return pages.step() && pages.integer(0) == 0;
}

Database::Database(Database&&) noexcept = default;
Database::~Database() = default;

Statement Database::prepare(std::string_view sql) {
  std::vector<sqlite3_stmt*>& idle = state_->idle[std::string(sql)];
  if (!idle.empty()) {
    sqlite3_stmt* const known = idle.back();
    idle.pop_back();
    return {known, idle};
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(state_->handle, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) fail(state_->handle, state_->path, code);
  return {handle, idle};
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(state_->handle, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(state_->handle, state_->path, code);
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(state_->handle);
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(state_->handle);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(state_->handle) == 0;
}

void Database::sync() {
  sqlite3_file* log = nullptr;
  const int code = sqlite3_file_control(state_->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK || log == nullptr || log->pMethods == nullptr) return;  // nothing written
  const int synced = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (synced != SQLITE_OK) fail(nullptr, state_->path + "-wal: sync", synced);
}

const std::string& Database::path() const {
  return state_->path;
}

Statement::Statement(sqlite3_stmt* handle, std::vector<sqlite3_stmt*>& idle)
    : handle_(handle), idle_(&idle) {}

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      idle_(other.idle_),
      next_parameter_(other.next_parameter_) {}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  idle_->push_back(handle_);
}

void Statement::check(int code) const {
  if (code == SQLITE_OK) return;
  sqlite3* const database = sqlite3_db_handle(handle_);
  const char* const name = sqlite3_db_filename(database, "main");
  fail(database, name != nullptr && *name != '\0' ? name : "database", code);
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(handle_, next_parameter_++, value));
  return *this;
}

Statement& Statement::bind_text(std::string_view text) {
  check(sqlite3_bind_text64(handle_, next_parameter_++, text.empty() ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  check(sqlite3_bind_blob64(handle_, next_parameter_++, bytes.empty() ? "" : bytes.data(),
                            bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind(const Digest& digest) {
  return bind_blob({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

Statement& Statement::bind_null() {
  check(sqlite3_bind_null(handle_, next_parameter_++));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) check(code);
  return false;
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(handle_);
  next_parameter_ = 1;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::bytes(int column) const {
  const void* const data = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::optional<Digest> Statement::digest(int column) const {
  const std::string_view raw = bytes(column);
  Digest digest;
  if (raw.size() != digest.bytes.size()) return std::nullopt;
  std::memcpy(digest.bytes.data(), raw.data(), raw.size());
  return digest;
}

Transaction::Transaction(Database& database)
    : database_(database), outermost_(!database.in_transaction()) {
  if (outermost_) database_.prepare("BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
  if (!outermost_ || !open_ || !database_.in_transaction()) return;
  // A failed statement may have rolled back by itself; and a rollback that fails leaves nothing
  // that could be committed, so its code says nothing new.
  sqlite3_exec(database_.state_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  DSCHED_ASSERT(open_, "a transaction is committed once");
  if (outermost_) database_.prepare("COMMIT").run();
  open_ = false;
}

}  // namespace dsched::sys
