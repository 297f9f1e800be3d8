// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who did what to the store and its executions: approvals, denials, tokens, changes of policy,
// cancellations, fix-it runs, recoveries.
//
// A record joins the transaction of its effect, so neither is there without the other. Records are
// chained: the hash of each is SHA-256 over the hash of the one before it (32 zero bytes for the
// first) and the canonical JSON array [sequence, nanoseconds since the epoch, actor, action,
// object, outcome, details]. The head (last sequence and hash) stands in a table of its own and is
// printed in final answers, so a row that was changed, removed, or cut off the end shows. What gc
// removes from the beginning it names in a record of action "gc": its details hold the last removed
// sequence and hash, which is where the chain then begins. stored: never change the form.
//
// Tables: audit(sequence, at, actor, action, object, outcome, details, hash), audit_head(one row).

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "sys/sqlite.h"

namespace dsched::journal {

struct AuditRecord {
  std::uint64_t sequence = 0;  // from 1; set by append_audit
  WallTime at;
  std::string actor;           // the real user's name
  std::string action;          // a word: "approve", "deny", "token", "cancel", …
  std::string object;          // NUMBER/NODE_ID, the NUMBER of an execution, "policy", …
  std::string outcome;         // a word: "approved", "refused", …
  std::string details = "{}";  // a JSON object
  Digest hash{};               // set by append_audit
};

struct AuditHead {
  std::uint64_t sequence = 0;
  Digest hash;
};

// In the caller's transaction.
void append_audit(sys::Database& database, AuditRecord& record);
// Empty when nothing was ever recorded.
[[nodiscard]] std::optional<AuditHead> audit_head(sys::Database& database);
// As answers print it: 64 hexadecimal digits, all of them 0 when nothing was ever recorded.
[[nodiscard]] std::string audit_head_text(sys::Database& database);

struct AuditQuery {
  std::optional<WallTime> since;
  std::string object;  // this, and when it is an execution its nodes; empty: all
};
// Oldest first.
void each_audit(sys::Database& database, const AuditQuery& query,
                const std::function<void(const AuditRecord&)>& visit);

// The moments of the newest records of this action and outcome, newest first, at most `limit`: for
// limits of how often something may happen.
struct AuditKind {
  std::string action;
  std::string outcome;
};
[[nodiscard]] std::vector<WallTime> newest_audits(sys::Database& database, const AuditKind& kind,
                                                  std::size_t limit);

// What is wrong with the chain, a line each; empty: every record is as it was written.
[[nodiscard]] std::vector<std::string> verify_audit(sys::Database& database);

// Removes what is older than `before` and says so in a record of `actor`, in one transaction; the
// number removed.
struct AuditTrim {
  WallTime before;
  WallTime now;
  std::string actor;
};
std::uint64_t trim_audit(sys::Database& database, const AuditTrim& trim);

}  // namespace dsched::journal
