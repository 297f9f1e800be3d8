// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "support/temp_folder.h"

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;

struct Book {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{database, Journal::Tables::make};

  // The id's first and last bytes are `first` and `last`.
  ExecutionNumber submit(std::uint8_t first, std::uint8_t last) {
    ExecutionRecord record;
    record.id.bytes.fill(0x11);
    for (std::size_t i = 0; i < 3; ++i) record.id.bytes[i] = first;
    for (std::size_t i = 13; i < 16; ++i) record.id.bytes[i] = last;
    record.dag_id = "dag";
    journal.submit(record);
    return record.number;
  }
  std::optional<std::uint64_t> number(std::string_view name) {
    const auto found = journal.find(name);
    if (!found) return std::nullopt;
    return found->number.value;
  }
};

TEST_CASE("journal: executions are numbered from 1, each one higher") {
  Book book;
  CHECK(book.submit(1, 1).value == 1);
  CHECK(book.submit(2, 2).value == 2);
  book.journal.remove({2});
  CHECK(book.submit(3, 3).value == 3);  // a number is never given twice
}

TEST_CASE("journal: a record comes back with every field, and update rewrites them") {
  Book book;
  ExecutionRecord record;
  record.id.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  record.dag_id = "wordcount";
  record.status = engine::ExecutionStatus::running;
  record.priority = {8};
  record.program = {sha256("program"), 77};
  record.folder = "/home/ann/caf\xC3\xA9";
  record.settings = "{\"retries\":2}";
  record.initiated_by = "ann";
  record.submitted_at = WallTime{123456789012345ns};
  book.journal.submit(record);
  record.status = engine::ExecutionStatus::failed;
  record.started_at = WallTime{123456789012346ns};
  record.finished_at = WallTime{223456789012345ns};
  record.counts = {
      .total = 9, .completed = 4, .reused = 3, .failed = 2, .cancelled = 1, .running = 1};
  record.reused = sha256("reused");
  book.journal.update(record);
  const auto found = book.journal.find(record.number);
  REQUIRE(found);
  CHECK(found->id == record.id);
  CHECK(found->dag_id == record.dag_id);
  CHECK(found->status == record.status);
  CHECK(found->priority == record.priority);
  CHECK(found->program == record.program);
  CHECK(found->folder == record.folder);
  CHECK(found->settings == record.settings);
  CHECK(found->initiated_by == record.initiated_by);
  CHECK(found->submitted_at == record.submitted_at);
  CHECK(found->started_at == record.started_at);
  CHECK(found->finished_at == record.finished_at);
  CHECK(found->counts.total == 9);
  CHECK(found->counts.completed == 4);
  CHECK(found->counts.reused == 3);
  CHECK(found->counts.failed == 2);
  CHECK(found->counts.cancelled == 1);
  CHECK(found->counts.running == 1);
  CHECK(found->reused == record.reused);
}

TEST_CASE("journal: an execution is found by number, id, unique prefix and unique suffix") {
  Book book;
  book.submit(0xAB, 0xCD);
  book.submit(0xAF, 0xCE);
  CHECK(book.number("1") == 1);
  CHECK(book.number("2") == 2);
  CHECK_FALSE(book.number("abababac"));
  CHECK(book.number("ababab11-1111-1111-1111-111111cdcdcd") == 1);
  CHECK(book.number("abab") == 1);
  CHECK(book.number("afaf") == 2);
  CHECK(book.number("cdcd") == 1);
  CHECK(book.number("1111cecece") == 2);
}

TEST_CASE("journal: the latest executions are found by counting back") {
  Book book;
  CHECK_FALSE(book.number("@latest"));
  for (std::uint8_t i = 1; i <= 3; ++i) book.submit(i, i);
  CHECK(book.number("@latest") == 3);
  CHECK(book.number("@-1") == 3);
  CHECK(book.number("@-2") == 2);
  CHECK(book.number("@-3") == 1);
  for (const char* name : {"@-4", "@-0", "@--1", "@-x", "@-1x", "@-", "@", "@first"}) {
    CAPTURE(name);
    CHECK_FALSE(book.number(name));
  }
}

TEST_CASE("journal: a name that several executions fit is an error, not a guess") {
  Book book;
  book.submit(0xAB, 1);
  book.submit(0xAB, 2);
  try {
    (void)book.number("abab");
    FAIL("two executions fit");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(std::string(error.what()) == "execution abab: 2 executions fit this name");
  }
}

TEST_CASE("journal: what is no name finds nothing") {
  Book book;
  book.submit(0xAB, 0xCD);
  for (const char* name : {"", "7", "aba", "ABAB", "abab%", "'", "99999999999999999999", "-1",
                           "ababab11-1111-1111-1111-111111cdcdcd0"}) {
    CAPTURE(name);
    CHECK_FALSE(book.number(name));
  }
}

TEST_CASE("journal: a number goes before an id that begins with the same digits") {
  Book book;
  for (int i = 0; i < 11; ++i) book.submit(0xEE, static_cast<std::uint8_t>(i));
  book.submit(0x00, 0x10);  // 000000…, ends with 101010
  CHECK(book.number("0010") == 10);
  CHECK(book.number("101010") == 12);
}

std::string one_segment(std::uint32_t node) {
  SegmentWriter writer;
  writer.append_value({node}, {1us, {}}, "v");
  return writer.take();
}

