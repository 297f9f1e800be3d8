# SPDX-License-Identifier: Apache-2.0
"""Section 8: Ctrl-C once and twice, SIGTERM, SIGHUP, Ctrl-Z; on a terminal and off it."""

import os
import pty
import signal

import harness
from harness import shell, waits

# Notes SIGINT and SIGTERM, and ends when the file `go` is there.
STUBBORN = ("trap 'echo INT >> got' INT; trap 'echo TERM >> got' TERM; touch begun; "
            "until [ -e go ]; do sleep 0.01; done; echo kept")


class Interrupts(harness.ToolTest):
    def begin(self, *nodes, options=(), **popen):
        self.world.program(list(nodes))
        running = self.world.start("program.json", "--nodes", "all", *options,
                                   start_new_session=True, **popen)
        self.wait_for_file("begun")
        return running

    def wait_for_line(self, name, count=1):
        return harness.wait_for(lambda: len(self.world.lines(name)) >= count, f"lines in {name}")

    def nothing_left(self):
        harness.wait_for(lambda: not harness.processes_with(str(self.world.root)),
                         "the end of every process")

    def test_the_first_interrupt_starts_nothing_new_and_waits(self):
        running = self.begin(shell("a", STUBBORN, inputs=[]), shell("b", "touch b", priority=0),
                             options=["-j1"])
        os.kill(running.pid, signal.SIGINT)
        self.wait_for_line("got")
        self.write("go", "")
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual((done["status"], done.kind), ("interrupted", "interrupted"))
        self.assertIn("interrupted", done.err)
        self.assertEqual(done.node("a")["status"], "completed")
        self.assertFalse(self.exists("b"))
        self.assertEqual(self.world.lines("got"), ["INT"])
        self.write("begun", "")
        answer = self.run_tool("--resume", "1")
        self.assertEqual(answer["completed_nodes"], 2)
        self.assertEqual(self.world.lines("got"), ["INT"])

    def test_a_node_that_the_interrupt_ends_is_cancelled_and_runs_again(self):
        running = self.begin(shell("a", f"echo x >> ran; touch begun; {waits('go')}"))
        running.signal(signal.SIGINT)
        done = running.end()
        self.assertEqual((done.code, done.node("a")["status"]), (130, "cancelled"))
        self.write("go", "")
        self.run_tool("--resume", "@latest")
        self.assertEqual(len(self.world.lines("ran")), 2)

    def test_the_second_interrupt_kills_every_tree(self):
        running = self.begin(shell("a", "setsid sh -c 'trap \"\" INT TERM; sleep 1000' & "
                                   "env -i setsid sleep 1000 & " + STUBBORN))
        running.signal(signal.SIGINT)
        self.wait_for_line("got")
        running.signal(signal.SIGINT)
        self.assertEqual(running.end().code, 130)
        self.nothing_left()

    def test_sigterm_and_sighup_are_passed_on_and_give_their_codes(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(signal=number):
                if self.exists("begun"):
                    os.remove(self.world.path("begun"))
                running = self.begin(shell("a", "trap 'echo told >> got; exit 1' TERM HUP;"
                                           f"touch begun; {waits('go')}"))
                running.signal(number)
                done = running.end()
                self.assertEqual((done.code, done["status"]), (code, "interrupted"))
                self.assertTrue(self.world.lines("got"))

    def test_what_ignores_sigterm_is_killed_after_a_grace_period(self):
        running = self.begin(shell("a", "trap '' TERM INT HUP; touch begun; "
                                   "while :; do sleep 0.05; done"))
        running.signal(signal.SIGTERM)
        self.assertEqual(running.end().code, 143)
        self.nothing_left()

    def test_an_interrupt_during_backoff_ends_at_once(self):
        running = self.begin(shell("a", "touch begun; exit 1", max_retries=3, backoff_s=50))
        seen = b""
        while b"retries in" not in seen:
            line = running.process.stderr.readline()
            self.assertTrue(line, seen)
            seen += line
        running.signal(signal.SIGINT)
        self.assertEqual(running.end().code, 130)

    def test_ctrl_z_stops_the_nodes_and_their_clock(self):
        running = self.begin(shell(
            "a", "touch begun; while [ ! -e go ]; do echo x >> beats; sleep 0.01; done",
            timeout_s=60))
        self.wait_for_line("beats", 3)
        running.signal(signal.SIGTSTP)
        _, status = os.waitpid(running.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        states = self.states_of_nodes()
        self.assertTrue(states)
        self.assertTrue(harness.stand_still(states.values()), states)
        beats = len(self.world.lines("beats"))
        running.signal(signal.SIGCONT)
        self.wait_for_line("beats", beats + 3)
        self.write("go", "")
        self.assertEqual(running.end().code, 0)

    def states_of_nodes(self):
        states = {}
        for pid in harness.processes_with("DSCHED_NODE_ID=a"):
            with open(f"/proc/{pid}/environ", "rb") as file:
                if str(self.world.root).encode() not in file.read():
                    continue
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                states[pid] = file.read().rpartition(")")[2].split()[0]
        return states

    def test_a_signal_ignored_by_the_caller_stays_ignored(self):
        """As under nohup(1)."""
        running = self.begin(shell("a", f"touch begun; {waits('go')}"),
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        running.signal(signal.SIGHUP)
        self.write("go", "")
        self.assertEqual(running.end().code, 0)


class OnATerminal(harness.ToolTest):
    """dsched-run as the foreground job of a pseudo-terminal: keys, not kill(2)."""

    def begin(self, *nodes, options=()):
        self.world.program(list(nodes))
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(self.world.folder)
            environment = {**self.world.environment, "TERM": "xterm"}
            os.execve(harness.RUN, [harness.RUN, "program.json", "--format", "json", *options],
                      environment)
        self.addCleanup(os.close, self.terminal)
        self.seen = b""
        os.set_blocking(self.terminal, False)
        self.wait_screen(lambda: self.exists("begun"))
        return pid

    def read_screen(self):
        try:
            self.seen += os.read(self.terminal, 65536)
        except (BlockingIOError, OSError):
            pass

    def wait_screen(self, holds):
        def look():
            self.read_screen()
            return holds()
        return harness.wait_for(look, "what the terminal should show")

    def code_of(self, pid):
        state = {}

        def ended():
            self.read_screen()
            done, state["status"] = os.waitpid(pid, os.WNOHANG)
            return done
        harness.wait_for(ended, "the end of dsched-run")
        self.read_screen()
        return os.waitstatus_to_exitcode(state["status"])

    def test_ctrl_c_once_waits_and_twice_kills(self):
        pid = self.begin(shell("a", STUBBORN))
        os.write(self.terminal, b"\x03")
        self.wait_screen(lambda: b"interrupted" in self.seen)
        self.wait_screen(lambda: self.world.lines("got"))
        os.write(self.terminal, b"\x03")
        self.assertEqual(self.code_of(pid), 130)
        self.assertEqual(self.world.lines("got"), ["INT"])

    def test_a_node_does_not_read_the_terminal(self):
        pid = self.begin(shell("a", f"touch begun; cat; {waits('go')}; echo done"))
        os.write(self.terminal, b"typed\n")
        self.write("go", "")
        self.assertEqual(self.code_of(pid), 0)

    def test_ctrl_z_stops_and_continues(self):
        pid = self.begin(shell("a", f"touch begun; {waits('go')}; echo done"))
        os.write(self.terminal, b"\x1a")

        def stopped():
            self.read_screen()
            done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            return done and os.WIFSTOPPED(status)
        # The kernel discards SIGTSTP from the keyboard in an orphaned process group, which a session
        # leader's is; a shell would not let that happen, so here the signal is sent as it would be.
        os.kill(pid, signal.SIGTSTP)
        harness.wait_for(stopped, "dsched-run to stand still")
        os.kill(pid, signal.SIGCONT)
        self.write("go", "")
        self.assertEqual(self.code_of(pid), 0)

    def test_a_hang_up_ends_everything(self):
        self.world.program([shell("a", f"touch begun; setsid sleep 1000 & {waits('go')}")])
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.world.folder)
            os.execve(harness.RUN, [harness.RUN, "program.json"], self.world.environment)
        self.wait_for_file("begun")
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 129)
        harness.wait_for(lambda: not harness.processes_with(str(self.world.root)), "the end")


if __name__ == "__main__":
    harness.main()
