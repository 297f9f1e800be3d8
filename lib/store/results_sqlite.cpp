// SPDX-License-Identifier: Apache-2.0
#include "store/results_sqlite.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace dsched::store {
namespace {

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

// What stands in result.subject: the node within its DAG, as one number.
std::int64_t subject_of(std::string_view dag_id, std::string_view node_id) {
  return static_cast<std::int64_t>(checksum(node_id, checksum(dag_id)));
}

std::int64_t detail_sum(const Digest& key, std::string_view key_text, std::string_view metadata) {
  return static_cast<std::int64_t>(checksum(metadata, checksum(key_text, checksum(view(key)))));
}

std::int64_t nanoseconds(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

std::optional<std::int64_t> SqliteResults::id_of(const Digest& key) {
  sys::Statement select = database_.prepare("SELECT id FROM result WHERE key=?");
  select.bind(key);
  if (!select.step()) return std::nullopt;
  return select.integer(0);
}

void SqliteResults::delete_row(std::int64_t id) {
  database_.prepare("DELETE FROM result WHERE id=?").bind(id).run();
  database_.prepare("DELETE FROM result_detail WHERE id=?").bind(id).run();
}

void SqliteResults::put(const Record& record) {
  sys::Transaction transaction(database_);
  if (const auto old = id_of(record.key)) delete_row(*old);
  const std::string packed = pack(record);
  const std::int64_t used = nanoseconds(record.last_used_at);
  sys::Statement insert = database_.prepare(
      "INSERT INTO result(key, base, subject, used, packed) VALUES(?, ?, ?, ?, ?)");
  insert.bind(record.key);
  if (record.base_key == record.key)
    insert.bind_null();
  else
    insert.bind(record.base_key);
  insert.bind(subject_of(record.dag_id, record.node_id)).bind(used).bind_blob(packed).run();
  database_
      .prepare(
          "INSERT OR REPLACE INTO result_detail(id, key_text, metadata, sum) "
          "VALUES(?, ?, ?, ?)")
      .bind(database_.last_insert_id())
      .bind_text(record.key_text)
      .bind_text(record.metadata)
      .bind(detail_sum(record.key, record.key_text, record.metadata))
      .run();
  transaction.commit();
  if (!rows_) return;
  ResultRows::Row row;
  row.key = record.key;
  row.base_key = record.base_key;
  row.used = used;
  rows_->put(row, packed);
}

bool SqliteResults::remove(const Digest& key) {
  sys::Transaction transaction(database_);
  const auto id = id_of(key);
  if (id) delete_row(*id);
  transaction.commit();
  if (rows_) rows_->remove(key);
  return id.has_value();
}

// Columns: key, base, used, packed.
std::optional<Record> SqliteResults::from_columns(const sys::Statement& row) {
  const std::optional<Digest> key = row.digest(0);
  const std::optional<Digest> base = row.is_null(1) ? key : row.digest(1);
  std::optional<Record> record;
  if (key && base) record = unpack(*key, *base, row.bytes(3));
  if (!record) {
    ++damaged_;
    return std::nullopt;
  }
  record->last_used_at = WallTime{Nanoseconds{row.integer(2)}};
  return record;
}

std::optional<Record> SqliteResults::from_memory(const ResultRows::Row& row) {
  std::optional<Record> record = unpack(row.key, row.base_key, rows_->packed(row));
  if (record)
    record->last_used_at = WallTime{Nanoseconds{row.used}};
  else
    ++damaged_;
  return record;
}

std::optional<Record> SqliteResults::find(const Digest& key) {
  if (rows_) {
    const ResultRows::Row* const row = rows_->find(key);
    return row == nullptr ? std::nullopt : from_memory(*row);
  }
  sys::Statement select =
      database_.prepare("SELECT key, base, used, packed FROM result WHERE key=?");
  select.bind(key);
  if (!select.step()) return std::nullopt;
  std::optional<Record> record = from_columns(select);
  if (record && record->key != key) return std::nullopt;  // the index is damaged
  return record;
}

std::vector<Record> SqliteResults::find_candidates(const Digest& base_key) {
  std::vector<Record> candidates;
  const auto add = [&](std::optional<Record> record) {
    if (record && record->base_key == base_key) candidates.push_back(std::move(*record));
  };
  if (rows_) {
    for (const ResultRows::Row* row : rows_->find_of_base(base_key)) add(from_memory(*row));
  } else {
    for (const char* sql :
         {"SELECT key, base, used, packed FROM result WHERE base=?",
          "SELECT key, base, used, packed FROM result WHERE key=? AND base IS NULL"}) {
      sys::Statement select = database_.prepare(sql);
      select.bind(base_key);
      while (select.step()) add(from_columns(select));
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const Record& a, const Record& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.key < b.key;
  });
  return candidates;
}

void SqliteResults::read_details(std::int64_t id, Record& record) {
  sys::Statement select =
      database_.prepare("SELECT key_text, metadata, sum FROM result_detail WHERE id=?");
  select.bind(id);
  if (!select.step() ||
      select.integer(2) != detail_sum(record.key, select.bytes(0), select.bytes(1))) {
    ++damaged_;  // the result itself is still good; only its explanation is lost
    return;
  }
  record.key_text = select.bytes(0);
  record.metadata = select.bytes(1);
}

std::optional<Record> SqliteResults::details(const Digest& key) {
  std::optional<Record> record = find(key);
  if (!record) return std::nullopt;
  if (const auto id = id_of(key)) read_details(*id, *record);
  if (const auto info = blobs_.info(record->content.hash)) record->compression = info->codec;
  return record;
}

std::optional<Record> SqliteResults::latest(std::string_view dag_id, std::string_view node_id) {
  sys::Statement select = database_.prepare(
      "SELECT key, base, used, packed, id FROM result WHERE subject=? ORDER BY id DESC");
  select.bind(subject_of(dag_id, node_id));
  while (select.step()) {
    std::optional<Record> record = from_columns(select);
    if (!record || record->dag_id != dag_id || record->node_id != node_id) continue;
    read_details(select.integer(4), *record);
    return record;
  }
  return std::nullopt;
}

void SqliteResults::each(const std::function<void(const Record&)>& visit) {
  sys::Statement scan =
      database_.prepare("SELECT key, base, used, packed FROM result ORDER BY key");
  while (scan.step()) {
    if (const std::optional<Record> record = from_columns(scan)) visit(*record);
  }
}

std::vector<Digest> SqliteResults::with_prefix(std::string_view hex_digits, std::size_t limit) {
  std::vector<Digest> keys;
  const std::optional<KeyRange> range = keys_with_prefix(hex_digits);
  if (!range) return keys;
  sys::Statement select =
      database_.prepare("SELECT key FROM result WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?");
  select.bind(range->first).bind(range->last).bind(static_cast<std::int64_t>(limit));
  while (select.step()) {
    if (const std::optional<Digest> key = select.digest(0)) keys.push_back(*key);
  }
  return keys;
}

bool SqliteResults::update_metadata(const Digest& key, std::string_view json) {
  sys::Transaction transaction(database_);
  const auto id = id_of(key);
  std::optional<Record> record = find(key);
  if (!id || !record) return false;
  read_details(*id, *record);
  database_
      .prepare(
          "INSERT OR REPLACE INTO result_detail(id, key_text, metadata, sum) "
          "VALUES(?, ?, ?, ?)")
      .bind(*id)
      .bind_text(record->key_text)
      .bind_text(json)
      .bind(detail_sum(key, record->key_text, json))
      .run();
  transaction.commit();
  return true;
}

void SqliteResults::touch(const Record& record, WallTime now) {
  if (now - record.last_used_at < k_touch_interval) return;
  sys::Transaction transaction(database_);
  database_.prepare("UPDATE result SET used=? WHERE key=?")
      .bind(nanoseconds(now))
      .bind(record.key)
      .run();
  transaction.commit();
  if (rows_) rows_->set_used(record.key, nanoseconds(now));
}

std::vector<std::string> SqliteResults::damaged_records(Sweep sweep) {
  std::vector<std::string> names;
  std::vector<std::int64_t> ids;
  {
    sys::Statement scan = database_.prepare("SELECT key, base, used, packed, id FROM result");
    while (scan.step()) {
      if (from_columns(scan)) continue;
      names.push_back(hex(scan.bytes(0)));
      ids.push_back(scan.integer(4));
    }
  }
  if (sweep == Sweep::drop) {
    sys::Transaction transaction(database_);
    for (const std::int64_t id : ids) delete_row(id);
    transaction.commit();
  }
  return names;
}

void SqliteResults::preload() {
  if (!rows_) adopt(ResultRows::read(database_));
}

void SqliteResults::adopt(ResultRows&& rows) {
  rows_ = std::move(rows);
  damaged_ += rows_->damaged();
}

}  // namespace dsched::store
