// SPDX-License-Identifier: Apache-2.0
#include "journal/live.h"

#include <algorithm>
#include <bit>

#include "journal/fields.h"
#include "journal/tables.h"

// The grammar of `state`, with the alphabet of journal/fields.h:
//
//   state = version:u8 (1) at:time width:varint held:varint in_use:varint flags:u8 ready:varint
//           percentage:u64 (the bits of the double, as varint) [completion:time] work_left:time
//           count:varint node* count:varint pool* sum:u64
//   flags = 1 paused | 2 stopping | 4 with completion
//   node  = index:varint id:text state:u8 reason:u8 attempt:varint since:time has_until:u8 [until]
//   pool  = name:text in_use:varint limit:varint
//
// stored: version 1 never changes. A row that cannot be read is as good as none: it is only news.

namespace dsched::journal {
namespace {

constexpr std::uint8_t k_live_version = 1;
constexpr std::uint8_t k_paused = 1;
constexpr std::uint8_t k_stopping = 2;
constexpr std::uint8_t k_completion = 4;

void put_node(std::string& out, const LiveNode& node) {
  put_varint(out, node.node.value);
  put_text(out, node.node_id);
  out += static_cast<char>(node.state);
  out += static_cast<char>(node.reason);
  put_varint(out, node.attempt);
  put_wall_time(out, node.since);
  out += node.until ? '\1' : '\0';
  if (node.until) put_wall_time(out, *node.until);
}

std::string pack_live(const LiveState& state) {
  std::string out;
  out += static_cast<char>(k_live_version);
  put_wall_time(out, state.at);
  for (const Slots slots : {state.width, state.held, state.in_use}) put_varint(out, slots.count);
  out += static_cast<char>((state.is_paused ? k_paused : 0) | (state.is_stopping ? k_stopping : 0) |
                           (state.estimated_completion ? k_completion : 0));
  put_varint(out, state.ready_nodes);
  put_varint(out, std::bit_cast<std::uint64_t>(state.percentage));
  if (state.estimated_completion) put_wall_time(out, *state.estimated_completion);
  put_time(out, state.work_left);
  const std::size_t listed = std::min(state.nodes.size(), k_live_nodes_max);
  put_varint(out, listed);
  for (std::size_t i = 0; i < listed; ++i) put_node(out, state.nodes[i]);
  put_varint(out, state.pools.size());
  for (const LivePool& pool : state.pools) {
    put_text(out, pool.name);
    put_varint(out, pool.in_use.count);
    put_varint(out, pool.limit.count);
  }
  close_bytes(out);
  return out;
}

LiveNode read_node(FieldReader& in) {
  LiveNode node;
  node.node = {in.varint32()};
  node.node_id = in.text();
  node.state = static_cast<engine::NodeState>(in.byte());
  node.reason = static_cast<engine::Reason>(in.byte());
  if (engine::name_of(node.state).empty()) in.ok = false;
  if (node.reason != engine::Reason::none && engine::name_of(node.reason).empty()) in.ok = false;
  node.attempt = in.varint32();
  node.since = in.wall_time();
  if (in.byte() != 0) node.until = in.wall_time();
  return node;
}

std::optional<LiveState> unpack_live(std::string_view closed) {
  const auto bytes = open_bytes(closed);
  if (!bytes) return std::nullopt;
  FieldReader in{*bytes};
  if (in.byte() != k_live_version) return std::nullopt;
  LiveState state;
  state.at = in.wall_time();
  for (Slots* slots : {&state.width, &state.held, &state.in_use}) slots->count = in.varint32();
  const std::uint8_t flags = in.byte();
  state.is_paused = (flags & k_paused) != 0;
  state.is_stopping = (flags & k_stopping) != 0;
  state.ready_nodes = in.varint();
  state.percentage = std::bit_cast<double>(in.varint());
  if (!(state.percentage >= 0 && state.percentage <= 100)) in.ok = false;
  if (flags & k_completion) state.estimated_completion = in.wall_time();
  state.work_left = in.time();
  for (std::uint64_t count = in.varint(); in.ok && count > 0; --count) {
    state.nodes.push_back(read_node(in));
  }
  for (std::uint64_t count = in.varint(); in.ok && count > 0; --count) {
    state.pools.push_back({in.text(), {in.varint32()}, {in.varint32()}});
  }
  if (!in.at_end()) return std::nullopt;
  return state;
}

}  // namespace

void put_live(sys::Database& database, ExecutionNumber execution, const LiveState& state) {
  const std::string packed = pack_live(state);
  database.prepare("INSERT OR REPLACE INTO live(execution,state) VALUES(?,?)")
      .bind(as_integer(execution))
      .bind_blob(packed)
      .run();
}

void remove_live(sys::Database& database, ExecutionNumber execution) {
  database.prepare("DELETE FROM live WHERE execution=?").bind(as_integer(execution)).run();
}

std::optional<LiveState> live(sys::Database& database, ExecutionNumber execution) {
  if (!has_table(database, "live")) return std::nullopt;
  auto statement = database.prepare("SELECT state FROM live WHERE execution=?");
  statement.bind(as_integer(execution));
  if (!statement.step()) return std::nullopt;
  return unpack_live(statement.bytes(0));
}

}  // namespace dsched::journal
