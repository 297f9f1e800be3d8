// SPDX-License-Identifier: Apache-2.0
#include "cli/stats_command.h"

namespace dsched::cli {
namespace {

void add_lists(const std::function<CLI::App*(const char*, const char*, decltype(&stats_log))>& add,
               StatsCommand& command) {
  CLI::App* executions =
      add("executions", "One line per execution, newest first", stats_executions);
  executions->add_option("--limit", command.limit, "At most so many")->type_name("N");
  executions
      ->add_option("--status", command.statuses, "Only executions with this status; repeatable")
      ->check(CLI::IsMember(
          {"submitted", "running", "waiting", "completed", "failed", "cancelled", "interrupted"}))
      ->type_name("S");
  executions->add_option("--dag", command.dag, "Only executions of this DAG")->type_name("ID");

  CLI::App* nodes = add("nodes", "One line per node of an execution", stats_nodes);
  nodes->add_option("EXECUTION", command.execution, "Default: @latest")->type_name("");
  nodes->add_option("--status", command.statuses, "Only nodes with this status; repeatable")
      ->check(CLI::IsMember({"pending", "running", "completed", "failed", "cancelled"}))
      ->type_name("S");
}

void add_estimates(
    const std::function<CLI::App*(const char*, const char*, decltype(&stats_log))>& add,
    StatsCommand& command) {
  CLI::App* wait = add("wait", "How long something submitted now would wait", stats_wait);
  wait->add_option("--priority", command.priority, "Of it: low, normal, high, urgent or 0 to 10")
      ->type_name("P");
  CLI::App* explain = add("explain", "Why nodes do not run at this moment", stats_explain);
  explain->add_option("EXECUTION", command.execution, "Default: @latest")->type_name("");
  explain->add_option("NODE", command.node, "Only this node")->type_name("");
}

}  // namespace

void add_stats_commands(CLI::App& app, StatsCommand& command) {
  // Not required, so that a wrong name is told as such and not as a missing one.
  app.require_subcommand(0, 1);
  command.call = [&app](const StatsCommand&, Context&) -> int { fail_without_subcommand(app); };
  app.fallthrough();
  app.add_flag("--trust-store", command.trust_store, "Use a store that was made elsewhere");
  const auto add = subcommands_of(app, command);
  add("status", "What is running, and how full the machine is", stats_status);
  add("scheduler", "Who shares the machine's slots, and how", stats_scheduler);
  CLI::App* statistics = add("statistics", "Requests, latencies and rates", stats_statistics);
  statistics
      ->add_option("--since", command.since, "Only what ended since this time (RFC 3339) or age")
      ->type_name("TIME");
  statistics->add_option("--operation", command.operation, "Only nodes of this operation")
      ->type_name("NAME");
  CLI::App* progress = add("progress", "How far an execution is", stats_progress);
  progress->add_option("EXECUTION", command.execution, "Default: @latest")->type_name("");
  progress->add_flag("--follow", command.follow, "A line per change until it ends");
  progress->add_flag("--wait", command.wait, "Wait for its end, and exit as it did");
  progress->add_option("--timeout", command.timeout, "Give up waiting after this long: exit 124")
      ->type_name("S");

  add_lists(add, command);

  CLI::App* log =
      add("log", "What an attempt, or a detached execution, wrote to standard error", stats_log);
  log->add_option("EXECUTION[/NODE]", command.target, "Whose log")->required()->type_name("");
  log->add_option("--attempt", command.attempt, "Of this attempt; default: the last")
      ->type_name("N");
  log->add_flag("--follow", command.follow, "Of an execution: what comes, until it ends");
  add_estimates(add, command);
  CLI::App* sitrep = add("sitrep", "How things stand, and what to do about it", stats_sitrep);
  sitrep->add_option("--recent", command.recent, "How many of the newest nodes; default 5")
      ->check(CLI::Range(0U, 1000U))
      ->type_name("N");
  sitrep->add_flag("--watch", command.watch, "Show it anew every two seconds, in a terminal");
  CLI::App* audit = add("audit", "Who approved, denied, cancelled or changed what", stats_audit);
  audit->add_option("--since", command.since, "Only since this time (RFC 3339) or age")
      ->type_name("TIME");
  audit->add_option("--object", command.object, "Only about this execution or node")
      ->type_name("EXECUTION[/NODE]");
}

}  // namespace dsched::cli
