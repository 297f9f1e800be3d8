# SPDX-License-Identifier: Apache-2.0
"""Failures: their classes and codes, what goes on and what does not, retries, timeouts, logs."""

import signal

import harness
from harness import const, shell, waits


class HowNodesFail(harness.ToolTest):
    def test_every_exit_code_is_reported_exactly(self):
        nodes = [shell(f"e{code}", f"exit {code}") for code in range(256)]
        answer = self.run_nodes(*nodes, options=["--keep-going", "-j4"], code=1)
        for code in range(1, 256):
            node = answer.node(f"e{code}")
            self.assertEqual((node["status"], node["class"], node["exit_code"], node["signal"]),
                             ("failed", "exit", code, None))
        self.assertEqual(answer.node("e0")["status"], "completed")
        self.assertEqual(answer["failed_nodes"], 255)

    def test_every_signal_is_reported_exactly(self):
        numbers = [int(number) for number in signal.Signals if number not in (
            signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD,
            signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)]
        nodes = [harness.execute(f"s{number}", ["sh", "-c", f"ulimit -c 0; kill -{number} $$"])
                 for number in numbers]
        answer = self.run_nodes(*nodes, options=["-k", "-j4"], code=1)
        for number in numbers:
            node = answer.node(f"s{number}")
            self.assertEqual((node["class"], node["signal"], node["exit_code"]),
                             ("signal", number, None))
            self.assertIn(f"signal {number}", node["error"])

    def test_the_answer_of_a_failed_run_says_what_failed(self):
        answer = self.run_nodes(shell("a", "echo why >&2; exit 3"), code=1)
        self.assertEqual((answer["status"], answer.kind), ("failed", "node_failed"))
        self.assertEqual(answer.node("a")["log"], "why\n")
        self.assertEqual(answer["results"], {})

    def test_people_see_the_command_and_the_end_of_its_log_at_once(self):
        self.world.program([shell("a", "echo first cause >&2; exit 3")])
        done = self.run_tool("program.json", code=1)
        self.assertIn("echo first cause", done.err)
        self.assertIn("exit 3", done.err)
        self.assertRegex(done.err, r"(?m)^ *first cause$")

    def test_a_long_log_keeps_head_and_tail(self):
        answer = self.run_nodes(
            shell("a", "echo the head >&2; yes middle | head -c 30000000 >&2; echo the tail >&2;"
                  "exit 1"), code=1)
        log = answer.node("a")["log"]
        self.assertTrue(log.endswith("the tail\n"))
        self.assertLess(len(log), 100_000)

    def test_a_log_that_is_not_utf8_is_still_shown(self):
        answer = self.run_nodes(shell("a", "printf 'a\\377b\\n\\033[31mred\\n' >&2; exit 1"), code=1)
        self.assertIn("b", answer.node("a")["log"])
        done = self.world.run("program.json", "--format", "text")
        self.assertNotIn("\x1b[31mred", done.err)


class WhatGoesOn(harness.ToolTest):
    def test_by_default_nothing_new_starts_and_running_nodes_end(self):
        self.world.program([
            shell("bad", waits("started") + "; exit 1"),
            shell("running", "touch started; " + waits("go") + "; echo kept", inputs=[]),
            shell("later", "touch later", priority=0)])
        running = self.world.start("program.json", "-j2", "--nodes", "all")
        seen = ""
        while "bad failed" not in seen:
            line = running.process.stderr.readline().decode()
            self.assertTrue(line, seen)
            seen += line
        self.write("go", "")
        answer = running.end()
        self.assertEqual(answer.code, 1)
        self.assertEqual(answer.node("running")["status"], "completed")
        self.assertFalse(self.exists("later"))
        self.assertEqual(answer.counts,
                         {"total": 3, "completed": 1, "failed": 1, "pending": 1})
        self.world.program([shell("running", "touch started; " + waits("go") + "; echo kept",
                                  inputs=[])])
        self.assertTrue(self.again().node("running")["reused"])

    def test_keep_going_runs_everything_not_downstream(self):
        answer = self.run_nodes(
            shell("bad", "exit 1"), shell("b", ":", arguments=["bad"]),
            shell("c", ":", arguments=["b"]), shell("d", ":"), shell("e", ":"),
            dependencies={"e": ["bad"]}, options=["--keep-going", "-j1"], code=1)
        self.assertEqual(answer.counts, {"total": 5, "completed": 1, "failed": 1, "cancelled": 3})
        for name in "bce":
            node = answer.node(name)
            self.assertEqual((node["status"], node["reason"], node["because"]),
                             ("cancelled", "dependency_failed", "bad"))
        self.assertEqual(answer["progress_percentage"], 100)

    def test_keep_going_n_stops_after_the_nth_failure(self):
        nodes = [shell(f"n{i}", "exit 1") for i in range(6)]
        for limit in (1, 2, 4):
            with self.subTest(limit=limit):
                answer = self.run_nodes(*nodes, options=[f"--keep-going={limit}", "-j1"], code=1)
                self.assertEqual(answer["failed_nodes"], limit)
        self.assertEqual(self.run_nodes(*nodes, options=["-k", "-j1"], code=1)["failed_nodes"], 6)
        self.assertEqual(self.run_nodes(*nodes, options=["-j1"], code=1)["failed_nodes"], 1)

    def test_a_failed_goal_does_not_hide_the_others(self):
        answer = self.run_nodes(shell("good", "echo 1"), shell("bad", "exit 1"), options=["-k"],
                                code=1)
        self.assertEqual(answer.text("good"), "1\n")


