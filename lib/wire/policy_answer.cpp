// SPDX-License-Identifier: Apache-2.0
#include "wire/policy_answer.h"

namespace dsched::wire {
namespace {

std::int64_t whole_micros(Nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

std::string quantum_text(Nanoseconds quantum) {
  const std::int64_t micros = whole_micros(quantum);
  constexpr std::int64_t k_second = 1'000'000;
  constexpr std::int64_t k_millisecond = 1000;
  if (micros % k_second == 0) return std::to_string(micros / k_second) + "s";
  if (micros % k_millisecond == 0) return std::to_string(micros / k_millisecond) + "ms";
  return std::to_string(micros) + "us";
}

std::string policy_document(const engine::MachineSettings& settings, JsonWriter::Layout layout,
                            const std::string& audit_head) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("policy").text(name_of(settings.policy));
  out.key("quantum_micros").number(whole_micros(settings.quantum));
  out.key("slots").number(std::uint64_t{settings.slots.count});
  out.key("preemption").text(name_of(settings.preemption));
  if (!audit_head.empty()) out.key("audit_head").text(audit_head);
  out.end_object();
  return out.take() + '\n';
}

std::string next_document(const std::optional<NextAnswer>& next, JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  if (next) {
    out.key("next_pid").number(std::int64_t{next->pid});
    out.key("execution_id").text(next->execution_id);
  } else {
    out.key("next_pid").null();
    out.key("execution_id").null();
  }
  out.end_object();
  return out.take() + '\n';
}

std::string priority_document(const PriorityAnswer& answer, JsonWriter::Layout layout) {
  JsonWriter out(layout);
  out.begin_object();
  out.key("success").boolean(true);
  out.key("execution_id").text(answer.execution_id);
  out.key("execution").number(answer.execution);
  out.key("priority").number(std::uint64_t{answer.priority.level});
  out.key("previous_priority").number(std::uint64_t{answer.before.level});
  out.key("is_running").boolean(answer.is_running);
  if (!answer.audit_head.empty()) out.key("audit_head").text(answer.audit_head);
  out.end_object();
  return out.take() + '\n';
}

std::string policy_lines(const engine::MachineSettings& settings) {
  std::string out = "policy      " + std::string(name_of(settings.policy)) + '\n';
  out += "quantum     " + quantum_text(settings.quantum) + '\n';
  out += "slots       " + std::to_string(settings.slots.count);
  out += settings.slots_are_chosen ? "\n" : " (auto)\n";
  out += "preemption  " + std::string(name_of(settings.preemption)) + '\n';
  return out;
}

std::string next_line(const std::optional<NextAnswer>& next) {
  if (!next) return "nobody wants a slot\n";
  return std::to_string(next->pid) + "  " + next->execution_id + '\n';
}

std::string priority_line(const PriorityAnswer& answer) {
  const std::string level = std::to_string(answer.priority.level);
  std::string out = "execution " + std::to_string(answer.execution) + ": priority " + level;
  if (answer.before == answer.priority) return out + " as before\n";
  out += ", was " + std::to_string(answer.before.level);
  return out + (answer.is_running ? "\n" : "; it counts when it is resumed\n");
}

}  // namespace dsched::wire
