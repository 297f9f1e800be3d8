// SPDX-License-Identifier: Apache-2.0
#include "journal/approvals.h"

#include <doctest/doctest.h>

#include "journal/journal.h"
#include "support/temp_folder.h"

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;

struct GateBook {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{database, Journal::Tables::make};

  void ask(std::uint64_t execution, const std::string& node, WallTime at = WallTime{1h}) {
    Gate gate;
    gate.execution = {execution};
    gate.node_id = node;
    gate.digest = sha256(node);
    gate.asked_at = at;
    gate.reason = "why";
    gate.command = "run it";
    gate.arguments = "[]";
    gate.approvers = {"ann", "bob"};
    put_gate(database, gate);
  }
};

TEST_CASE("journal: a gate comes back with every field") {
  GateBook book;
  Gate gate{.execution = {7},
            .node_id = "a/b",
            .digest = sha256("x"),
            .state = GateState::waiting,
            .asked_at = WallTime{5h},
            .expires_at = WallTime{6h},
            .decided_at = {},
            .decided_by = {},
            .reason = "why",
            .command = "run",
            .arguments = "[1]",
            .approvers = {"ann", "bob"}};
  put_gate(book.database, gate);
  const auto found = find_gate(book.database, {7}, "a/b");
  REQUIRE(found);
  CHECK(found->digest == gate.digest);
  CHECK(found->asked_at == gate.asked_at);
  CHECK(found->expires_at == gate.expires_at);
  CHECK(!found->decided_at);
  CHECK(found->reason == "why");
  CHECK(found->command == "run");
  CHECK(found->arguments == "[1]");
  CHECK(found->approvers == gate.approvers);
  CHECK(!find_gate(book.database, {7}, "a"));
  CHECK(!find_gate(book.database, {8}, "a/b"));
}

TEST_CASE("journal: a gate is decided once") {
  GateBook book;
  book.ask(1, "a");
  CHECK(decide_gate(book.database, {1}, "a", {GateState::approved, WallTime{2h}, "ann"}));
  CHECK(!decide_gate(book.database, {1}, "a", {GateState::denied, WallTime{3h}, "bob"}));
  const auto gate = find_gate(book.database, {1}, "a");
  CHECK(gate->state == GateState::approved);
  CHECK(gate->decided_by == "ann");
  CHECK(gate->decided_at == WallTime{2h});
  CHECK(!decide_gate(book.database, {1}, "b", {GateState::denied, WallTime{3h}, "bob"}));
}

TEST_CASE("journal: gates are listed in the order they were asked") {
  GateBook book;
  book.ask(2, "late", WallTime{9h});
  book.ask(3, "first", WallTime{1h});
  book.ask(2, "middle", WallTime{5h});
  std::vector<std::string> all;
  each_gate(book.database, std::nullopt, [&](Gate&& gate) { all.push_back(gate.node_id); });
  CHECK(all == std::vector<std::string>{"first", "middle", "late"});
  std::vector<std::string> of_two;
  each_gate(book.database, ExecutionNumber{2},
            [&](Gate&& gate) { of_two.push_back(gate.node_id); });
  CHECK(of_two == std::vector<std::string>{"middle", "late"});
}

TEST_CASE("journal: a token is found by its hash and used up node by node") {
  GateBook book;
  Token token{.hash = sha256("secret"),
              .hint = "secr",
              .type = "node",
              .made_at = WallTime{1h},
              .expires_at = WallTime{2h},
              .made_by = "ann",
              .nodes = {{{1}, "a", sha256("a"), {}}, {{1}, "b", sha256("b"), {}}}};
  add_token(book.database, token);
  CHECK(!find_token(book.database, sha256("other")));
  auto found = find_token(book.database, sha256("secret"));
  REQUIRE(found);
  REQUIRE(found->nodes.size() == 2);
  CHECK(found->expires_at == WallTime{2h});
  use_token(book.database, *found, found->nodes[1], WallTime{90min});
  found = find_token(book.database, sha256("secret"));
  CHECK(!found->nodes[0].used_at);
  CHECK(found->nodes[1].used_at == WallTime{90min});
  remove_tokens(book.database, WallTime{2h});
  CHECK(find_token(book.database, sha256("secret")));
  remove_tokens(book.database, WallTime{3h});
  CHECK(!find_token(book.database, sha256("secret")));
}

TEST_CASE("journal: an execution takes its gates along, and what tokens say of them") {
  GateBook book;
  ExecutionRecord record;
  record.dag_id = "dag";
  book.journal.submit(record);
  book.ask(record.number.value, "a");
  book.ask(99, "b");
  Token token;
  token.hash = sha256("t");
  token.nodes = {{record.number, "a", sha256("a"), {}}, {{99}, "b", sha256("b"), {}}};
  add_token(book.database, token);
  book.journal.remove(record.number);
  CHECK(!find_gate(book.database, record.number, "a"));
  CHECK(find_gate(book.database, {99}, "b"));
  CHECK(find_token(book.database, sha256("t"))->nodes.size() == 1);
}

TEST_CASE("journal: a gate that waits can be taken back, an answer cannot") {
  GateBook book;
  book.ask(1, "a");
  book.ask(1, "b");
  CHECK(decide_gate(book.database, {1}, "b", {GateState::denied, WallTime{2h}, "ann"}));
  remove_waiting_gate(book.database, {1}, "a");
  remove_waiting_gate(book.database, {1}, "b");
  CHECK(!find_gate(book.database, {1}, "a"));
  CHECK(find_gate(book.database, {1}, "b"));
}

}  // namespace
}  // namespace dsched::journal
