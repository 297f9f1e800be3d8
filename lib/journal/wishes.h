// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people ask of an execution from outside: cancel, pause, go on, another priority.
//
// A wish is a row, committed and synced before the runner's bell is rung, so none is lost; the
// runner takes wishes at a ring and at least once a second. A wish for an execution without a
// runner stays until a runner resumes it (priority, pause) or is carried out by whoever wished
// (cancel).
//
// Table: wish(number, execution, kind, node, value, at). A store of an earlier version has none
// until somebody opens it with Journal::Tables::make; it has no wishes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "sys/sqlite.h"

namespace dsched::journal {

// stored: never renumber
enum class WishKind : std::uint8_t {
  cancel = 0,       // the execution: end what runs, start nothing new, status cancelled
  cancel_node = 1,  // one node, `node` is its id
  pause = 2,        // stand still: suspend what runs, give the slots back, start nothing
  go_on = 3,        // the opposite
  priority = 4,     // `value` is the level
};
inline constexpr WishKind k_last_wish = WishKind::priority;

struct Wish {
  std::uint64_t number = 0;  // ascending; set by add_wish
  ExecutionNumber execution;
  WishKind kind = WishKind::cancel;
  std::string node;
  std::int64_t value = 0;
  WallTime at;
};

// Both join the caller's transaction.
void add_wish(sys::Database& database, Wish& wish);
// Those of the execution, oldest first; they are removed. In a transaction, or two may take them.
[[nodiscard]] std::vector<Wish> take_wishes(sys::Database& database, ExecutionNumber execution);
// Cheap: whether take_wishes() would give something; writes nothing.
[[nodiscard]] bool has_wishes(sys::Database& database, ExecutionNumber execution);

}  // namespace dsched::journal
