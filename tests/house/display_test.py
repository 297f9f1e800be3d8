# SPDX-License-Identifier: Apache-2.0
"""What a person sees of the real dsched-run: on a pseudo terminal, in a pipe, and as JSON lines."""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unittest

import house

sys.path.insert(0, str(house.SOURCE / "tests" / "support"))
import schema  # noqa: E402  (found through the line above)

RUN = house.BUILD / "bin" / "dsched-run"
ALLOWED = re.compile(r"\x1b\[(\d*A|J|K|\?7[hl]|[\d;]*m)")


def environment(**changed):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("DSCHED", "LC_")) and k not in ("NO_COLOR", "LANG", "TERM")}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", **changed}


def shell(node_id, command, **more):
    return {"node_id": node_id, "operation": "shell", "parameters": {"command": command}, **more}


class Folder:
    """A temporary folder with a program in it."""

    def __init__(self, *nodes):
        self.temporary = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.temporary.name)
        (self.path / "p.json").write_text(json.dumps({"dag_id": "shown", "nodes": list(nodes)}))

    def __del__(self):
        self.temporary.cleanup()

    def in_pipe(self, *options, **changed):
        return subprocess.run([RUN, *options, "p.json"], cwd=self.path, text=True,
                              capture_output=True, env=environment(**changed), timeout=60,
                              stdin=subprocess.DEVNULL, check=False)

    def in_terminal(self, *options, columns=80, rows=24, while_running=None, **changed):
        """Runs with standard error on a terminal; (exit code, what was written to it)."""
        master, slave = pty.openpty()
        resize(slave, columns, rows)
        with open(self.path / "answer.json", "w", encoding="utf-8") as answer:
            child = subprocess.Popen([RUN, *options, "p.json"], cwd=self.path, stdout=answer,
                                     stderr=slave, stdin=subprocess.DEVNULL,
                                     env=environment(**changed))
        written = bytearray()
        reader = threading.Thread(target=read_all, args=(master, written))
        reader.start()
        if while_running:
            while_running(child, slave, written)
        code = child.wait(60)
        os.close(slave)
        reader.join(10)
        os.close(master)
        return code, written.decode()


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read_all(fd, into):
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:  # the other side was closed
            return
        if not piece:
            return
        into += piece


def without_sequences(text):
    return ALLOWED.sub("", text).replace("\r", "")


def wait_for(written, text):
    for _ in range(2000):
        if text in written.decode(errors="replace"):
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{text!r} never appeared in {bytes(written)!r}")


class Terminal(unittest.TestCase):
    def assert_harmless(self, written):
        rest = without_sequences(written)
        self.assertNotRegex(rest, r"[\x00-\x09\x0b-\x1f\x7f]", repr(written))

    def test_the_last_line_is_the_summary(self):
        folder = Folder(shell("a", "echo a"), shell("b", "echo b"))
        code, written = folder.in_terminal()
        self.assertEqual(code, 0)
        self.assert_harmless(written)
        last = without_sequences(written).rstrip("\n").split("\n")[-1]
        self.assertRegex(last, r"shown completed after .*: 2 of 2 nodes completed")

    def test_running_nodes_have_lines_and_a_resize_is_survived(self):
        folder = Folder(shell("slow\u202e漢字", "while ! test -e go; do sleep 0.05; done"))

        def meanwhile(_child, terminal, written):
            wait_for(written, "漢字")
            for size in ((20, 5), (200, 60), (1, 1), (33, 4)):
                resize(terminal, *size)
            (folder.path / "go").write_text("")

        code, written = folder.in_terminal(while_running=meanwhile)
        self.assertEqual(code, 0)
        self.assert_harmless(written)

    def test_a_failure_is_shown_with_command_and_log(self):
        folder = Folder(shell("bad", "echo 'went \033[31mwrong' >&2; exit 3"))
        code, written = folder.in_terminal()
        self.assertEqual(code, 1)
        self.assert_harmless(written)
        text = without_sequences(written)
        self.assertRegex(text, r"bad failed after .*: exit 3")
        self.assertIn("exit 3\n", text)
        self.assertIn("went \\x1b[31mwrong", text)

    def test_no_color(self):
        folder = Folder(shell("bad", "exit 3"))
        self.assertRegex(folder.in_terminal()[1], r"\x1b\[31m")
        self.assertNotRegex(folder.in_terminal(NO_COLOR="1")[1], r"\x1b\[[\d;]*m")
        self.assertNotRegex(folder.in_terminal("--color", "never")[1], r"\x1b\[[\d;]*m")

    def test_a_dumb_terminal_gets_plain_lines(self):
        code, written = Folder(shell("a", "echo a")).in_terminal(TERM="dumb")
        self.assertEqual(code, 0)
        self.assertNotIn("\x1b", written)
        self.assertIn("a completed", written)

    def test_an_interrupt_leaves_a_usable_terminal(self):
        folder = Folder(shell("slow", "echo begun >&2; touch begun; sleep 60"))

        def meanwhile(child, _terminal, written):
            wait_for(written, "slow")
            child.send_signal(signal.SIGINT)

        code, written = folder.in_terminal(while_running=meanwhile)
        self.assertEqual(code, 130)
        self.assert_harmless(written)
        # Wrapping is on again: the last switch of each kind was the one that restores.
        switches = re.findall(r"\x1b\[\?7([hl])", written)
        self.assertTrue(not switches or switches[-1] == "h")
        self.assertTrue(written.endswith("\n"), repr(written[-80:]))


class Pipe(unittest.TestCase):
    def test_one_line_per_change(self):
        done = Folder(shell("a", "echo a"), shell("b", "exit 3")).in_pipe("--keep-going")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("\x1b", done.stderr)
        self.assertRegex(done.stderr, r"(?m)^\[\d/2\] a started$")
        self.assertRegex(done.stderr, r"(?m)^\[\d/2\] a completed in ")
        self.assertRegex(done.stderr, r"(?m)^\[\d/2\] b failed after .*: exit 3$")

    def test_json_lines_follow_their_schema_and_end_at_100(self):
        rules = schema.load("progress")
        done = Folder(shell("a", "echo a"), shell("b", "sleep 0.2")).in_pipe("--progress", "json")
        self.assertEqual(done.returncode, 0)
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertEqual(schema.faults(line, rules), [])
        shares = [line["progress_percentage"] for line in lines]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual((shares[-1], lines[-1]["completed_nodes"]), (100.0, 2))

    def test_none_and_quiet_are_silent(self):
        for options in (("--progress", "none"), ("-q",)):
            done = Folder(shell("a", "echo a")).in_pipe(*options)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class CanFail(unittest.TestCase):
    def test_a_foreign_sequence_is_noticed(self):
        with self.assertRaises(AssertionError):
            Terminal().assert_harmless("\x1b[2J")


if __name__ == "__main__":
    unittest.main()
