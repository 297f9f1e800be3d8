# SPDX-License-Identifier: Apache-2.0
"""dsched-policy: how executions share the machine, and the priorities they have."""

import json

import harness
from harness import POLICY, shell, waits

WRONG_POLICY = {"success": False, "error": {
    "kind": "invalid_request", "details": [],
    "message": "Invalid policy. Must be RoundRobin, Priority, or Fair"}}


class Policy(harness.ToolTest):
    def policy(self, *arguments, code=0, **options):
        return self.run_tool(*arguments, tool=POLICY, code=code, **options)

    def refused_policy(self, *arguments, kind="invalid_request", **options):
        done = self.policy(*arguments, code=2, **options)
        self.assertEqual(done.kind, kind, repr(done))
        self.assertEqual(len(done.err.splitlines()), 1 + ("hint" in done["error"]), done.err)
        return done["error"]["message"]

    def test_a_new_machine_is_fair_to_all_that_it_can_run(self):
        found = self.policy("get")
        self.assertEqual((found["policy"], found["quantum_micros"], found["preemption"]),
                         ("Fair", 100000, "suspend"))
        self.assertGreaterEqual(found["slots"], 1)
        self.assertEqual(self.policy().document, found.document, "looking needs no command")

    def test_set_answers_with_exactly_the_fields_of_the_contract(self):
        done = self.policy("set", "Priority", "--quantum", "50ms", "--slots", "3")
        self.assertEqual(list(done.document.items()), [
            ("success", True), ("policy", "Priority"), ("quantum_micros", 50000), ("slots", 3),
            ("preemption", "suspend")])

    def test_what_is_set_stays_and_the_rest_with_it(self):
        self.policy("set", "--slots", "2")
        self.policy("set", "rr")
        self.policy("set", "--preemption", "boundary")
        self.policy("set", "--quantum=1500")
        found = self.policy("get").document
        self.assertEqual(found, {"success": True, "policy": "RoundRobin", "quantum_micros": 1500,
                                 "slots": 2, "preemption": "boundary"})

    def test_setting_what_is_in_force_changes_nothing(self):
        first = self.policy("set", "Fair", "--slots", "2").document
        self.assertEqual(self.policy("set", "Fair").document, first)

    def test_slots_go_back_to_the_machines_own(self):
        own = self.policy("get")["slots"]
        self.policy("set", "--slots", "77")
        self.assertEqual(self.policy("set", "--slots", "auto")["slots"], own)
        self.assertIn("(auto)", self.policy("get", "--format", "text").out.decode())

    def test_a_wrong_policy_is_refused_in_the_words_of_the_contract(self):
        done = self.policy("set", "Lottery", code=2)
        self.assertEqual(done.document, WRONG_POLICY)
        self.assertEqual(self.policy("set", "-", code=2,
                                     stdin_bytes=b'{"policy": "Lottery"}').document, WRONG_POLICY)
        self.assertEqual(self.policy("get")["policy"], "Fair")

    def test_a_quantum_out_of_range_is_refused_with_what_was_written(self):
        for text in ("999us", "0", "61s", "100", "soon", "1h"):
            with self.subTest(text):
                self.assertEqual(self.refused_policy("set", "--quantum", text),
                                 f"Invalid quantum: {text} must be between 1ms and 60s")
        self.assertEqual(self.refused_policy("set", "--quantum=-1"),
                         "Invalid quantum: -1 must be between 1ms and 60s")
        for text, micros in (("1ms", 1000), ("60s", 60000000), ("250000us", 250000)):
            self.assertEqual(self.policy("set", "--quantum", text)["quantum_micros"], micros)

    def test_nothing_of_a_refused_request_is_done(self):
        self.refused_policy("set", "Priority", "--quantum", "0")
        self.refused_policy("set", "Priority", "--slots", "0")
        self.refused_policy("set", "Priority", "--preemption", "never")
        self.assertEqual(self.policy("get")["policy"], "Fair")

    def test_set_needs_something_to_set(self):
        self.assertIn("nothing to set", self.refused_policy("set", kind="usage"))
        self.assertIn("nothing to set", self.refused_policy("set", "-", kind="usage",
                                                            stdin_bytes=b"{}"))

    def test_a_request_on_standard_input_is_overridden_by_options(self):
        request = {"policy": "Priority", "quantum_micros": 20000, "slots": 5,
                   "preemption": "boundary"}
        harness.check_schema("policy-request", request)
        done = self.policy("set", "-", "--slots", "6", stdin_bytes=json.dumps(request).encode())
        self.assertEqual(done.document, {"success": True, **request, "slots": 6})
        done = self.policy("set", "-", stdin_bytes=b'{"quantum": "30ms"}')
        self.assertEqual(done["quantum_micros"], 30000)

    def test_an_unknown_field_is_named_with_the_nearest_known_one(self):
        self.assertEqual(self.refused_policy("set", "-", stdin_bytes=b'{"polcy": "Fair"}'),
                         "field polcy: unknown; did you mean policy?")

    def test_people_read_lines(self):
        done = self.policy("set", "fair", "--quantum", "1s", "--slots", "2", "--format", "text")
        self.assertEqual(done.out.decode(), "policy      Fair\nquantum     1s\nslots       2\n"
                                            "preemption  suspend\n")

    def test_next_is_null_when_nobody_wants_a_slot(self):
        self.assertEqual(self.policy("next").document,
                         {"success": True, "next_pid": None, "execution_id": None})

    def test_next_names_the_runner_that_has_the_slot(self):
        self.world.program([shell("a", f"touch begun; {waits('go')}")])
        running = self.world.start("program.json")
        self.wait_for_file("begun")
        found = self.policy("next")
        self.write("go", "")
        self.assertEqual(found["next_pid"], running.pid)
        self.assertEqual(found["execution_id"], running.end()["execution_id"])
        self.assertIsNone(self.policy("next")["next_pid"])

    def test_wrong_usage_is_told(self):
        for arguments in (["Priority"], ["set", "Fair", "Fair"], ["priority"], ["priority", "1"],
                          ["priority", "1", "3", "--boost"], ["next", "--quantum", "1s"]):
            with self.subTest(arguments):
                self.refused_policy(*arguments, kind="usage")

    def test_a_damaged_machine_file_is_no_reason_to_fail(self):
        self.policy("set", "Priority")
        (self.world.root / "machine" / "leases").write_bytes(b"\0" * 9000)
        self.assertEqual(self.policy("get").code, 0)
        self.assertEqual(self.policy("set", "RoundRobin")["policy"], "RoundRobin")


