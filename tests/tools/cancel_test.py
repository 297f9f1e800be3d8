# SPDX-License-Identifier: Apache-2.0
"""dsched-cancel where no runner helps: it is gone, does not react, or never was."""

import re
import signal

import harness
from cancel_support import STUBBORN, UNDER_WAY, CancelTest
from harness import shell


class WithoutARunner(CancelTest):
    def test_unknown_names_are_listed_and_the_others_cancelled_all_the_same(self):
        self.begin_and_kill(shell("a", UNDER_WAY))
        done = self.cancel("7", "1", "@-9", code=1)
        self.assertEqual(done["not_found"], ["7", "@-9"])
        self.assertEqual(len(done["cancelled"]), 1)
        self.assertEqual(done.kind, "not_found")
        self.assertEqual(len(done["error"]["details"]), 2)
        self.assertIn("execution 7: there is none", done.err)

    def test_what_has_finished_is_said_to_have(self):
        answer = self.run_nodes(shell("a", "true"))
        done = self.cancel("1", "@latest", answer["execution_id"], answer["execution_id"][:13])
        self.assertEqual(done["already_finished"], [answer["execution_id"]])
        self.assertEqual(done["cancelled"], [])

    def test_one_whose_runner_is_gone_becomes_cancelled_and_can_be_resumed(self):
        self.begin_and_kill(shell("a", UNDER_WAY), shell("b", "true", arguments=["a"]))
        done = self.cancel("1")
        self.assertEqual(len(done["cancelled"]), 1)
        self.assertEqual(self.alive(), [])
        again = self.cancel("1")
        self.assertEqual(again["already_finished"], done["cancelled"])
        self.write("go", "")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")

    def test_all_leaves_what_nobody_runs(self):
        self.begin_and_kill(shell("a", UNDER_WAY))
        done = self.cancel("--all")
        self.assertEqual((done["cancelled"], done["count"]), ([], 0))
        self.assertEqual(self.cancel("--all", "--format", "text").out,
                         b"nothing is queued or running\n")

    def test_a_pause_waits_for_the_resume_and_a_release_takes_it_back(self):
        self.begin_and_kill(shell("a", UNDER_WAY))
        self.assertEqual(len(self.cancel("--pause", "1")["paused"]), 1)
        self.assertEqual(len(self.cancel("--pause", "1")["already_paused"]), 1)
        done = self.cancel("--continue", "1", "--format", "text")
        self.assertEqual(done.out, b"execution 1 continued; it counts when it is resumed\n")
        self.assertEqual(len(self.cancel("--continue", "1")["not_paused"]), 1)
        self.write("go", "")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")

    def test_a_node_is_found_or_not_and_may_have_ended(self):
        self.run_nodes(shell("a", "true"), shell("b", "exit 1"), options=["-k"], code=1)
        done = self.cancel("--node", "1/a", "--node", "@latest/b")
        self.assertEqual([name.partition("/")[2] for name in done["already_finished"]], ["a", "b"])
        done = self.cancel("--node", "1/c", "--node", "9/a", code=1)
        self.assertEqual(done["not_found"], ["1/c", "9/a"])
        self.assertIn("node c: there is no such node", done.err)

    def test_wrong_usage_is_told(self):
        for arguments in ([], ["--pause"], ["1", "--all"], ["--pause", "--continue", "1"],
                          ["--node", "1"], ["--pause", "--node", "1/a"]):
            with self.subTest(arguments):
                self.assertEqual(self.cancel(*arguments, code=2).kind, "usage")
        done = self.cancel("-", code=2, stdin_bytes=b'{"execution": 1}')
        self.assertEqual(done.kind, "invalid_request")
        self.assertIn("did you mean executions?", done["error"]["message"])

    def test_without_a_store_nothing_is_found(self):
        self.assertEqual(self.cancel("1", code=1).kind, "not_found")
        self.assertFalse(self.exists(".dsched"))


class WhatDoesNotReact(CancelTest):
    def test_a_stopped_runner_is_killed_with_all_it_runs(self):
        running = self.begin(shell("a", STUBBORN), count=3)
        running.signal(signal.SIGSTOP)
        done = self.cancel("1")
        self.assertEqual(len(done["cancelled"]), 1)
        self.assertEqual(self.alive(), [])
        self.assertRegex(done.err, re.escape(f"(process {running.pid}) does not react"))
        self.assertEqual(running.end().code, 128 + signal.SIGKILL)
        self.assertEqual(self.cancel("1")["already_finished"], done["cancelled"])


if __name__ == "__main__":
    harness.main()
