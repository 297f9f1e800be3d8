// SPDX-License-Identifier: Apache-2.0
#include "journal/audit.h"

#include <doctest/doctest.h>

#include "journal/journal.h"
#include "support/temp_folder.h"

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;

struct AuditBook {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{database, Journal::Tables::make};

  Digest add(const std::string& action, const std::string& object, Nanoseconds at = 1h) {
    AuditRecord record;
    record.at = WallTime{at};
    record.actor = "ann";
    record.action = action;
    record.object = object;
    record.outcome = "done";
    sys::Transaction transaction(database);
    append_audit(database, record);
    transaction.commit();
    return record.hash;
  }
  std::vector<std::string> objects(const AuditQuery& query) {
    std::vector<std::string> found;
    each_audit(database, query, [&](const AuditRecord& one) { found.push_back(one.object); });
    return found;
  }
};

TEST_CASE("journal: the audit gives back what was recorded, and its head is the last hash") {
  AuditBook book;
  CHECK(!audit_head(book.database));
  CHECK(audit_head_text(book.database) == std::string(64, '0'));
  book.add("approve", "1/a");
  const Digest last = book.add("cancel", "2");
  CHECK(audit_head_text(book.database) == to_hex(last));
  CHECK(audit_head(book.database)->sequence == 2);
  CHECK(book.objects({}) == std::vector<std::string>{"1/a", "2"});
  CHECK(verify_audit(book.database).empty());
}

TEST_CASE("journal: audit records are found by time, and by execution with its nodes") {
  AuditBook book;
  book.add("approve", "1/a", 1h);
  book.add("approve", "11/a", 2h);
  book.add("cancel", "1", 3h);
  CHECK(book.objects({.since = {}, .object = "1"}) == std::vector<std::string>{"1/a", "1"});
  CHECK(book.objects({.since = {}, .object = "1/a"}) == std::vector<std::string>{"1/a"});
  CHECK(book.objects({.since = WallTime{2h}, .object = ""}) ==
        std::vector<std::string>{"11/a", "1"});
  CHECK(newest_audits(book.database, {"approve", "done"}, 5) ==
        std::vector<WallTime>{WallTime{2h}, WallTime{1h}});
}

TEST_CASE("journal: a record of the audit that was changed, removed or cut off shows") {
  const std::pair<const char*, const char*> k_damages[] = {
      {"changed", "UPDATE audit SET actor='bob' WHERE sequence=3"},
      {"changed with the time", "UPDATE audit SET at=at+1 WHERE sequence=5"},
      {"removed in the middle", "DELETE FROM audit WHERE sequence=3"},
      {"removed at the beginning", "DELETE FROM audit WHERE sequence<3"},
      {"cut off the end", "DELETE FROM audit WHERE sequence=5"},
      {"all removed", "DELETE FROM audit"},
      {"the head removed", "DELETE FROM audit_head"},
      {"the last one forged, with a hash of its own",
       "UPDATE audit SET outcome='denied', hash=zeroblob(32) WHERE sequence=5"},
  };
  for (const auto& [what, damage] : k_damages) {
    CAPTURE(what);
    AuditBook book;
    for (int i = 0; i < 5; ++i) book.add("approve", "1/n" + std::to_string(i));
    REQUIRE(verify_audit(book.database).empty());
    book.database.execute(damage);
    CHECK(!verify_audit(book.database).empty());
  }
}

TEST_CASE("journal: what gc removes from the audit it names, and the rest still holds") {
  AuditBook book;
  for (int i = 1; i <= 5; ++i) book.add("approve", "1/n" + std::to_string(i), i * 1h);
  CHECK(trim_audit(book.database, {WallTime{3h}, WallTime{9h}, "root"}) == 2);
  CHECK(verify_audit(book.database).empty());
  CHECK(book.objects({}) == std::vector<std::string>{"1/n3", "1/n4", "1/n5", "audit"});
  CHECK(trim_audit(book.database, {WallTime{3h}, WallTime{9h}, "root"}) == 0);
  CHECK(trim_audit(book.database, {WallTime{5h}, WallTime{10h}, "root"}) == 2);
  CHECK(verify_audit(book.database).empty());
  // Without the record that names it, what is missing is missing.
  book.database.execute("UPDATE audit SET details='{}' WHERE sequence=7");
  CHECK(verify_audit(book.database).size() == 2);
}

TEST_CASE("journal: an audit record exists exactly when its transaction is committed") {
  AuditBook book;
  {
    sys::Transaction transaction(book.database);
    AuditRecord record;
    record.action = "approve";
    append_audit(book.database, record);
  }
  CHECK(!audit_head(book.database));
  CHECK(book.objects({}).empty());
}

}  // namespace
}  // namespace dsched::journal
