// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gates, where nodes wait for consent, and the tokens with which people answer.
//
// A gate is one row per node that ever waited in an execution:
//
//   waiting   asked, and not answered yet  -> approved, denied: an answer; expired: its window
//   closed approved  may run                      (stays, for this digest; a later runner finds it)
//   denied    will not run                 (stays, for this digest)
//   expired   nobody answered in time      -> waiting: a resume or fix-it asks again
//
// `digest` is of what would run and was shown. Asking for something else makes the gate wait anew,
// and tokens that were bound to the old digest are stale. An answer changes a gate only from
// waiting, in a transaction, so of any number of answers exactly one counts.
//
// Of a token only its SHA-256 is stored, and its first 8 characters for people. It is for one or
// more gates, and is used up for each of them apart.
//
// Tables: gate(execution, node, …), token(number, …), token_node(token, execution, node, …).
// Everything joins the caller's transaction.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "sys/sqlite.h"

namespace dsched::journal {

// stored: never renumber
enum class GateState : std::uint8_t { waiting = 0, approved = 1, denied = 2, expired = 3 };

struct Gate {
  ExecutionNumber execution;
  std::string node_id;
  Digest digest;
  GateState state = GateState::waiting;
  WallTime asked_at;
  std::optional<WallTime> expires_at;  // when the window to answer closes; empty: never
  std::optional<WallTime> decided_at;
  std::string decided_by;              // the name that was given
  std::string reason;                  // the program's; empty: none
  std::string command;                 // what would run, as people would write it
  std::string arguments;               // a JSON array: what would be given to it
  std::vector<std::string> approvers;  // user names; empty: anybody with the token
};

// Writes the gate, whatever was there.
void put_gate(sys::Database& database, const Gate& gate);
[[nodiscard]] std::optional<Gate> find_gate(sys::Database& database, ExecutionNumber execution,
                                            std::string_view node_id);
// Of all executions, or of one; in the order they were asked.
void each_gate(sys::Database& database, std::optional<ExecutionNumber> execution,
               const std::function<void(Gate&&)>& visit);
// From waiting to `state`; false when it was not waiting.
struct Decision {
  GateState state = GateState::approved;
  WallTime at;
  std::string by;
};
[[nodiscard]] bool decide_gate(sys::Database& database, ExecutionNumber execution,
                               std::string_view node_id, const Decision& decision);
// Nobody need answer it any more; what was answered stays.
void remove_waiting_gate(sys::Database& database, ExecutionNumber execution,
                         std::string_view node_id);
// Forgets the gates of an execution, and what tokens say of them.
void remove_gates(sys::Database& database, ExecutionNumber execution);

struct TokenNode {
  ExecutionNumber execution;
  std::string node_id;
  Digest digest;  // of what was shown when the token was made
  std::optional<WallTime> used_at;
};

struct Token {
  std::uint64_t number = 0;  // set by add_token
  Digest hash;
  std::string hint;  // the first characters
  std::string type;  // a word of whoever made it
  WallTime made_at;
  WallTime expires_at;
  std::string made_by;
  std::vector<TokenNode> nodes;
};

void add_token(sys::Database& database, Token& token);
// Compares in constant time what the look-up found.
[[nodiscard]] std::optional<Token> find_token(sys::Database& database, const Digest& hash);
void use_token(sys::Database& database, const Token& token, const TokenNode& node, WallTime at);
// Those that expired before this.
void remove_tokens(sys::Database& database, WallTime expired_before);

}  // namespace dsched::journal
