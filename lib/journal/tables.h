// SPDX-License-Identifier: Apache-2.0
#pragma once
// The journal's tables in store.db: all that this version knows are made together, in one
// transaction, by whoever opens a store for writing. A store of an earlier version may lack some
// until then; who only reads it looks first, and finds nothing.

#include <string_view>

#include "base/ids.h"
#include "sys/sqlite.h"

namespace dsched::journal {

// Whether every table and column of this version is there.
[[nodiscard]] bool has_all_tables(sys::Database& database);
[[nodiscard]] bool has_table(sys::Database& database, std::string_view name);
[[nodiscard]] bool has_column(sys::Database& database, std::string_view table,
                              std::string_view column);
void make_tables(sys::Database& database);

// As the columns hold it.
[[nodiscard]] inline std::int64_t as_integer(ExecutionNumber execution) {
  return static_cast<std::int64_t>(execution.value);
}

}  // namespace dsched::journal
