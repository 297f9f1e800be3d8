# SPDX-License-Identifier: Apache-2.0
"""One execution at a time in a store: a second one waits its turn, a nested one is refused."""

import os
import signal

import harness
from harness import shell, waits


class Turns(harness.ToolTest):
    def hold(self):
        """A run that keeps the store until the file `go` is there."""
        self.world.program([shell("holder", f"touch begun; {waits('go')}")], name="holder.json")
        running = self.world.start("holder.json")
        self.wait_for_file("begun")
        return running

    def test_a_second_run_says_so_and_waits(self):
        holder = self.hold()
        self.world.program([shell("a", "echo A")])
        second = self.world.start("program.json")
        line = second.process.stderr.readline().decode()
        self.assertIn("waiting for the execution that runs in", line)
        self.assertIn(str(holder.pid), line)
        self.write("go", "")
        self.assertEqual(holder.end().code, 0)
        done = second.end()
        self.assertEqual((done.code, done.text("a"), done["execution"]), (0, "A\n", 2))

    def test_no_wait_is_busy(self):
        self.hold()
        self.world.program([shell("a", "touch ran")])
        done = self.run_tool("program.json", "--no-wait", code=4)
        self.assertEqual(done.kind, "busy")
        self.assertFalse(self.exists("ran"))

    def test_who_waits_can_be_interrupted(self):
        self.hold()
        self.world.program([shell("a", "touch ran")])
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(signal=number):
                second = self.world.start("program.json")
                second.process.stderr.readline()
                second.signal(number)
                self.assertEqual(second.end().code, code)
        self.assertFalse(self.exists("ran"))

    def test_a_dry_run_needs_no_turn(self):
        self.hold()
        self.world.program([shell("a", ":")])
        self.assertEqual(len(self.run_tool("program.json", "-n")["would_run"]), 1)

    def test_another_store_needs_no_turn(self):
        self.hold()
        self.world.program([shell("a", "echo A")])
        self.assertEqual(self.run_tool("program.json", "--store", "other").text("a"), "A\n")

    def test_a_run_within_a_node_on_the_same_store_is_refused(self):
        self.world.program([shell("inner", "echo I")], name="inner.json")
        answer = self.run_nodes(shell("a", f"{harness.RUN} inner.json"), code=1)
        self.assertEqual(answer.node("a")["exit_code"], 4)
        self.assertIn("in use by the execution that runs this command", answer.node("a")["log"])

    def test_a_run_within_a_node_on_another_store_works(self):
        self.world.program([shell("inner", "echo I")], name="inner.json")
        answer = self.run_nodes(
            shell("a", f"{harness.RUN} --store inner --result inner inner.json"))
        self.assertEqual(answer.text("a"), "I\n")

    def test_a_lock_file_left_behind_means_nothing(self):
        self.run_nodes(shell("a", ":"))
        for name in os.listdir(self.world.path(".dsched/run")):
            self.assertTrue(self.exists(f".dsched/run/{name}"))
        self.assertEqual(self.again("--no-wait")["status"], "completed")


if __name__ == "__main__":
    harness.main()
