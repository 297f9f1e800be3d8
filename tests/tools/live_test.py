# SPDX-License-Identifier: Apache-2.0
"""What a running execution leaves for others to see, and what it takes from them: rows of the store."""

import contextlib
import sqlite3

import harness
from harness import is_alive, shell, wait_for, waits

CANCEL, CANCEL_NODE, PAUSE, GO_ON, PRIORITY = range(5)


class Live(harness.ToolTest):
    def ask(self, sql, *values):
        with contextlib.closing(sqlite3.connect(self.world.path(".dsched/store.db"),
                                                timeout=harness.PATIENCE_S)) as database:
            with database:
                return database.execute(sql, values).fetchall()

    def begin(self, *nodes, options=()):
        self.world.program(list(nodes))
        running = self.world.start("program.json", "--nodes", "all", *options)
        self.wait_for_file("begun")
        return running

    def wish(self, kind, node="", value=0):
        """Nobody rings: the runner looks by itself."""
        self.ask("INSERT INTO wish(execution,kind,node,value,at) VALUES(1,?,?,?,0)",
                 kind, node, value)
        wait_for(lambda: not self.ask("SELECT 1 FROM wish"), "the wish to be taken")

    def live(self):
        rows = self.ask("SELECT state FROM live WHERE execution=1")
        return rows[0][0] if rows else b""

    def status(self):
        return self.ask("SELECT status FROM execution")[0][0]

    def test_a_running_node_is_seen_while_it_runs(self):
        running = self.begin(shell("node_that_runs", f"touch begun; {waits('go')}"))
        wait_for(lambda: b"node_that_runs" in self.live(), "the running node in the live state")
        wait_for(lambda: self.ask("SELECT running FROM execution") == [(1,)], "its count")
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.assertEqual(self.ask("SELECT * FROM live"), [])
        self.assertEqual(self.ask("SELECT running FROM execution"), [(0,)])

    def test_what_ended_is_summed_up_by_operation(self):
        self.run_nodes(shell("a", ":"), shell("b", ":"), harness.const("c", 1))
        rows = self.ask("SELECT DISTINCT operation FROM summary WHERE execution=1 ORDER BY 1")
        self.assertEqual(rows, [("const",), ("shell",)])

    def test_a_killed_runner_leaves_its_last_news_and_a_resume_removes_them(self):
        running = self.begin(shell("a", f"touch begun; {waits('go')}"))
        wait_for(lambda: self.live(), "a live state")
        running.signal(9)
        running.end()
        self.assertNotEqual(self.live(), b"")
        self.write("go", "")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")
        self.assertEqual(self.live(), b"")

    def test_a_wish_to_cancel_ends_what_runs(self):
        running = self.begin(shell("a", f"echo $$ > begun; {waits('never')}"),
                             shell("b", "touch ran", arguments=["a"]))
        pid = int(wait_for(lambda: self.read("begun"), "its process id"))
        self.wish(CANCEL)
        done = running.end()
        self.assertEqual((done.code, done["status"]), (6, "cancelled"), done)
        self.assertFalse(is_alive(pid))
        self.assertFalse(self.exists("ran"))

    def test_a_wish_to_cancel_a_node_leaves_the_others(self):
        running = self.begin(shell("a", f"touch begun; {waits('never')}"),
                             shell("b", f"{waits('go')}; echo B"), options=("-j2", "-k"))
        self.wish(CANCEL_NODE, node="a")
        self.wish(CANCEL_NODE, node="no such node")
        self.write("go", "")
        done = running.end()
        self.assertEqual(done.node("a")["status"], "cancelled", done)
        self.assertEqual(done.node("b")["status"], "completed", done)
        self.assertEqual(done.code, 6)

    def test_paused_nodes_stand_still_until_they_may_go_on(self):
        running = self.begin(shell("a", f"echo $$ > begun; {waits('go')}"),
                             shell("b", "touch ran", arguments=["a"]))
        pid = int(wait_for(lambda: self.read("begun"), "its process id"))
        self.wish(PAUSE)
        wait_for(lambda: self.is_stopped(pid), "the node to stand still")
        self.write("go", "")
        self.assertIsNone(running.process.poll())
        self.assertFalse(self.exists("ran"))
        self.wish(GO_ON)
        self.assertEqual(running.end().code, 0)
        self.assertTrue(self.exists("ran"))

    def is_stopped(self, pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def test_another_priority_is_recorded(self):
        running = self.begin(shell("a", f"touch begun; {waits('go')}"))
        self.wish(PRIORITY, value=9)
        self.assertEqual(self.ask("SELECT priority FROM execution"), [(9,)])
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.assertEqual(self.ask("SELECT priority FROM execution"), [(9,)])


if __name__ == "__main__":
    harness.main()