class Priorities(harness.ToolTest):
    def priority(self, *arguments, code=0, **options):
        return self.run_tool("priority", *arguments, tool=POLICY, code=code, **options)

    def test_one_that_does_not_run_has_it_when_it_is_resumed(self):
        self.run_nodes(shell("a", "exit 1"), code=1)
        done = self.priority("1", "high")
        self.assertEqual((done["priority"], done["previous_priority"], done["is_running"]),
                         (8, 5, False))
        self.assertEqual(self.priority("@latest", "--boost")["priority"], 9)
        self.assertEqual(self.priority("1", "--boost")["priority"], 10)

    def test_one_that_runs_has_it_at_once(self):
        for options in ([], ["--machine", "none"]):
            with self.subTest(options):
                for name in ("begun", "go"):
                    self.world.path(name).unlink(missing_ok=True)
                self.world.program([shell("a", f"touch begun; {waits('go')}")])
                running = self.world.start("program.json", "--priority", "low", *options)
                self.wait_for_file("begun")
                done = self.priority("@latest", "high")
                self.assertEqual((done["priority"], done["previous_priority"], done["is_running"]),
                                 (8, 2, True))
                boosting = [self.world.start("priority", "@latest", "--boost", tool=POLICY)
                            for _ in range(2)]
                self.assertEqual(sorted(one.end()["priority"] for one in boosting), [9, 10])
                self.assertEqual(self.priority("@latest", "--boost", code=1).kind, "denied")
                self.write("go", "")
                self.assertEqual(running.end().code, 0)
                self.assertEqual(self.priority("@latest", "normal")["previous_priority"], 10)

    def test_the_ends_of_the_range(self):
        self.run_nodes(shell("a", "true"))
        self.assertEqual(self.priority("1", "urgent")["priority"], 10)
        done = self.priority("1", "--boost", code=1)
        self.assertEqual(done["error"]["message"], "Already at maximum priority (10)")
        self.assertEqual(self.priority("1", "0")["priority"], 0)
        done = self.priority("1", "--lower", code=1)
        self.assertEqual(done["error"]["message"], "Already at minimum priority (0)")
        self.assertEqual(self.priority("1", "low")["previous_priority"], 0)

    def test_what_is_no_priority_is_refused(self):
        self.run_nodes(shell("a", "true"))
        done = self.priority("1", "15", code=2)
        self.assertEqual((done.kind, done["error"]["message"]),
                         ("invalid_request", "Priority 15 exceeds maximum (10)"))
        self.assertEqual(self.priority("1", "bold", code=2).kind, "invalid_request")

    def test_an_unknown_execution_or_store_is_the_answer_no(self):
        self.assertEqual(self.priority("1", "3", code=1).kind, "not_found")
        self.run_nodes(shell("a", "true"))
        done = self.priority("7", "3", code=1)
        self.assertEqual(done.kind, "not_found")
        self.assertIn("execution 7: there is none", done["error"]["message"])

    def test_a_request_on_standard_input(self):
        self.run_nodes(shell("a", "true"))
        request = {"execution": 1, "priority": "low"}
        harness.check_schema("priority-request", request)
        self.assertEqual(self.priority("-", stdin_bytes=json.dumps(request).encode())["priority"],
                         2)
        done = self.priority("-", "--boost", stdin_bytes=json.dumps(request).encode())
        self.assertEqual(done["priority"], 3)

    def test_people_read_a_line(self):
        self.run_nodes(shell("a", "true"))
        done = self.priority("1", "6", "--format", "text")
        self.assertEqual(done.out, b"execution 1: priority 6, was 5; it counts when it is resumed\n")
        done = self.priority("1", "6", "--format", "text")
        self.assertEqual(done.out, b"execution 1: priority 6 as before\n")


if __name__ == "__main__":
    harness.main()
