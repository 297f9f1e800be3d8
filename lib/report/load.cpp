// SPDX-License-Identifier: Apache-2.0
#include "report/load.h"

#include <algorithm>

#include "store/run_locks.h"

namespace dsched::report {
namespace {

using engine::NodeState;

constexpr Nanoseconds k_rate_window = std::chrono::seconds{60};

std::uint64_t running_in(const journal::LiveState& live) {
  return static_cast<std::uint64_t>(
      std::count_if(live.nodes.begin(), live.nodes.end(),
                    [](const auto& node) { return node.state == NodeState::running; }));
}

Requests requests_of_operation(Book book, const Living& living, const std::string& operation) {
  Requests requests;
  const RecordedProgram program = program_of(book, living.record);
  const NodeStates states = states_of(book, {living.record, RunnerState::lives}, program,
                                      [](const journal::Outcome&) { return Digest{}; });
  for (std::uint32_t i = 0; i < program.dag.size(); ++i) {
    if (!program.wanted[i] || program.dag.operation_name({i}) != operation) continue;
    const NodeState state = states[{i}].state;
    if (state == NodeState::running) ++requests.active;
    if (state == NodeState::pending) ++requests.queued;
  }
  return requests;
}

// When the store was made; empty when it does not exist.
std::optional<WallTime> start_of(Book book, std::optional<WallTime> earliest_cell) {
  const std::string path = book.store.identity().folder + "/identity";
  const auto info = book.store.world().files.info(path);
  if (info && info->birth_ns > 0) return WallTime{Nanoseconds{info->birth_ns}};
  if (earliest_cell) return earliest_cell;
  return info ? std::optional(WallTime{Nanoseconds{info->mtime_ns}}) : std::nullopt;
}

WallTime start_of_cell(WallTime time) {
  const Nanoseconds since_epoch = time.time_since_epoch();
  return WallTime{since_epoch - since_epoch % journal::k_cell};
}

// Of everything on record, without latencies.
journal::Summary counts_of(Book book) {
  journal::SummaryQuery query;
  query.parts = journal::SummaryQuery::Parts::counts;
  return journal::sum_up(book.store.database(), query).figures;
}

double rate_of(std::uint64_t count, Nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

// Goes by the locks, of which there are few, and not through all executions on record.
std::vector<Living> living_executions(Book book) {
  std::vector<Living> living;
  for (const store::Running& running : store::all_running(book.store)) {
    auto record = book.journal.find(running.execution_id);
    // It has its lock before it is on record, and still when its end is.
    if (!record || !may_have_runner(record->status)) continue;
    auto live = journal::live(book.store.database(), record->number);
    living.push_back({std::move(*record), std::move(live)});
  }
  return living;
}

Requests requests_now(Book book, const std::vector<Living>& living,
                      const std::optional<std::string>& operation) {
  Requests sum;
  for (const Living& one : living) {
    Requests requests;
    if (operation) {
      requests = requests_of_operation(book, one, *operation);
    } else {
      const engine::Counts& counts = one.record.counts;
      const std::uint64_t open = counts.pending() + counts.running;
      requests.active = std::min(one.live ? running_in(*one.live) : counts.running, open);
      requests.queued = open - requests.active;
    }
    sum.active += requests.active;
    sum.queued += requests.queued;
  }
  return sum;
}

wire::Percentiles percentiles_of(const journal::Latencies& latencies) {
  return {latencies.percentile(50), latencies.percentile(95), latencies.percentile(99)};
}

Nanoseconds length_of_window(WallTime asked, std::optional<WallTime> earliest_cell,
                             WallTime store_start, WallTime now) {
  WallTime begin = start_of_cell(asked);
  if (earliest_cell) begin = std::min(begin, *earliest_cell);
  return now - std::min(std::max(begin, store_start), now);
}

wire::StatisticsAnswer statistics_of(Book book, const StatisticsQuery& query) {
  sys::Database& database = book.store.database();
  const WallTime now = book.store.world().clock.wall();
  const journal::SummaryAnswer sum = journal::sum_up(
      database, {.since = query.since, .operation = query.operation, .execution = {}});
  const Requests open = requests_now(book, living_executions(book), query.operation);
  const std::optional<WallTime> store_start = start_of(book, sum.earliest);
  const WallTime since = query.since.value_or(now - k_rate_window);
  const journal::SummaryAnswer recent =
      query.since ? sum
                  : journal::sum_up(
                        database, {.since = since, .operation = query.operation, .execution = {}});
  const journal::Summary& figures = sum.figures;
  wire::StatisticsAnswer answer;
  answer.completed = figures.completed;
  answer.failed = figures.failed;
  answer.cancelled = figures.cancelled;
  answer.active = open.active;
  answer.queued = open.queued;
  answer.reused = figures.reused;
  answer.processing = figures.processing;
  if (store_start) {
    const Nanoseconds window = length_of_window(since, recent.earliest, *store_start, now);
    answer.requests_per_second = rate_of(recent.figures.nodes(), window);
    if (figures.tokens > 0) answer.tokens_per_second = rate_of(recent.figures.tokens, window);
  }
  if (figures.batch_room.count() > 0) {
    const double room = std::chrono::duration<double>(figures.batch_room).count();
    const double used = std::chrono::duration<double>(figures.batch_used).count();
    answer.batch_utilization = std::min(used / room, 1.0);
  }
  answer.latency = percentiles_of(figures.latency);
  answer.queue_time = percentiles_of(figures.queue);
  answer.start = query.since ? query.since : store_start;
  return answer;
}

wire::StatusAnswer status_of(Book book, const std::vector<Living>& living) {
  wire::StatusAnswer answer;
  const Requests open = requests_now(book, living, std::nullopt);
  answer.is_running = !living.empty();
  answer.active = open.active;
  answer.queued = open.queued;
  answer.completed = counts_of(book).completed;
  answer.last_update = book.store.world().clock.wall();
  return answer;
}

Slots slots_in_use(const std::vector<Living>& living) {
  Slots sum;
  for (const Living& one : living) {
    if (one.live) sum.count += one.live->in_use.count;
  }
  return sum;
}

std::optional<std::vector<PendingWork>> pending_work(Book book, const std::vector<Living>& living) {
  sys::Database& database = book.store.database();
  const WallTime now = book.store.world().clock.wall();
  // Reused nodes and values in memory take no time and measure nothing.
  if (counts_of(book).processing.count() == 0) return std::nullopt;
  std::vector<PendingWork> all;
  for (const Living& one : living) {
    if (!one.live) continue;
    PendingWork& work = all.emplace_back();
    work.priority = one.record.priority;
    work.ready_nodes = one.live->ready_nodes;
    work.left = one.live->work_left;
    std::optional<journal::Durations> durations;
    for (const journal::LiveNode& node : one.live->nodes) {
      if (node.state != NodeState::running) continue;
      if (!durations) durations.emplace(database, one.record.dag_id);
      work.running.push_back({now - node.since, durations->duration(node.node_id)});
    }
  }
  return all;
}

}  // namespace dsched::report
