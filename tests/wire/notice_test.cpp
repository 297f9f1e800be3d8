// SPDX-License-Identifier: Apache-2.0
#include "wire/notice.h"

#include <doctest/doctest.h>

namespace dsched::wire {
namespace {

ExecutionNotice notice_of(NoticeKind kind, std::string status) {
  ExecutionNotice notice;
  notice.kind = kind;
  notice.store = "/s";
  notice.execution = 7;
  notice.execution_id = "id";
  notice.dag_id = "d";
  notice.status = std::move(status);
  notice.counts = {.total = 3, .completed = 2, .failed = 1};
  return notice;
}

TEST_CASE("wire: an event says what happened in one line of JSON and in a sentence") {
  CHECK(notice_line(notice_of(NoticeKind::completed, "completed")) ==
        R"({"event":"execution_completed","text":"execution 7 (d) completed: 2 nodes",)"
        R"("time":"1970-01-01T00:00:00.000Z","store":"/s","execution":7,"execution_id":"id",)"
        R"("dag_id":"d","status":"completed","total_nodes":3,"completed_nodes":2,)"
        R"("reused_nodes":0,"failed_nodes":1,"cancelled_nodes":0,"pending_nodes":0,)"
        R"("running_nodes":0})");
  ExecutionNotice failed = notice_of(NoticeKind::failed, "failed");
  failed.nodes = {{.node_id = "n", .why = "exit 3", .command = {}, .expires_at = {}, .digest = {}}};
  failed.nodes_count = 1;
  const std::string line = notice_line(failed);
  CHECK(line.find(R"x("text":"execution 7 (d) failed: 1 node failed: n (exit 3)")x") != line.npos);
  CHECK(line.find(R"("failed_count":1,"failed":[{"task_id":"7/n","name":"n","error":"exit 3"}])") !=
        line.npos);
  const std::string lost = notice_line(notice_of(NoticeKind::failed, "interrupted"));
  CHECK(lost.find("its runner could not go on") != lost.npos);
}

TEST_CASE("wire: an event has a limited size whatever a program says") {
  ExecutionNotice notice = notice_of(NoticeKind::waits, "waiting");
  notice.store = std::string(10'000, '\x01');
  notice.dag_id = std::string(100'000, '"');
  for (int i = 0; i < 100; ++i) {
    notice.nodes.push_back({.node_id = std::string(255, '"'),
                            .why = std::string(100'000, '\x02'),
                            .command = "\xff" + std::string(100'000, '\x03'),
                            .expires_at = WallTime{},
                            .digest = Digest{}});
  }
  notice.nodes_count = 1'000'000;
  const std::string line = notice_line(notice);
  CHECK(line.size() < 128 * 1024);  // sys::Notifier::k_event_bytes_max
  CHECK(line.find(R"("waiting_count":1000000)") != line.npos);
  CHECK(line.find('\n') == line.npos);
}

TEST_CASE("wire: an event of fix-it names what failed and counts all") {
  FixAnswer answer;
  answer.id = "run";
  answer.by = "ann";
  answer.tasks.resize(2);
  answer.tasks[0].result = FixResult::fixed;
  FixedTask& failed = answer.tasks[1];
  failed.task_id = "1/b";
  failed.name = "b";
  failed.reason = "exit 1";
  failed.result = FixResult::failed;
  const std::string line = notice_line(answer, "/s");
  CHECK(line.find(R"("event":"fixit_failed","text":"Fix-it completed: 1/2 tasks recovered.")") !=
        line.npos);
  CHECK(line.find(R"("tasks_fixed":1,"tasks_failed":1,"tasks_skipped":0,"failed_count":1,)"
                  R"("failed":[{"task_id":"1/b","name":"b","error":"exit 1"}]})") != line.npos);
}

}  // namespace
}  // namespace dsched::wire
