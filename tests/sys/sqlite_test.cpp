// SPDX-License-Identifier: Apache-2.0
#include "sys/sqlite.h"

#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "base/error.h"
#include "support/temp_folder.h"

namespace dsched {
namespace {

using sys::Database;
using sys::DatabaseOptions;
using sys::Transaction;

Database open(const testing::TempFolder& folder) {
  return Database(DatabaseOptions{
      folder.path() + "/a.db", DatabaseOptions::Mode::create, {}, std::chrono::milliseconds{1}});
}

std::int64_t count(Database& database) {
  sys::Statement select = database.prepare("SELECT count(*) FROM t");
  REQUIRE(select.step());
  return select.integer(0);
}

TEST_CASE("sys: a transaction that is not committed leaves nothing") {
  const testing::TempFolder folder;
  Database database = open(folder);
  database.execute("CREATE TABLE t(a)");
  {
    const Transaction transaction(database);
    database.execute("INSERT INTO t VALUES(1)");
  }
  CHECK(count(database) == 0);
  CHECK_FALSE(database.in_transaction());
}

TEST_CASE("sys: an inner transaction joins the outer one") {
  const testing::TempFolder folder;
  Database database = open(folder);
  database.execute("CREATE TABLE t(a)");
  {
    const Transaction outer(database);
    Transaction inner(database);
    database.execute("INSERT INTO t VALUES(1)");
    inner.commit();
  }
  CHECK(count(database) == 0);
}

TEST_CASE("sys: a second writer gets a busy error when its wait is over") {
  const testing::TempFolder folder;
  Database first = open(folder);
  Database second = open(folder);
  const Transaction transaction(first);
  try {
    const Transaction other(second);
    FAIL("two writers at once");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::busy);
  }
}

TEST_CASE("sys: a file that is no database is damaged") {
  const testing::TempFolder folder;
  folder.write("a.db", std::string(5000, 'x'));
  try {
    open(folder).execute("SELECT * FROM sqlite_master");
    FAIL("a file of x is no database");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
  }
}

TEST_CASE("sys: empty text and blobs come back empty, not null") {
  const testing::TempFolder folder;
  Database database = open(folder);
  database.execute("CREATE TABLE t(a NOT NULL, b NOT NULL)");
  database.prepare("INSERT INTO t VALUES(?, ?)").bind_text({}).bind_blob({}).run();
  sys::Statement select = database.prepare("SELECT a, b FROM t");
  REQUIRE(select.step());
  CHECK_FALSE(select.is_null(0));
  CHECK_FALSE(select.is_null(1));
  CHECK(select.bytes(0).empty());
}

Database open_reading(const testing::TempFolder& folder) {
  return Database(
      DatabaseOptions{folder.path() + "/a.db", DatabaseOptions::Mode::read_only, {}, {}});
}

TEST_CASE("sys: reading a database that nobody has open leaves it as it was, and no file beside") {
  const testing::TempFolder folder;
  {
    Database database = open(folder);
    database.execute("CREATE TABLE t(a)");
  }
  const std::string before = folder.read("a.db");
  {
    Database reader = open_reading(folder);
    CHECK(count(reader) == 0);
    CHECK_THROWS_AS(reader.execute("INSERT INTO t VALUES(1)"), Error);
  }
  CHECK_FALSE(folder.exists("a.db-wal"));
  CHECK_FALSE(folder.exists("a.db-shm"));
  CHECK(folder.read("a.db") == before);
}

TEST_CASE("sys: a reader that was there first sees what a writer commits later") {
  const testing::TempFolder folder;
  open(folder).execute("CREATE TABLE t(a)");
  Database reader = open_reading(folder);
  CHECK(count(reader) == 0);
  {
    Database writer = open(folder);
    writer.execute("INSERT INTO t VALUES(1)");
    CHECK(count(reader) == 1);
    writer.execute("INSERT INTO t VALUES(2)");
  }
  CHECK(count(reader) == 2);
}

TEST_CASE("sys: a reader leaves the log of a writer that is still there") {
  const testing::TempFolder folder;
  Database writer = open(folder);
  writer.execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)");
  const std::string before = folder.read("a.db");
  {
    Database reader = open_reading(folder);
    CHECK(count(reader) == 1);
  }
  CHECK(folder.read("a.db") == before);
  CHECK(folder.exists("a.db-wal"));
  writer.execute("INSERT INTO t VALUES(2)");
  CHECK(count(writer) == 2);
}

TEST_CASE("sys: who opens a database without a log waits until its writer is done") {
  constexpr int k_rounds = 20;
  for (int round = 0; round < k_rounds; ++round) {
    const testing::TempFolder folder;
    Database writer = open(folder);
    writer.execute("PRAGMA journal_mode=DELETE; CREATE TABLE t(a);");
    std::optional<Transaction> writing(std::in_place, writer);
    std::string problem;
    std::jthread opener([&] {
      try {
        const Database database(DatabaseOptions{.path = folder.path() + "/a.db",
                                                .mode = DatabaseOptions::Mode::create,
                                                .vfs = {},
                                                .busy_timeout = std::chrono::seconds{60}});
      } catch (const Error& error) {
        problem = error.what();
      }
    });
    // Time for the other thread to come to the lock; what must hold does not depend on it.
    const testing::TempFolder elsewhere;
    Database busy = open(elsewhere);
    for (int i = 0; i < 100; ++i) busy.execute("CREATE TABLE t(a); DROP TABLE t;");
    writing.reset();
    opener.join();
    CHECK(problem.empty());
  }
}

}  // namespace
}  // namespace dsched
