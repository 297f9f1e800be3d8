# SPDX-License-Identifier: Apache-2.0
"""dsched-stats progress: once, following, and waiting for the end."""

import json
import signal

import harness
from harness import const, shell
from stats_support import StatsTest


class Progress(StatsTest):
    def test_of_an_execution_that_is_over(self):
        answer = self.run_nodes(shell("a", "true", inputs=[]), shell("bad", "exit 1"),
                                shell("c", "true", arguments=["bad"]), options=["-k"], code=1,
                                dag_id="three")
        found = self.progress()
        for name in ("dag_id", "execution_id", "total_nodes", "completed_nodes", "failed_nodes",
                     "running_nodes", "pending_nodes", "cancelled_nodes", "reused_nodes",
                     "progress_percentage"):
            self.assertEqual(found[name], answer[name], name)
        self.assertEqual(found["progress_percentage"], 100.0)

    def test_default_is_the_latest_and_others_have_names(self):
        self.run_nodes(const("x", 1), dag_id="one")
        self.run_nodes(const("x", 1), dag_id="two")
        self.assertEqual(self.progress()["dag_id"], "two")
        self.assertEqual(self.progress("@-2")["dag_id"], "one")
        self.assertEqual(self.progress("1")["dag_id"], "one")
        self.assertEqual(self.progress(self.progress("1")["execution_id"])["dag_id"], "one")
        self.assertEqual(self.error("progress", "3", code=1)["kind"], "not_found")

    def test_wait_exits_as_the_execution_did(self):
        self.run_nodes(const("x", 1))
        self.assertEqual(self.progress("--wait")["completed_nodes"], 1)
        self.run_nodes(shell("x", "exit 3"), code=1)
        self.progress("--wait", code=1)

    def test_wait_sees_the_end_of_a_running_execution(self):
        self.world.program([shell("a", "touch here; " + harness.waits("go")),
                            shell("b", "exit 1", arguments=["a"])])
        running = self.world.start("program.json")
        self.wait_for_file("here")
        harness.wait_for(lambda: self.executions(), "the execution on record")
        waiting = self.world.start("progress", "--wait", tool=harness.STATS)
        following = self.world.start("progress", "--follow", tool=harness.STATS)
        both = self.world.start("progress", "--follow", "--wait", tool=harness.STATS)
        self.write("go", "")
        self.assertEqual(running.end().code, 1)
        done = waiting.end()
        self.assertEqual(done.code, 1, repr(done))
        self.assertEqual(json.loads(done.out)["failed_nodes"], 1)
        for process, code in ((following, 0), (both, 1)):
            done = process.end()
            self.assertEqual(done.code, code, repr(done))
            lines = [json.loads(line) for line in done.out.splitlines()]
            for line in lines:
                self.check(line, "progress", done)
            percentages = [line["progress_percentage"] for line in lines]
            self.assertEqual(percentages, sorted(percentages))
            self.assertEqual(percentages[-1], 100.0)

    def test_a_time_to_wait_that_is_over(self):
        self.world.program([shell("a", "touch here; " + harness.waits("go"))])
        running = self.world.start("program.json")
        self.wait_for_file("here")
        found = self.progress("--wait", "--timeout", "0.05", code=124)
        self.assertEqual(found["total_nodes"], 1)
        done = self.stats("progress", "--follow", "--timeout", "50ms", code=124)
        self.assertIn("still running", done.err)
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.progress("--wait", "--timeout", "60", code=0)

    def test_a_runner_that_dies_ends_the_wait(self):
        self.world.program([shell("a", "touch here; " + harness.waits("never"))])
        running = self.world.start("program.json")
        self.wait_for_file("here")
        waiting = self.world.start("progress", "--wait", tool=harness.STATS)
        running.signal(signal.SIGKILL)
        running.end()
        done = waiting.end()
        self.assertEqual(done.code, 130, repr(done))
        self.assertIn("dsched-run --resume 1", done.err)

    def test_usage(self):
        self.error("progress", "--timeout", "3", code=2)
        self.error("progress", "--wait", "--timeout", "soon", code=2)
        self.error(code=2)
        self.error("progres", code=2)

    def test_text_is_one_line(self):
        self.run_nodes(shell("a", "true"), shell("b", "exit 1"), options=["-k"], code=1,
                       dag_id="both")
        self.assertEqual(self.stats("progress", "--format", "text").out,
                         b"both 100.0%: 1 of 2 nodes completed, 1 failed\n")


if __name__ == "__main__":
    harness.main()
