// SPDX-License-Identifier: Apache-2.0
#include "journal/approvals.h"

#include "journal/columns.h"
#include "journal/tables.h"

namespace dsched::journal {
namespace {

constexpr std::string_view k_gate_columns =
    "execution,node,digest,state,asked_at,expires_at,decided_at,decided_by,reason,command,"
    "arguments,approvers";
// Between names in a column; no user's name holds it.
constexpr char k_separator = '\n';

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += name + k_separator;
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = text.find(k_separator);
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return names;
}

Gate gate_from(const sys::Statement& row) {
  Gate gate;
  gate.execution = {static_cast<std::uint64_t>(row.integer(0))};
  gate.node_id = row.bytes(1);
  gate.digest = row.digest(2).value_or(Digest{});
  gate.state = static_cast<GateState>(row.integer(3));
  gate.asked_at = WallTime{Nanoseconds{row.integer(4)}};
  gate.expires_at = time_in(row, 5);
  gate.decided_at = time_in(row, 6);
  gate.decided_by = row.bytes(7);
  gate.reason = row.bytes(8);
  gate.command = row.bytes(9);
  gate.arguments = row.bytes(10);
  gate.approvers = split(row.bytes(11));
  return gate;
}

}  // namespace

void put_gate(sys::Database& database, const Gate& gate) {
  const std::string approvers = joined(gate.approvers);
  auto insert = database.prepare(
      "INSERT OR REPLACE INTO gate(execution,node,digest,state,asked_at,expires_at,decided_at,"
      "decided_by,reason,command,arguments,approvers) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind(as_integer(gate.execution.value))
      .bind_text(gate.node_id)
      .bind(gate.digest)
      .bind(static_cast<std::int64_t>(gate.state))
      .bind(nanoseconds(gate.asked_at));
  bind_time(insert, gate.expires_at);
  bind_time(insert, gate.decided_at);
  insert.bind_text(gate.decided_by)
      .bind_text(gate.reason)
      .bind_text(gate.command)
      .bind_text(gate.arguments)
      .bind_text(approvers)
      .run();
}

std::optional<Gate> find_gate(sys::Database& database, ExecutionNumber execution,
                              std::string_view node_id) {
  if (!has_table(database, "gate")) return std::nullopt;
  auto statement = database.prepare("SELECT " + std::string(k_gate_columns) +
                                    " FROM gate WHERE execution=? AND node=?");
  statement.bind(as_integer(execution.value)).bind_text(node_id);
  if (!statement.step()) return std::nullopt;
  return gate_from(statement);
}

void each_gate(sys::Database& database, std::optional<ExecutionNumber> execution,
               const std::function<void(Gate&&)>& visit) {
  if (!has_table(database, "gate")) return;
  auto statement = database.prepare("SELECT " + std::string(k_gate_columns) + " FROM gate " +
                                    (execution ? "WHERE execution=? " : "") +
                                    "ORDER BY asked_at,execution,node");
  if (execution) statement.bind(as_integer(execution->value));
  while (statement.step()) visit(gate_from(statement));
}

bool decide_gate(sys::Database& database, ExecutionNumber execution, std::string_view node_id,
                 const Decision& decision) {
  database
      .prepare(
          "UPDATE gate SET state=?,decided_at=?,decided_by=? WHERE execution=? AND node=? AND "
          "state=0")
      .bind(static_cast<std::int64_t>(decision.state))
      .bind(nanoseconds(decision.at))
      .bind_text(decision.by)
      .bind(as_integer(execution.value))
      .bind_text(node_id)
      .run();
  return database.changes() == 1;
}

void remove_waiting_gate(sys::Database& database, ExecutionNumber execution,
                         std::string_view node_id) {
  database.prepare("DELETE FROM gate WHERE execution=? AND node=? AND state=0")
      .bind(as_integer(execution.value))
      .bind_text(node_id)
      .run();
}

void remove_gates(sys::Database& database, ExecutionNumber execution) {
  for (const char* sql :
       {"DELETE FROM gate WHERE execution=?", "DELETE FROM token_node WHERE execution=?"}) {
    database.prepare(sql).bind(as_integer(execution.value)).run();
  }
}

void add_token(sys::Database& database, Token& token) {
  database
      .prepare("INSERT INTO token(hash,hint,type,made_at,expires_at,made_by) VALUES(?,?,?,?,?,?)")
      .bind(token.hash)
      .bind_text(token.hint)
      .bind_text(token.type)
      .bind(nanoseconds(token.made_at))
      .bind(nanoseconds(token.expires_at))
      .bind_text(token.made_by)
      .run();
  token.number = static_cast<std::uint64_t>(database.last_insert_id());
  for (const TokenNode& node : token.nodes) {
    auto insert = database.prepare(
        "INSERT INTO token_node(token,execution,node,digest,used_at) VALUES(?,?,?,?,?)");
    insert.bind(as_integer(token.number))
        .bind(as_integer(node.execution.value))
        .bind_text(node.node_id)
        .bind(node.digest);
    bind_time(insert, node.used_at);
    insert.run();
  }
}

std::optional<Token> find_token(sys::Database& database, const Digest& hash) {
  if (!has_table(database, "token")) return std::nullopt;
  Token token;
  {
    auto statement = database.prepare(
        "SELECT number,hash,hint,type,made_at,expires_at,made_by FROM token WHERE hash=?");
    statement.bind(hash);
    if (!statement.step()) return std::nullopt;
    token.number = static_cast<std::uint64_t>(statement.integer(0));
    token.hash = statement.digest(1).value_or(Digest{});
    token.hint = statement.bytes(2);
    token.type = statement.bytes(3);
    token.made_at = WallTime{Nanoseconds{statement.integer(4)}};
    token.expires_at = WallTime{Nanoseconds{statement.integer(5)}};
    token.made_by = statement.bytes(6);
  }
  if (!equal_in_constant_time(token.hash, hash)) return std::nullopt;
  auto statement = database.prepare(
      "SELECT execution,node,digest,used_at FROM token_node WHERE token=? ORDER BY rowid");
  statement.bind(as_integer(token.number));
  while (statement.step()) {
    token.nodes.push_back({.execution = {static_cast<std::uint64_t>(statement.integer(0))},
                           .node_id = std::string(statement.bytes(1)),
                           .digest = statement.digest(2).value_or(Digest{}),
                           .used_at = time_in(statement, 3)});
  }
  return token;
}

void use_token(sys::Database& database, const Token& token, const TokenNode& node, WallTime at) {
  database.prepare("UPDATE token_node SET used_at=? WHERE token=? AND execution=? AND node=?")
      .bind(nanoseconds(at))
      .bind(as_integer(token.number))
      .bind(as_integer(node.execution.value))
      .bind_text(node.node_id)
      .run();
}

void remove_tokens(sys::Database& database, WallTime expired_before) {
  for (const char* sql :
       {"DELETE FROM token_node WHERE token IN (SELECT number FROM token WHERE expires_at<?)",
        "DELETE FROM token WHERE expires_at<?"}) {
    database.prepare(sql).bind(nanoseconds(expired_before)).run();
  }
}

}  // namespace dsched::journal
