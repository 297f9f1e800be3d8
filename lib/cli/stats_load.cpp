// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/progress_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "engine/policy.h"
#include "machine/leases.h"
#include "report/load.h"
#include "report/machine_view.h"
#include "sys/cpus.h"
#include "sys/memory_use.h"

// dsched-stats status, scheduler, statistics and wait: documents about a store and its machine.

namespace dsched::cli {
namespace {

std::string percent(double fraction) {
  return std::to_string(std::lround(fraction * 100)) + "%";
}

std::string two_decimals(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string latency_text(std::optional<Nanoseconds> latency) {
  if (!latency) return "-";
  const double ms = std::chrono::duration<double, std::milli>(*latency).count();
  return ms < 1000 ? two_decimals(ms) + "ms" : short_duration(*latency);
}

std::string percentiles_text(const wire::Percentiles& times) {
  return latency_text(times.p50) + " (half of them), " + latency_text(times.p95) + " (95%), " +
         latency_text(times.p99) + " (99%)";
}

// The machine's table; where nobody ever shared slots, an empty one, and nothing is made.
machine::Table machine_table(const Context& context, OpenedStore& opened) {
  const std::string folder = context.machine_folder();
  if (opened.files.info(folder + "/leases")) {
    return machine::Leases(folder, opened.clock, opened.host).look();
  }
  machine::Table table;
  table.arbiter.settings.slots = {sys::usable_cpus()};
  return table;
}

// An execution that shares its slots with nobody is not in the machine's table.
report::SlotsNow slots_now(const machine::Table& table, const std::vector<report::Living>& living) {
  report::SlotsNow slots = report::slots_of(table);
  slots.in_use = std::max(slots.in_use, report::slots_in_use(living));
  return slots;
}

double share(const report::SlotsNow& slots) {
  if (slots.slots.count == 0) return 0;
  return std::min(1.0, static_cast<double>(slots.in_use.count) / slots.slots.count);
}

void write_answer(const std::string& text) {
  write_out(text + '\n');
}

}  // namespace

double slot_utilization(const Context& context, OpenedStore& opened,
                        const std::vector<report::Living>& living) {
  return share(slots_now(machine_table(context, opened), living));
}

int stats_status(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  const auto living = living_executions(book);
  wire::StatusAnswer answer = status_of(book, living);
  const report::SlotsNow slots = slots_now(machine_table(context, opened), living);
  answer.slots = slots.slots;
  answer.slot_utilization = share(slots);
  answer.memory_utilization = sys::memory_use().utilization();
  if (context.json) {
    write_answer(to_json(answer, context.layout()));
    return 0;
  }
  write_answer(std::string(answer.is_running ? "running" : "idle") + ": " + grouped(answer.active) +
               " active, " + grouped(answer.queued) + " queued, " + grouped(answer.completed) +
               " completed");
  write_answer("slots " + std::to_string(slots.in_use.count) + " of " +
               std::to_string(slots.slots.count) + " in use (" + percent(answer.slot_utilization) +
               "), memory " + percent(answer.memory_utilization));
  return 0;
}

int stats_scheduler(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const machine::Table members = machine_table(context, opened);
  const wire::SchedulerAnswer answer = report::scheduler_of(members, opened.clock.now());
  if (context.json) {
    write_answer(to_json(answer, context.layout()));
    return 0;
  }
  write_answer(std::string(answer.policy) + ", quantum " + short_duration(answer.quantum) + ", " +
               std::to_string(members.arbiter.settings.slots.count) +
               " slots: " + grouped(answer.processes.size()) + " active, " +
               grouped(answer.total_scheduled) + " scheduled, " + grouped(answer.context_switches) +
               " switches, " + grouped(answer.preemptions) + " preemptions");
  using Align = Column::Align;
  using Fit = Column::Fit;
  Table table({{"PID", Align::right, Fit::whole},
               {"EXECUTION", Align::left, Fit::whole},
               {"PRIORITY", Align::right, Fit::whole},
               {"EFFECTIVE", Align::right, Fit::whole},
               {"SLOT TIME", Align::right, Fit::whole},
               {"HELD", Align::right, Fit::whole},
               {"WANTED", Align::right, Fit::whole},
               {"", Align::left, Fit::whole}},
              output_style(context), output_width(), write_out);
  for (const wire::SchedulerProcess& process : answer.processes) {
    table.add({std::to_string(process.pid), process.execution_id,
               std::to_string(process.priority.level),
               std::to_string(process.effective_priority.level), short_duration(process.slot_time),
               std::to_string(process.held.count), std::to_string(process.wanted.count),
               std::string(process.is_current ? "current" : "")});
  }
  table.finish();
  return 0;
}

int stats_statistics(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  report::StatisticsQuery query;
  if (!command.since.empty()) query.since = since_from(command.since, opened.clock.wall());
  query.operation = command.operation;
  const wire::StatisticsAnswer answer = statistics_of(book, query);
  if (context.json) {
    write_answer(to_json(answer, context.layout()));
    return 0;
  }
  write_answer(grouped(answer.total()) + " requests: " + grouped(answer.completed) +
               " completed (" + grouped(answer.reused) + " reused), " + grouped(answer.failed) +
               " failed, " + grouped(answer.cancelled) + " cancelled, " + grouped(answer.active) +
               " active, " + grouped(answer.queued) + " queued");
  write_answer("latency     " + percentiles_text(answer.latency));
  write_answer("queue time  " + percentiles_text(answer.queue_time));
  write_answer("processing  " + short_duration(answer.processing) + ", " +
               two_decimals(answer.requests_per_second) + " requests a second");
  return 0;
}

int stats_wait(const StatsCommand& command, Context& context) {
  const auto priority = engine::priority_from(command.priority);
  if (const auto* fault = std::get_if<std::string>(&priority)) {
    throw Error(ErrorKind::usage, *fault);
  }
  OpenedStore opened = open_for_stats(command, context);
  const report::Book book{opened.store, opened.journal};
  const auto living = living_executions(book);
  wire::WaitAnswer answer;
  if (const auto work = pending_work(book, living)) {
    answer.estimated = report::estimated_wait(
        *work, slots_now(machine_table(context, opened), living), std::get<Priority>(priority));
  }
  if (context.json) {
    write_answer(to_json(answer, context.layout()));
  } else {
    write_answer(answer.estimated ? short_duration(*answer.estimated)
                                  : "unknown: nothing was measured yet");
  }
  return 0;
}

}  // namespace dsched::cli
