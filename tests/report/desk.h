// SPDX-License-Identifier: Apache-2.0
#pragma once
// A store with one execution of three nodes on record: a; b, which needs a; and the constant k.

#include <memory>
#include <string_view>

#include "journal/live.h"
#include "journal/summary.h"
#include "report/recorded.h"
#include "store/test_world.h"

namespace dsched::report {

inline constexpr std::string_view k_desk_program = R"({"dag_id": "d", "nodes": [
  {"node_id": "a", "operation": "shell", "parameters": {"command": ":"}},
  {"node_id": "b", "operation": "shell", "parameters": {"command": ":"}, "arguments": ["a"]},
  {"node_id": "k", "operation": "const", "parameters": {"value": 1}}]})";

struct Desk {
  test::TestWorld world;
  std::unique_ptr<store::Store> store = world.open();
  journal::Journal journal{store->database(), journal::Journal::Tables::make};
  journal::ExecutionRecord record;
  Book book{*store, journal};

  Desk() {
    record.dag_id = "d";
    record.status = engine::ExecutionStatus::running;
    record.settings = "{}";
    record.program = store->blobs().put(k_desk_program);
    record.submitted_at = world.clock.wall();
    record.counts = {.total = 3, .completed = 1, .running = 1};
    sys::Transaction transaction(store->database());
    journal.submit(record);
    transaction.commit();
  }
  void update() {
    sys::Transaction transaction(store->database());
    journal.update(record);
    transaction.commit();
  }
  void outcome(NodeIndex node, journal::Outcome::Kind kind, std::uint32_t attempt,
               std::string_view log, FailureClass failure = FailureClass::exit) {
    journal::Outcome out;
    out.kind = kind;
    out.node = node;
    out.attempt = attempt;
    if (kind == journal::Outcome::Kind::failed) out.failure = failure;
    sys::Transaction transaction(store->database());
    if (!log.empty()) out.log = store->blobs().put(log);
    journal::SegmentWriter segment;
    segment.append(out);
    journal.append_segment(record.number, segment.take());
    transaction.commit();
  }
  void figures(WallTime at, std::string_view operation, const journal::Summary& summary) {
    sys::Transaction transaction(store->database());
    journal::add_summary(store->database(), record.number, at, operation, summary);
    transaction.commit();
  }
  journal::LiveState news() const {
    journal::LiveState live;
    live.at = world.clock.wall();
    live.in_use = {1};
    live.ready_nodes = 1;
    live.work_left = std::chrono::seconds{30};
    live.nodes = {{.node = {0},
                   .node_id = "a",
                   .state = engine::NodeState::running,
                   .reason = engine::Reason::none,
                   .attempt = 1,
                   .since = live.at,
                   .until = {}}};
    return live;
  }
};

}  // namespace dsched::report
