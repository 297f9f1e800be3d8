// SPDX-License-Identifier: Apache-2.0
#include "report/load.h"

#include <doctest/doctest.h>

#include "report/machine_view.h"

namespace dsched::report {
namespace {

using namespace std::chrono_literals;

WallTime at(Nanoseconds time) {
  return WallTime{1000s + time};
}

TEST_CASE("report: a window begins with the cell that was counted, not before the store") {
  const WallTime old{0s};
  CHECK(length_of_window(at(5s), {}, old, at(25s)) == 25s);          // cells are 10 s long
  CHECK(length_of_window(at(5s), at(-590s), old, at(25s)) == 615s);  // an hour's cell
  CHECK(length_of_window(at(5s), at(0s), at(7s), at(25s)) == 18s);   // a young store
  CHECK(length_of_window(at(5s), at(0s), at(30s), at(25s)) == 0s);   // a clock set back
}

TEST_CASE("report: percentiles are by nearest rank, and unknown when nothing was measured") {
  journal::Latencies latencies;
  CHECK_FALSE(percentiles_of(latencies).p50);
  for (int i = 1; i <= 10; ++i) latencies.add(std::chrono::milliseconds{i});
  CHECK(percentiles_of(latencies).p50 == 5ms);
  CHECK(percentiles_of(latencies).p95 == 10ms);
  CHECK(percentiles_of(latencies).p99 == 10ms);
}

TEST_CASE("report: the sum of what became of requests is their total") {
  wire::StatisticsAnswer answer;
  answer.completed = 1;
  answer.failed = 2;
  answer.cancelled = 4;
  answer.active = 8;
  answer.queued = 16;
  answer.reused = 1;  // of those that completed
  CHECK(answer.total() == 31);
}

// Two members: the first was granted slots 0 and 1, the second slot 2 last.
machine::Table a_table() {
  machine::Table table;
  table.arbiter.settings.slots = {4};
  table.arbiter.settings.policy = engine::Policy::round_robin;
  table.arbiter.counters = {.total_scheduled = 3, .context_switches = 2, .preemptions = 1};
  table.arbiter.next_lessee = 3;
  table.arbiter.sequence = 3;
  for (std::uint32_t id : {1U, 2U}) {
    engine::Lessee lessee;
    lessee.id = {id};
    lessee.priority = {static_cast<std::uint8_t>(4 + id)};
    lessee.demand.wanted = {id};
    lessee.demand.in_use = {1};
    lessee.slot_time = id * 1s;
    lessee.virtual_time = id * 2s;
    lessee.present = true;
    table.arbiter.lessees.push_back(lessee);
    machine::Member member;
    member.lessee = {id};
    member.pid = static_cast<std::int32_t>(100 + id);
    member.execution_id = "e" + std::to_string(id);
    table.members.push_back(member);
  }
  table.arbiter.slots.resize(4);
  for (std::uint32_t i = 0; i < 3; ++i) {
    table.arbiter.slots[i].holder = engine::LesseeId{i < 2 ? 1U : 2U};
    table.arbiter.slots[i].granted_seq = i + 1;
  }
  return table;
}

TEST_CASE("report: the scheduler's answer has the table's figures, and one is current") {
  const wire::SchedulerAnswer answer = scheduler_of(a_table(), Instant{5s});
  CHECK(answer.policy == "RoundRobin");
  CHECK(answer.total_scheduled == 3);
  CHECK(answer.context_switches == 2);
  CHECK(answer.preemptions == 1);
  REQUIRE(answer.processes.size() == 2);
  const wire::SchedulerProcess& first = answer.processes[0];
  CHECK(first.pid == 101);
  CHECK(first.execution_id == "e1");
  CHECK(first.priority == Priority{5});
  CHECK(first.held == Slots{2});
  CHECK(first.wanted == Slots{1});
  CHECK(first.slot_time == 1s);
  CHECK(first.virtual_time == 2s);
  CHECK_FALSE(first.is_current);
  CHECK(answer.processes[1].is_current);  // of the latest lease
}

TEST_CASE("report: without leases nobody is current, and slots in use are the leased ones") {
  machine::Table table = a_table();
  CHECK(slots_of(table).slots == Slots{4});
  CHECK(slots_of(table).in_use == Slots{3});
  for (engine::SlotState& slot : table.arbiter.slots) slot.holder.reset();
  CHECK(slots_of(table).in_use == Slots{0});
  for (const auto& process : scheduler_of(table, Instant{5s}).processes) {
    CHECK_FALSE(process.is_current);
    CHECK(process.held == Slots{0});
  }
}

}  // namespace
}  // namespace dsched::report
