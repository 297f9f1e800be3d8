// SPDX-License-Identifier: Apache-2.0
#include "journal/audit.h"

#include "base/error.h"
#include "base/text.h"
#include "journal/columns.h"
#include "journal/tables.h"

namespace dsched::journal {
namespace {

constexpr std::string_view k_audited_columns =
    "sequence,at,actor,action,object,outcome,details,hash";

// Names of users and nodes are UTF-8 where we made them; a damaged row may hold anything.
void append_text(std::string& out, std::string_view text) {
  out += ',';
  append_json_string(out, as_utf8(text));
}

Digest hash_of(const AuditRecord& record, const Digest& before) {
  std::string text = "[" + std::to_string(record.sequence) + ',';
  text += std::to_string(nanoseconds(record.at));
  for (const std::string* part : {&record.actor, &record.action, &record.object, &record.outcome}) {
    append_text(text, *part);
  }
  text += ',' + record.details + ']';
  Sha256 hash;
  hash.update(before);
  hash.update(text);
  return hash.finish();
}

AuditRecord audited_in(const sys::Statement& row) {
  AuditRecord record;
  record.sequence = static_cast<std::uint64_t>(row.integer(0));
  record.at = WallTime{Nanoseconds{row.integer(1)}};
  record.actor = row.bytes(2);
  record.action = row.bytes(3);
  record.object = row.bytes(4);
  record.outcome = row.bytes(5);
  record.details = row.bytes(6);
  record.hash = row.digest(7).value_or(Digest{});
  return record;
}

void set_head(sys::Database& database, const AuditHead& head) {
  database.prepare("INSERT OR REPLACE INTO audit_head(one,sequence,hash) VALUES(1,?,?)")
      .bind(as_integer(head.sequence))
      .bind(head.hash)
      .run();
}

std::string gc_details(const AuditHead& last, std::uint64_t removed) {
  return R"({"last_removed_hash":")" + to_hex(last.hash) + R"(","last_removed_sequence":)" +
         std::to_string(last.sequence) + R"(,"removed":)" + std::to_string(removed) + "}";
}

// What the first record that is left must be chained to, as the gc that made it the first says.
std::optional<Digest> removed_before(sys::Database& database, std::uint64_t first) {
  if (first == 1) return Digest{};
  auto statement = database.prepare("SELECT details FROM audit WHERE action='gc'");
  constexpr std::string_view k_hash = R"({"last_removed_hash":")";
  constexpr std::size_t k_digits = 64;
  const std::string sequence = R"(","last_removed_sequence":)" + std::to_string(first - 1) + ",";
  while (statement.step()) {
    const std::string_view details = statement.bytes(0);
    if (!details.starts_with(k_hash) || details.size() < k_hash.size() + k_digits) continue;
    if (!details.substr(k_hash.size() + k_digits).starts_with(sequence)) continue;
    return digest_from_hex(details.substr(k_hash.size(), k_digits));
  }
  return std::nullopt;
}

std::string called(std::uint64_t sequence) {
  return "audit record " + std::to_string(sequence);
}

}  // namespace

void append_audit(sys::Database& database, AuditRecord& record) {
  DSCHED_ASSERT(database.in_transaction(), "a record joins the transaction of its effect");
  const AuditHead head = audit_head(database).value_or(AuditHead{});
  record.sequence = head.sequence + 1;
  record.hash = hash_of(record, head.hash);
  database
      .prepare(
          "INSERT INTO audit(sequence,at,actor,action,object,outcome,details,hash) "
          "VALUES(?,?,?,?,?,?,?,?)")
      .bind(as_integer(record.sequence))
      .bind(nanoseconds(record.at))
      .bind_text(record.actor)
      .bind_text(record.action)
      .bind_text(record.object)
      .bind_text(record.outcome)
      .bind_text(record.details)
      .bind(record.hash)
      .run();
  set_head(database, {record.sequence, record.hash});
}