std::vector<std::uint32_t> nodes_of(Journal& journal, ExecutionNumber execution) {
  std::vector<std::uint32_t> nodes;
  journal.each_outcome(execution, [&](Outcome&& outcome) { nodes.push_back(outcome.node.value); });
  return nodes;
}

TEST_CASE("journal: outcomes belong to their execution and come in order") {
  Book book;
  const ExecutionNumber first = book.submit(1, 1);
  const ExecutionNumber second = book.submit(2, 2);
  for (std::uint32_t i = 0; i < 40; ++i) {
    book.journal.append_segment(i % 2 == 0 ? first : second, one_segment(i));
  }
  CHECK(nodes_of(book.journal, first).size() == 20);
  CHECK(nodes_of(book.journal, first)[19] == 38);
  book.journal.drop_segments(first);
  CHECK(nodes_of(book.journal, first).empty());
  book.journal.remove(second);
  CHECK(nodes_of(book.journal, second).empty());
  CHECK_FALSE(book.journal.find(second));
}

TEST_CASE("journal: a damaged segment is an error that names the execution") {
  Book book;
  const ExecutionNumber execution = book.submit(1, 1);
  std::string segment = one_segment(1);
  segment[3] = static_cast<char>(segment[3] ^ 4);
  book.journal.append_segment(execution, segment);
  try {
    (void)nodes_of(book.journal, execution);
    FAIL("the segment is damaged");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
    CHECK(std::string(error.what()) == "journal: a segment of execution 1 is damaged");
  }
}

TEST_CASE("journal: reused nodes are one row for all executions that reused the same") {
  Book book;
  const std::vector<ReusedNode> nodes{{{0}, sha256("a")}, {{70'000}, sha256("b")}};
  const Digest digest = book.journal.put_reused(nodes);
  CHECK(book.journal.put_reused(nodes) == digest);
  const auto back = book.journal.reused(digest);
  REQUIRE(back.size() == 2);
  CHECK(back[1].node.value == 70'000);
  CHECK(back[1].key == sha256("b"));
  auto count = book.database.prepare("SELECT count(*) FROM reuse");
  REQUIRE(count.step());
  CHECK(count.integer(0) == 1);
  CHECK(book.journal.reused(sha256("unknown")).empty());
}

TEST_CASE("journal: a damaged row of reused nodes is an error") {
  Book book;
  const Digest digest = book.journal.put_reused({{{1}, sha256("a")}});
  book.database.execute("UPDATE reuse SET data=zeroblob(36)");
  CHECK_THROWS_AS((void)book.journal.reused(digest), Error);
}

TEST_CASE("journal: reused rows that no execution names are removed") {
  Book book;
  const ExecutionNumber number = book.submit(1, 1);
  auto record = book.journal.find(number);
  record->reused = book.journal.put_reused({{{1}, sha256("a")}});
  book.journal.update(*record);
  const Digest unnamed = book.journal.put_reused({{{2}, sha256("b")}});
  book.journal.remove_unused_reuse();
  CHECK(book.journal.reused(*record->reused).size() == 1);
  CHECK(book.journal.reused(unnamed).empty());
}

TEST_CASE("journal: executions are visited newest first, at most as many as asked for") {
  Book book;
  for (std::uint8_t i = 0; i < 5; ++i) book.submit(i, i);
  std::vector<std::uint64_t> seen;
  book.journal.each(3, [&](const ExecutionRecord& record) { seen.push_back(record.number.value); });
  CHECK(seen == std::vector<std::uint64_t>{5, 4, 3});
}

TEST_CASE("journal: a store without tables has no executions and gets none from looking") {
  testing::TempFolder folder;
  sys::Database database({.path = folder / "x.db", .mode = {}, .vfs = {}});
  Journal journal(database, Journal::Tables::expect);
  CHECK_FALSE(journal.find("@latest"));
  CHECK_FALSE(journal.find("1"));
  journal.each(10, [](const ExecutionRecord&) { FAIL("there is none"); });
  auto tables = database.prepare("SELECT count(*) FROM sqlite_master");
  REQUIRE(tables.step());
  CHECK(tables.integer(0) == 0);
}

TEST_CASE("journal: durations are remembered per DAG, rounded up to milliseconds") {
  Book book;
  {
    Durations durations(book.database, "dag");
    CHECK_FALSE(durations.duration("a"));
    durations.remember("a", 1200us);
    durations.remember("b", 0ns);
    durations.remember("c", 10'000h);
    durations.remember("a", 5ms);
    durations.save(book.database);
  }
  const Durations again(book.database, "dag");
  CHECK(again.duration("a") == 5ms);
  CHECK(again.duration("b") == 0ms);
  CHECK(again.duration("c") == std::chrono::milliseconds{UINT32_MAX});
  CHECK_FALSE(again.duration("d"));
  CHECK_FALSE(Durations(book.database, "other").duration("a"));
}

TEST_CASE("journal: durations that were not saved are not there") {
  Book book;
  Durations(book.database, "dag").remember("a", 1s);
  CHECK_FALSE(Durations(book.database, "dag").duration("a"));
}

TEST_CASE("journal: the last collection is remembered") {
  Book book;
  CHECK_FALSE(book.journal.last_collection());
  book.journal.set_last_collection(WallTime{5s});
  book.journal.set_last_collection(WallTime{9s});
  CHECK(book.journal.last_collection() == WallTime{9s});
}

}  // namespace
}  // namespace dsched::journal
