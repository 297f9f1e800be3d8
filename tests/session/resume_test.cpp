// SPDX-License-Identifier: Apache-2.0
#include "session/resume.h"

#include <doctest/doctest.h>

#include "dag/builder.h"
#include "program/json_program.h"
#include "support/temp_folder.h"

namespace dsched::session {
namespace {

using journal::Outcome;
using Kind = Outcome::Kind;

dag::Dag dag_of(const std::string& nodes) {
  auto read = program::read_json_program(program::source_from("{\"nodes\": [" + nodes + "]}"));
  REQUIRE(std::holds_alternative<dag::Dag>(read));
  return std::get<dag::Dag>(std::move(read));
}
std::string node(const std::string& id, const std::string& more = "") {
  return "{\"node_id\": \"" + id +
         "\", \"operation\": \"shell\", \"parameters\": "
         "{\"command\": \"true\"}" +
         more + "}";
}

struct Book {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  journal::Journal journal{database, journal::Journal::Tables::make};
  journal::ExecutionRecord record;

  Book() {
    record.dag_id = "dag";
    journal.submit(record);
  }
  Book& happened(Kind kind, std::uint32_t index, std::uint32_t attempt = 1) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.node = {index};
    outcome.attempt = attempt;
    if (kind == Kind::completed || kind == Kind::kept) {
      outcome.key = sha256("key " + std::to_string(index));
      outcome.content = {sha256("bytes"), 5};
    }
    journal::SegmentWriter segment;
    segment.append(outcome);
    journal.append_segment(record.number, segment.take());
    return *this;
  }
  History read(dag::Dag dag, const std::vector<std::string>& named = {}) {
    return read_history(journal, record, named, dag);
  }
};

TEST_CASE("session: what completed last counts as completed, a later failure takes it back") {
  const dag::Dag dag = dag_of(node("a") + "," + node("b") + "," + node("c"));
  Book book;
  book.happened(Kind::failed, 0, 1).happened(Kind::completed, 0, 2);
  book.happened(Kind::completed, 1, 1).happened(Kind::failed, 1, 2);
  const History history = book.read(dag);
  REQUIRE(history.recalled.size() == 2);
  CHECK(history.recalled[0].completed);
  CHECK(history.recalled[0].attempts == 2);
  CHECK_FALSE(history.recalled[1].completed);
  CHECK(history.recalled[1].attempts == 2);
}

TEST_CASE("session: what was under way and may not run twice needs a decision or a word") {
  const std::string once = R"(, "idempotent": false)";
  const dag::Dag dag = dag_of(node("free") + "," + node("once", once) + "," + node("ended", once) +
                              "," + node("back", once));
  Book book;
  for (std::uint32_t i = 0; i < 4; ++i) book.happened(Kind::started, i);
  book.happened(Kind::failed, 2).happened(Kind::withdrawn, 3);
  const History history = book.read(dag);
  REQUIRE(history.recalled.size() == 4);
  CHECK_FALSE(history.recalled[0].needs_decision);
  CHECK(history.recalled[1].needs_decision);
  CHECK_FALSE(history.recalled[2].needs_decision);
  CHECK_FALSE(history.recalled[3].needs_decision);
  CHECK_FALSE(book.read(dag, {"once"}).recalled[1].needs_decision);
  CHECK(book.read(dag, {"other"}).recalled[1].needs_decision);
}

TEST_CASE("session: what another program did not have is not recalled") {
  const dag::Dag dag = dag_of(node("a"));
  Book book;
  book.happened(Kind::completed, 0).happened(Kind::completed, 7);
  CHECK(book.read(dag).recalled.size() == 1);
}

TEST_CASE("session: another program keeps what is completed under the same id") {
  const dag::Dag before = dag_of(node("a") + "," + node("b") + "," + node("gone"));
  dag::Dag now = dag_of(node("new") + "," + node("b") + "," + node("a"));
  Book book;
  for (std::uint32_t i = 0; i < 3; ++i) book.happened(Kind::completed, i);
  const History carried = carry_over(book.read(before), before, now);
  CHECK(carried.recalled.empty());
  REQUIRE(carried.kept.size() == 2);
  CHECK(carried.kept.at({1}).key == sha256("key 1"));
  CHECK(carried.kept.at({2}).key == sha256("key 0"));
  CHECK(carried.kept.at({2}).node == NodeIndex{2});
}

TEST_CASE("session: what is kept survives being written and read again") {
  const dag::Dag before = dag_of(node("a") + "," + node("b"));
  dag::Dag now = dag_of(node("b") + "," + node("a"));
  Book book;
  book.happened(Kind::completed, 0).happened(Kind::completed, 1);
  const History carried = carry_over(book.read(before), before, now);
  book.journal.drop_segments(book.record.number);
  write_kept(book.journal, book.record.number, carried, now);
  const History again = book.read(now);
  CHECK(again.recalled.empty());
  REQUIRE(again.kept.size() == 2);
  CHECK(again.kept.at({0}).key == sha256("key 1"));
  // And once more, into a third program.
  dag::Dag onward = before;
  CHECK(carry_over(book.read(now), now, onward).kept.at({0}).key == sha256("key 0"));
}

TEST_CASE("session: values of in-process nodes are not kept for another program") {
  const dag::Dag dag = dag_of(node("a"));
  Book book;
  journal::SegmentWriter segment;
  segment.append_value({0}, {}, "value");
  book.journal.append_segment(book.record.number, segment.take());
  const History history = book.read(dag);
  REQUIRE(history.recalled.size() == 1);
  CHECK(history.recalled[0].completed->value == "value");
  dag::Dag now = dag;
  CHECK(carry_over(book.read(dag), dag, now).kept.empty());
}

}  // namespace
}  // namespace dsched::session
