// SPDX-License-Identifier: Apache-2.0
#include "journal/wishes.h"

#include "journal/tables.h"

namespace dsched::journal {
void add_wish(sys::Database& database, Wish& wish) {
  database.prepare("INSERT INTO wish(execution,kind,node,value,at) VALUES(?,?,?,?,?)")
      .bind(as_integer(wish.execution))
      .bind(static_cast<std::int64_t>(wish.kind))
      .bind_text(wish.node)
      .bind(wish.value)
      .bind(wish.at.time_since_epoch().count())
      .run();
  wish.number = static_cast<std::uint64_t>(database.last_insert_id());
}

std::vector<Wish> take_wishes(sys::Database& database, ExecutionNumber execution) {
  std::vector<Wish> wishes;
  {
    auto statement = database.prepare(
        "SELECT number,kind,node,value,at FROM wish WHERE execution=? ORDER BY number");
    statement.bind(as_integer(execution));
    while (statement.step()) {
      const std::int64_t kind = statement.integer(1);
      // Of a later version: what nobody here understands nobody here can carry out.
      if (kind < 0 || kind > static_cast<std::int64_t>(k_last_wish)) continue;
      wishes.push_back({.number = static_cast<std::uint64_t>(statement.integer(0)),
                        .execution = execution,
                        .kind = static_cast<WishKind>(kind),
                        .node = std::string(statement.bytes(2)),
                        .value = statement.integer(3),
                        .at = WallTime{Nanoseconds{statement.integer(4)}}});
    }
  }
  database.prepare("DELETE FROM wish WHERE execution=?").bind(as_integer(execution)).run();
  return wishes;
}

bool has_wishes(sys::Database& database, ExecutionNumber execution) {
  if (!has_table(database, "wish")) return false;
  auto statement = database.prepare("SELECT 1 FROM wish WHERE execution=? LIMIT 1");
  statement.bind(as_integer(execution));
  return statement.step();
}

}  // namespace dsched::journal
