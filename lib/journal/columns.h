// SPDX-License-Identifier: Apache-2.0
#pragma once
// How values stand in the columns of the journal's tables: numbers and times as SQLite's integers.

#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "sys/sqlite.h"

namespace dsched::journal {

[[nodiscard]] constexpr std::int64_t as_integer(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

[[nodiscard]] constexpr std::int64_t nanoseconds(WallTime time) {
  return time.time_since_epoch().count();
}

inline void bind_time(sys::Statement& statement, std::optional<WallTime> time) {
  if (time) {
    statement.bind(nanoseconds(*time));
  } else {
    statement.bind_null();
  }
}

[[nodiscard]] inline std::optional<WallTime> time_in(const sys::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return WallTime{Nanoseconds{row.integer(column)}};
}

}  // namespace dsched::journal
