// SPDX-License-Identifier: Apache-2.0
#include "wire/policy_answer.h"

#include <doctest/doctest.h>

namespace dsched::tests {

using namespace std::chrono_literals;
using namespace wire;
using Layout = JsonWriter::Layout;

TEST_CASE("wire: the policy is answered with exactly the contract's fields") {
  const engine::MachineSettings settings{.policy = engine::Policy::priority,
                                         .quantum = 100ms,
                                         .preemption = engine::Preemption::suspend,
                                         .slots = {4},
                                         .slots_are_chosen = true};
  CHECK(policy_document(settings, Layout::compact) ==
        R"({"success":true,"policy":"Priority","quantum_micros":100000,"slots":4,)"
        R"("preemption":"suspend"})"
        "\n");
  CHECK(policy_lines(settings) ==
        "policy      Priority\nquantum     100ms\nslots       4\npreemption  suspend\n");
}

TEST_CASE("wire: the next process is null when nobody wants a slot") {
  CHECK(next_document(std::nullopt, Layout::compact) ==
        R"({"success":true,"next_pid":null,"execution_id":null})"
        "\n");
  CHECK(next_document(NextAnswer{.pid = 1234, .execution_id = "0199"}, Layout::compact) ==
        R"({"success":true,"next_pid":1234,"execution_id":"0199"})"
        "\n");
  CHECK(next_line(std::nullopt) == "nobody wants a slot\n");
}

TEST_CASE("wire: a changed priority says what it was and when it counts") {
  PriorityAnswer answer{.execution_id = "0199",
                        .execution = 3,
                        .priority = {6},
                        .before = {5},
                        .is_running = false,
                        .audit_head = {}};
  CHECK(priority_document(answer, Layout::compact) ==
        R"({"success":true,"execution_id":"0199","execution":3,"priority":6,)"
        R"("previous_priority":5,"is_running":false})"
        "\n");
  CHECK(priority_line(answer) == "execution 3: priority 6, was 5; it counts when it is resumed\n");
  answer.is_running = true;
  CHECK(priority_line(answer) == "execution 3: priority 6, was 5\n");
  answer.before = {6};
  CHECK(priority_line(answer) == "execution 3: priority 6 as before\n");
}

TEST_CASE("wire: a quantum is shown in the largest unit that needs no fraction") {
  CHECK(quantum_text(100ms) == "100ms");
  CHECK(quantum_text(60s) == "60s");
  CHECK(quantum_text(1500us) == "1500us");
  CHECK(quantum_text(1500ms) == "1500ms");
}

}  // namespace dsched::tests
