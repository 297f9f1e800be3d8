// SPDX-License-Identifier: Apache-2.0
#include "machine/table.h"

#include <doctest/doctest.h>

#include <string>

#include "machine_world.h"

namespace dsched::machine {
namespace {

using engine::LesseeId;

// Every field differs from its default and from its neighbours.
Table full_table() {
  Table table;
  engine::ArbiterState& state = table.arbiter;
  state.settings = {.policy = engine::Policy::priority,
                    .quantum = std::chrono::milliseconds{250},
                    .preemption = engine::Preemption::boundary,
                    .slots = Slots{3},
                    .slots_are_chosen = true};
  state.counters = {.total_scheduled = 11, .context_switches = 12, .preemptions = 13};
  state.sequence = 14;
  state.next_lessee = 30;
  for (const std::uint32_t id : {3U, 29U}) {
    engine::Lessee lessee;
    lessee.id = LesseeId{id};
    lessee.priority = Priority{static_cast<std::uint8_t>(id % 11)};
    lessee.demand = {.wanted = Slots{id + 1},
                     .in_use = Slots{id + 2},
                     .next_need = Slots{id + 3},
                     .next_is_short = id == 3,
                     .slot_time = Nanoseconds{id + 4}};
    lessee.virtual_time = Nanoseconds{id + 5};
    lessee.slot_time = Nanoseconds{id + 6};
    lessee.waits_since = id + 7;
    lessee.waits_from = Instant{Nanoseconds{id + 8}};
    lessee.reported_at = Instant{Nanoseconds{id + 9}};
    lessee.generation = id + 10;
    lessee.present = id == 29;
    state.lessees.push_back(lessee);
    Member member = member_named("execution-" + std::to_string(id));
    member.lessee = LesseeId{id};
    member.pid = static_cast<std::int32_t>(4000 + id);
    member.parent_attempt = id == 29 ? "runner.execution-3-17" : "";
    table.members.push_back(member);
  }
  state.slots.resize(4);
  engine::SlotState& first = state.slots[0];
  first.holder = LesseeId{3};
  first.last_holder = LesseeId{17};
  first.granted_at = Instant{Nanoseconds{77}};
  first.granted_seq = 8;
  first.due = true;
  first.at_once = true;
  state.slots[1].reserved_for = LesseeId{29};
  state.slots[2].holder = LesseeId{29};
  state.slots[2].reserved_for = LesseeId{3};
  state.slots[2].lent = true;
  return table;
}

std::string encoded(const Table& table) {
  return encode_table(table.arbiter, table.members);
}

TEST_CASE("machine: a table is read back as it was written") {
  CHECK(decode_table(encoded(full_table())) == full_table());
  Table least;
  least.arbiter.slots.resize(1);
  CHECK(decode_table(encoded(least)) == least);
}

TEST_CASE("machine: settings are read back as they were written") {
  const engine::MachineSettings settings = full_table().arbiter.settings;
  CHECK(decode_settings(encode_settings(settings)) == settings);
  CHECK_FALSE(decode_settings(encode_settings(settings) + "x"));
}

TEST_CASE("machine: a table that is cut anywhere, or goes on, is none") {
  const std::string whole = encoded(full_table());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode_table(std::string_view(whole).substr(0, size)));
  }
  CHECK_FALSE(decode_table(whole + std::string(1, '\0')));
}

TEST_CASE("machine: any byte may be another, and what is taken for a table then keeps its limits") {
  const std::string whole = encoded(full_table());
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      const std::optional<Table> table = decode_table(bytes);
      if (!table) {
        ++refused;
        continue;
      }
      CHECK(encoded(*table) == bytes);
      CHECK(table->arbiter.slots.size() >= table->arbiter.settings.slots.count);
      for (const Member& member : table->members) CHECK(is_doorbell_name(member.execution_id));
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("machine: what contradicts itself is no table") {
  Table table = full_table();
  SUBCASE("a holder who is not there") {
    table.arbiter.slots[0].holder = LesseeId{4};
  }
  SUBCASE("a reservation for nobody") {
    table.arbiter.slots[0].reserved_for = LesseeId{4};
  }
  SUBCASE("a number that was never given") {
    table.arbiter.slots[3].last_holder = LesseeId{30};
  }
  SUBCASE("a lessee to come") {
    table.arbiter.next_lessee = 29;
  }
  SUBCASE("the same lessee twice") {
    table.arbiter.lessees[0].id = table.members[0].lessee = LesseeId{29};
  }
  SUBCASE("fewer slots than set") {
    table.arbiter.settings.slots = Slots{5};
  }
  SUBCASE("no slots") {
    table.arbiter.settings.slots = Slots{0};
  }
  SUBCASE("a quantum too long") {
    table.arbiter.settings.quantum = std::chrono::seconds{61};
  }
  SUBCASE("a quantum too short") {
    table.arbiter.settings.quantum = Nanoseconds{999'999};
  }
  SUBCASE("a priority too high") {
    table.arbiter.lessees[1].priority = Priority{11};
  }
  SUBCASE("negative time") {
    table.arbiter.lessees[1].slot_time = Nanoseconds{-1};
  }
  SUBCASE("a doorbell in another folder") {
    table.members[0].execution_id = "../a";
  }
  CHECK_FALSE(decode_table(encoded(table)));
}

TEST_CASE("machine: a text that is too long is cut, not refused") {
  Table table = full_table();
  table.members[1].store = std::string(k_text_max + 1, 's');
  const std::optional<Table> read = decode_table(encoded(table));
  REQUIRE(read);
  CHECK(read->members[1].store == std::string(k_text_max, 's'));
}

}  // namespace
}  // namespace dsched::machine