class Retries(harness.ToolTest):
    def test_a_node_is_tried_again_until_it_succeeds(self):
        answer = self.run_nodes(shell("a", 'echo $DSCHED_ATTEMPT >> tries; test $DSCHED_ATTEMPT = 3',
                                      max_retries=5, backoff_s=0))
        self.assertEqual(self.world.lines("tries"), ["1", "2", "3"])
        self.assertEqual((answer.node("a")["attempts"], answer.node("a")["status"]),
                         (3, "completed"))

    def test_a_failure_remains_when_the_retries_are_used_up(self):
        answer = self.run_nodes(shell("a", "echo x >> tries; exit 7", max_retries=2, backoff_s=0),
                                code=1)
        self.assertEqual(len(self.world.lines("tries")), 3)
        self.assertEqual((answer.node("a")["attempts"], answer.node("a")["exit_code"]), (3, 7))

    def test_the_command_line_gives_the_default_and_the_program_wins(self):
        answer = self.run_nodes(shell("a", "exit 1", backoff_s=0),
                                shell("b", "exit 1", backoff_s=0, max_retries=0),
                                options=["--retries", "2", "-k"], code=1)
        self.assertEqual([answer.node(n)["attempts"] for n in "ab"], [3, 1])

    def test_each_attempt_has_an_id_of_its_own(self):
        self.run_nodes(shell("a", "echo $DSCHED_ATTEMPT_ID >> ids; test $DSCHED_ATTEMPT = 3",
                             max_retries=2, backoff_s=0), shell("b", "echo $DSCHED_ATTEMPT_ID >> ids"))
        ids = self.world.lines("ids")
        self.assertEqual((len(ids), len(set(ids))), (4, 4))

    def test_what_failed_before_leaves_nothing_in_the_result(self):
        answer = self.run_nodes(shell("a", "echo try $DSCHED_ATTEMPT; test $DSCHED_ATTEMPT = 2",
                                      max_retries=1, backoff_s=0))
        self.assertEqual(answer.text("a"), "try 2\n")

    def test_the_delay_is_at_least_the_backoff_and_doubles(self):
        self.run_nodes(shell("a", "date +%s%N >> times; test $DSCHED_ATTEMPT = 3", max_retries=2,
                             backoff_s=0.1))
        first, second, third = (int(line) / 1e9 for line in self.world.lines("times"))
        self.assertGreaterEqual(second - first, 0.1)
        self.assertGreaterEqual(third - second, 0.2)

    def test_a_missing_input_is_never_retried(self):
        answer = self.run_nodes(shell("a", ":", inputs=["nofile"], max_retries=3, backoff_s=0),
                                code=1)
        self.assertEqual((answer.node("a")["class"], answer.node("a")["attempts"]),
                         ("not_found", 0))

    def test_a_node_that_is_not_idempotent_is_not_retried(self):
        answer = self.run_nodes(shell("a", "exit 1", idempotent=False, max_retries=3, backoff_s=0),
                                code=1)
        self.assertEqual(answer.node("a")["attempts"], 1)

    def test_a_pool_is_free_during_backoff_and_after_failures(self):
        answer = self.run_nodes(
            shell("a", "test $DSCHED_ATTEMPT = 2 && test -e b", max_retries=1, backoff_s=0.05,
                  pool="p", priority=9),
            shell("b", "touch b", pool="p"), shell("c", "exit 1", pool="p"),
            shell("d", ":", pool="p"), pools={"p": 1}, options=["-k", "-j4"], code=1)
        self.assertEqual(answer.counts["completed"], 3)


class Timeouts(harness.ToolTest):
    def test_a_timeout_ends_the_whole_tree_and_has_a_class(self):
        answer = self.run_nodes(
            shell("a", "sleep 1000 & setsid sleep 1000 & timeout 1000 sleep 1000", timeout_s=0.2),
            code=1)
        node = answer.node("a")
        self.assertEqual((node["class"], node["reason"]), ("timeout", "timeout"))
        self.assertIn("timeout", node["error"])
        self.assertEqual(harness.processes_with(str(self.world.root)), [])

    def test_a_command_that_ignores_the_request_to_end_is_killed(self):
        answer = self.run_nodes(shell("a", "trap '' TERM INT HUP; while :; do sleep 0.05; done",
                                      timeout_s=0.1), code=1)
        self.assertEqual(answer.node("a")["class"], "timeout")

    def test_a_timeout_is_per_attempt_and_counts_as_retryable(self):
        answer = self.run_nodes(
            shell("a", "test $DSCHED_ATTEMPT = 2 || sleep 1000; echo ok", timeout_s=0.3,
                  max_retries=1, backoff_s=0))
        self.assertEqual((answer.text("a"), answer.node("a")["attempts"]), ("ok\n", 2))

    def test_a_command_that_ends_well_when_told_to_has_still_timed_out(self):
        answer = self.run_nodes(shell("a", "trap 'exit 0' TERM; while :; do sleep 0.02; done",
                                      timeout_s=0.2), code=1)
        self.assertEqual(answer.node("a")["class"], "timeout")

    def test_in_time_is_no_timeout(self):
        self.assertEqual(self.run_nodes(shell("a", "echo ok", timeout_s=100)).text("a"), "ok\n")


class TreesEnd(harness.ToolTest):
    def test_what_a_node_leaves_behind_is_ended_with_it(self):
        answer = self.run_nodes(
            shell("a", "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000; :' &) ;"
                  "env -i setsid sleep 1000 & nohup sleep 1000 2>/dev/null & echo done"),
            const("c", 1))
        self.assertEqual(answer.text("a"), "done\n")
        self.assertEqual(harness.processes_with(str(self.world.root)), [])

    def test_late_output_of_a_survivor_is_not_in_the_result(self):
        answer = self.run_nodes(shell("a", "(sleep 1000; echo late) & echo early"))
        self.assertEqual(answer.text("a"), "early\n")


if __name__ == "__main__":
    harness.main()
