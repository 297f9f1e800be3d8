// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results as rows of store.db (sqlite and hybrid backends). The tables stand in store/schema.h.
//
// Every row is checked when it is read: `packed` carries a sum over key, base key and itself, the
// detail row one over its texts. A row that fails is as good as absent.

#include <optional>
#include <string>

#include "store/result_rows.h"
#include "store/results.h"
#include "sys/sqlite.h"

namespace dsched::store {

class SqliteResults final : public Results {
 public:
  SqliteResults(sys::Database& database, Blobs& blobs) : database_(database), blobs_(blobs) {}

  void put(const Record& record) override;
  bool remove(const Digest& key) override;
  std::optional<Record> find(const Digest& key) override;
  std::vector<Record> find_candidates(const Digest& base_key) override;
  std::optional<Record> details(const Digest& key) override;
  std::optional<Record> latest(std::string_view dag_id, std::string_view node_id) override;
  void each(const std::function<void(const Record&)>& visit) override;
  std::vector<Digest> with_prefix(std::string_view hex_digits, std::size_t limit) override;
  bool update_metadata(const Digest& key, std::string_view json) override;
  void touch(const Record& record, WallTime now) override;
  void preload() override;
  // Takes what was read from this database elsewhere, as if preload() had read it now.
  void adopt(ResultRows&& rows);
  std::vector<std::string> damaged_records(Sweep sweep) override;
  std::uint64_t damaged() const override { return damaged_; }

 private:
  std::optional<Record> from_columns(const sys::Statement& row);
  std::optional<Record> from_memory(const ResultRows::Row& row);
  void delete_row(std::int64_t id);
  std::optional<std::int64_t> id_of(const Digest& key);
  void read_details(std::int64_t id, Record& record);

  sys::Database& database_;
  Blobs& blobs_;
  std::optional<ResultRows> rows_;  // once preloaded
  std::uint64_t damaged_ = 0;
};

}  // namespace dsched::store