std::optional<AuditHead> audit_head(sys::Database& database) {
  if (!has_table(database, "audit_head")) return std::nullopt;
  auto statement = database.prepare("SELECT sequence,hash FROM audit_head");
  if (!statement.step()) return std::nullopt;
  return AuditHead{static_cast<std::uint64_t>(statement.integer(0)),
                   statement.digest(1).value_or(Digest{})};
}

std::string audit_head_text(sys::Database& database) {
  return to_hex(audit_head(database).value_or(AuditHead{}).hash);
}

void each_audit(sys::Database& database, const AuditQuery& query,
                const std::function<void(const AuditRecord&)>& visit) {
  if (!has_table(database, "audit")) return;
  auto statement = database.prepare("SELECT " + std::string(k_audited_columns) +
                                    " FROM audit WHERE at>=? ORDER BY sequence");
  statement.bind(query.since ? nanoseconds(*query.since) : INT64_MIN);
  while (statement.step()) {
    const AuditRecord record = audited_in(statement);
    const bool is_about = query.object.empty() || record.object == query.object ||
                          record.object.starts_with(query.object + '/');
    if (is_about) visit(record);
  }
}

std::vector<WallTime> newest_audits(sys::Database& database, const AuditKind& kind,
                                    std::size_t limit) {
  std::vector<WallTime> times;
  if (!has_table(database, "audit")) return times;
  auto statement = database.prepare(
      "SELECT at FROM audit WHERE action=? AND outcome=? ORDER BY sequence DESC LIMIT ?");
  statement.bind_text(kind.action).bind_text(kind.outcome).bind(static_cast<std::int64_t>(limit));
  while (statement.step()) times.push_back(WallTime{Nanoseconds{statement.integer(0)}});
  return times;
}

std::vector<std::string> verify_audit(sys::Database& database) {
  std::vector<std::string> faults;
  if (!has_table(database, "audit")) return faults;
  const auto head = audit_head(database);
  std::optional<AuditHead> last;
  auto statement = database.prepare("SELECT " + std::string(k_audited_columns) +
                                    " FROM audit ORDER BY sequence");
  while (statement.step()) {
    const AuditRecord record = audited_in(statement);
    std::optional<Digest> before;
    if (!last) {
      before = removed_before(database, record.sequence);
      if (!before) {
        faults.push_back(called(record.sequence) + ": those before it are missing");
      }
    } else if (record.sequence != last->sequence + 1) {
      faults.push_back(called(last->sequence + 1) + ": is missing");
    } else {
      before = last->hash;
    }
    if (before && hash_of(record, *before) != record.hash) {
      faults.push_back(called(record.sequence) + ": was changed");
    }
    last = AuditHead{record.sequence, record.hash};
  }
  if (!head && last) {
    faults.push_back("the head of the audit is missing");
  } else if (head && (!last || last->sequence < head->sequence)) {
    faults.push_back(called(head->sequence) + ": is missing");
  } else if (head && (last->sequence > head->sequence || last->hash != head->hash)) {
    faults.push_back(called(last->sequence) + ": is not what the head of the audit says");
  }
  return faults;
}

std::uint64_t trim_audit(sys::Database& database, const AuditTrim& trim) {
  sys::Transaction transaction(database);
  std::optional<AuditHead> last;
  std::uint64_t removed = 0;
  {
    // Up to the first that stays: the chain is cut at its beginning only.
    auto statement = database.prepare("SELECT sequence,at,hash FROM audit ORDER BY sequence");
    while (statement.step() && statement.integer(1) < nanoseconds(trim.before)) {
      last = AuditHead{static_cast<std::uint64_t>(statement.integer(0)),
                       statement.digest(2).value_or(Digest{})};
      ++removed;
    }
  }
  if (!last) return 0;
  AuditRecord record{.at = trim.now,
                     .actor = trim.actor,
                     .action = "gc",
                     .object = "audit",
                     .outcome = "removed",
                     .details = gc_details(*last, removed)};
  append_audit(database, record);
  database.prepare("DELETE FROM audit WHERE sequence<=?").bind(as_integer(last->sequence)).run();
  transaction.commit();
  return removed;
}

}  // namespace dsched::journal
