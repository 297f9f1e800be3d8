# SPDX-License-Identifier: Apache-2.0
"""Inputs that take long to read are read in the background: nobody waits for them but their node.
The files here are sparse, and so large that a runner that waited would outlast every patience."""

import os
import signal

import harness
from cancel_support import CancelTest
from harness import shell, waits

ENDLESS = 1 << 40


class LargeInputs(CancelTest):
    def setUp(self):
        super().setUp()
        self.write("endless", "")
        os.truncate(self.world.path("endless"), ENDLESS)

    def begin_beside(self, *nodes, count=1):
        """Runs `nodes` beside `a`, which reads; returns when a node of them has begun."""
        return self.begin(shell("a", "touch a", inputs=["endless"]), *nodes, count=count)

    def test_other_nodes_run_meanwhile_and_an_interrupt_ends_it(self):
        running = self.begin_beside(shell("b", "echo $$ >> begun"),
                                    shell("c", "touch c", arguments=["b"]))
        self.wait_for_file("c")
        running.signal(signal.SIGINT)
        done = running.end()
        self.assertEqual((done.code, done["status"]), (130, "interrupted"))
        self.assertEqual(done.node("b")["status"], "completed")
        self.assertEqual(done.node("a")["status"], "pending")
        self.assertFalse(self.exists("a"))

    def test_a_failure_elsewhere_ends_it(self):
        running = self.begin_beside(shell("b", "echo $$ >> begun; exit 3"))
        done = running.end()
        self.assertEqual((done.code, done["status"]), (1, "failed"))

    def test_the_node_can_be_cancelled_and_so_can_the_execution(self):
        running = self.begin_beside(shell("b", "echo $$ >> begun"))
        self.assertEqual(len(self.cancel("--node", "1/a")["cancelled"]), 1)
        done = running.end()
        self.assertEqual((done.code, done.node("a")["status"]), (6, "cancelled"))
        running = self.begin_beside(shell("b", f"echo $$ >> begun; {waits('go')}"), count=2)
        self.cancel("@latest")
        self.assertEqual(running.end()["status"], "cancelled")

    def test_what_was_read_is_what_the_node_reads(self):
        self.write("large", "x" * (5 << 20))
        node = shell("n", "wc -c < large", inputs=["large"])
        self.world.program([node])
        self.assertEqual(self.run_tool("program.json").text("n"), f"{5 << 20}\n")
        self.assertEqual(self.run_tool("program.json")["reused_nodes"], 1)
        self.write("large", "y" * (5 << 20))
        self.assertEqual(self.run_tool("program.json")["reused_nodes"], 0)


if __name__ == "__main__":
    harness.main()
