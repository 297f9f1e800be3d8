// SPDX-License-Identifier: Apache-2.0
#include "cli/policy_command.h"

#include "cli/opened_store.h"
#include "machine/member.h"
#include "session/auditing.h"
#include "session/change_priority.h"
#include "sys/cpus.h"
#include "sys/streams.h"
#include "wire/policy_answer.h"
#include "wire/policy_request.h"

namespace dsched::cli {
namespace {

constexpr std::string_view k_standard_input_of_policy = "-";

std::string request_text() {
  return sys::read_all(0, "standard input");
}

struct Machine {
  explicit Machine(const Context& context) : leases(context.machine_folder(), clock, host) {}
  sys::PosixClock clock;
  sys::PosixHost host;
  machine::Leases leases;
};

void show(const engine::MachineSettings& settings, const Context& context,
          const std::string& audit_head = {}) {
  write_out(context.json ? wire::policy_document(settings, context.layout(), audit_head)
                         : wire::policy_lines(settings));
}

int show_policy(const PolicyCommand&, Context& context) {
  Machine machine(context);
  show(machine.leases.look().arbiter.settings, context);
  return 0;
}

wire::PolicyChange wanted_change(const PolicyCommand& command) {
  wire::PolicyChange words;
  if (!command.policy.empty() && command.policy != k_standard_input_of_policy) {
    words.policy = wire::policy_in(command.policy);
  }
  if (!command.quantum.empty()) words.quantum = wire::quantum_in(command.quantum);
  if (!command.slots.empty()) words.slots = wire::slots_in(command.slots);
  if (!command.preemption.empty()) words.preemption = wire::preemption_in(command.preemption);
  if (command.policy != k_standard_input_of_policy) return words;
  return wire::merged(wire::read_policy_change(request_text()), words);
}

// What was changed, for the audit.
std::vector<std::pair<std::string, std::string>> details_of(const engine::MachineSettings& now) {
  return {{"policy", std::string(name_of(now.policy))},
          {"preemption", std::string(name_of(now.preemption))},
          {"quantum_micros", std::to_string(now.quantum / std::chrono::microseconds{1})},
          {"slots", std::to_string(now.slots.count)}};
}

// The machine's settings stand in no store, so the change and its record cannot be one transaction:
// the record follows at once, in the store that is named, if there is one. Gives the audit's head
// then; empty: it was not recorded.
std::string audit_policy(const engine::MachineSettings& now, Context& context) {
  if (!sys::PosixFiles().info(context.store_folder() + "/identity")) return {};
  try {
    OpenedStore opened(context, store::Mode::existing, store::Trust::own);
    sys::Transaction transaction(opened.store.database());
    session::audit(
        opened.store,
        {.action = "policy", .object = "machine", .outcome = "set", .details = details_of(now)});
    const std::string head = journal::audit_head_text(opened.store.database());
    transaction.commit();
    opened.store.sync();
    return head;
  } catch (const Error& error) {
    tell_error(context, Error(error.kind(), std::string("warning: not audited: ") + error.what()));
    return {};
  }
}

int set(const PolicyCommand& command, Context& context) {
  const wire::PolicyChange change = wanted_change(command);
  if (change.is_empty()) {
    throw Error(ErrorKind::usage, "nothing to set: name a policy, quantum, slots or preemption",
                "see dsched-policy set --help");
  }
  Machine machine(context);
  const auto apply = [&change](engine::MachineSettings& settings) {
    if (change.policy) settings.policy = *change.policy;
    if (change.quantum) settings.quantum = *change.quantum;
    if (change.preemption) settings.preemption = *change.preemption;
    if (!change.slots) return;
    const auto* chosen = std::get_if<Slots>(&*change.slots);
    settings.slots = chosen != nullptr ? *chosen : Slots{sys::usable_cpus()};
    settings.slots_are_chosen = chosen != nullptr;
  };
  const engine::MachineSettings settings = machine::set_settings(machine.leases, apply);
  show(settings, context, audit_policy(settings, context));
  return 0;
}

int next(const PolicyCommand&, Context& context) {
  Machine machine(context);
  std::optional<wire::NextAnswer> answer;
  if (const auto member = machine::schedule_next(machine.leases)) {
    answer = wire::NextAnswer{.pid = member->pid, .execution_id = member->execution_id};
  }
  write_out(context.json ? wire::next_document(answer, context.layout()) : wire::next_line(answer));
  return 0;
}

wire::PriorityRequest wanted_priority(const PolicyCommand& command) {
  wire::PriorityRequest words;
  const int said =
      (command.level.empty() ? 0 : 1) + (command.boost ? 1 : 0) + (command.lower ? 1 : 0);
  if (said > 1) throw Error(ErrorKind::usage, "only one of LEVEL, --boost and --lower");
  if (!command.level.empty()) words.wish = wire::priority_in(command.level);
  if (command.boost) words.wish = wire::PriorityStep::boost;
  if (command.lower) words.wish = wire::PriorityStep::lower;
  if (command.execution != k_standard_input_of_policy) {
    words.execution = command.execution;
    return words;
  }
  wire::PriorityRequest request = wire::read_priority_request(request_text());
  if (words.wish) request.wish = words.wish;
  return request;
}

int priority(const PolicyCommand& command, Context& context) {
  const wire::PriorityRequest request = wanted_priority(command);
  if (request.execution.empty() || !request.wish) {
    throw Error(ErrorKind::usage,
                request.execution.empty()
                    ? "which execution is missing"
                    : "which priority is missing: a level, --boost or --lower",
                "see dsched-policy priority --help");
  }
  OpenedStore opened(context, store::Mode::existing, store::Trust::own);
  const wire::PriorityAnswer answer =
      session::change_priority(opened.store, opened.journal, {request.execution, *request.wish});
  write_out(context.json ? wire::priority_document(answer, context.layout())
                         : wire::priority_line(answer));
  return 0;
}

}  // namespace

void add_policy_commands(CLI::App& app, PolicyCommand& command) {
  // Without a command the policy is shown: looking harms nothing.
  app.require_subcommand(0, 1);
  command.call = show_policy;
  app.fallthrough();
  const auto add = subcommands_of(app, command);
  add("get", "Show the policy (the default)", show_policy);
  CLI::App* set_command = add("set", "Change it, for everything that runs here", set);
  set_command
      ->add_option("POLICY", command.policy,
                   "RoundRobin, Priority or Fair; - reads the request from standard input")
      ->type_name("");
  set_command
      ->add_option("--quantum", command.quantum,
                   "How long a slot is held while others wait: 1ms to 60s")
      ->type_name("TIME");
  set_command->add_option("--slots", command.slots, "How many there are, or auto")->type_name("N");
  set_command
      ->add_option("--preemption", command.preemption,
                   "suspend: stop nodes; boundary: wait until they end")
      ->type_name("HOW");
  add("next", "Give the next slot and say who got it", next);
  CLI::App* priority_command = add("priority", "Change the priority of an execution", priority);
  priority_command
      ->add_option("EXECUTION", command.execution,
                   "Number, id or @latest; - reads the request from standard input")
      ->required()
      ->type_name("");
  priority_command->add_option("LEVEL", command.level, "0 to 10, or low, normal, high, urgent")
      ->type_name("");
  priority_command->add_flag("--boost", command.boost, "One more");
  priority_command->add_flag("--lower", command.lower, "One less");
}

}  // namespace dsched::cli
