# SPDX-License-Identifier: Apache-2.0
"""Within make -jN: no more runs at once than make allows, and every token comes back, always.

How many ran at once is counted in a log that each node begins and ends with a line of its own, never
measured by time. That several may run at once is shown by nodes that wait for each other."""

import array
import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import termios
import time
import unittest

import harness
from harness import RUN, shell, wait_for, waits


def logged(node_id, command=":", **fields):
    return shell(node_id, f"echo + >> log; {command}; echo - >> log", **fields)


def most_at_once(lines):
    running = most = 0
    for line in lines:
        running += 1 if line == "+" else -1
        most = max(most, running)
    return most


def meeting(count):
    """Nodes that end only when all of them run."""
    here = "; ".join(waits(f"m{i}") for i in range(count))
    return [logged(f"n{i}", f"touch m{i}; {here}") for i in range(count)]


class Jobserver:
    """What make would hold: a pipe, or a fifo where a path is given, with these tokens."""

    def __init__(self, tokens, path=None):
        self.tokens = tokens
        if path:
            os.mkfifo(path)
            self.reading = self.writing = os.open(path, os.O_RDWR)
            self.auth = f"fifo:{path}"
        else:
            self.reading, self.writing = os.pipe()
            self.auth = f"{self.reading},{self.writing}"
        os.write(self.writing, tokens)

    def close(self):
        for fd in {self.reading, self.writing}:
            os.close(fd)

    @property
    def flags(self):
        return f" -j{len(self.tokens) + 1} --jobserver-auth={self.auth}"

    def options(self):
        return {"env": {"MAKEFLAGS": self.flags}, "pass_fds": [self.reading, self.writing]}

    def count(self):
        waiting = array.array("i", [0])
        fcntl.ioctl(self.reading, termios.FIONREAD, waiting)
        return waiting[0]

    def take_all(self):
        count = self.count()
        return bytes(sorted(os.read(self.reading, count))) if count else b""


class JobserverTest(harness.ToolTest):
    def forget_meeting(self):
        for path in self.world.folder.glob("m[0-9]"):
            path.unlink()

    def jobserver(self, tokens, fifo=False):
        server = Jobserver(tokens, str(self.world.root / "fifo") if fifo else None)
        self.addCleanup(server.close)
        return server

    def all_back(self, server):
        self.assertEqual(server.take_all(), bytes(sorted(server.tokens)))


class Client(JobserverTest):
    def test_as_many_run_at_once_as_there_are_tokens_and_one(self):
        for fifo in (False, True):
            with self.subTest(fifo=fifo):
                server = self.jobserver(b"abc", fifo)
                self.forget_meeting()
                self.world.program(meeting(4))
                self.run_tool("program.json", **server.options())
                self.all_back(server)

    def test_no_more_run_at_once(self):
        for fifo in (False, True):
            with self.subTest(fifo=fifo):
                server = self.jobserver(b"xy", fifo)
                self.world.program([logged(f"n{i}", "sleep 0.01") for i in range(30)])
                self.run_tool("program.json", **server.options())
                self.assertLessEqual(most_at_once(self.world.lines("log")), 3)
                self.all_back(server)

    def test_without_a_token_one_runs_at_a_time(self):
        server = self.jobserver(b"")
        self.world.program([logged(f"n{i}", "sleep 0.01") for i in range(6)])
        self.run_tool("program.json", **server.options())
        self.assertEqual(most_at_once(self.world.lines("log")), 1)
        self.assertEqual(len(self.world.lines("log")), 12)

    def test_a_token_that_comes_later_is_used(self):
        server = self.jobserver(b"t")
        self.assertEqual(os.read(server.reading, 1), b"t")
        self.world.program(meeting(2))
        running = self.world.start("program.json", **server.options())
        wait_for(lambda: self.exists("m0") or self.exists("m1"), "the first node")
        os.write(server.writing, b"t")
        self.assertEqual(running.end().code, 0)
        self.all_back(server)

    def test_a_token_is_not_kept_while_there_is_no_use_for_it(self):
        server = self.jobserver(b"t")
        self.world.program([logged("a"), logged("b"), shell("c", f"touch began; {waits('go')}")],
                           dependencies={"c": ["a", "b"]})
        running = self.world.start("program.json", **server.options())
        self.wait_for_file("began")
        wait_for(lambda: server.count() == 1, "the token")
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.all_back(server)

    def test_a_node_wider_than_the_tokens_runs(self):
        server = self.jobserver(b"t")
        self.world.program([logged("wide", slots=4), logged("a"), logged("b", slots=3)])
        self.run_tool("program.json", **server.options())
        self.all_back(server)

    def test_the_mode_of_the_descriptors_is_left_alone(self):
        server = self.jobserver(b"t")
        self.world.program([logged("a"), logged("b")])
        self.run_tool("program.json", **server.options())
        self.assertTrue(os.get_blocking(server.reading))
        self.assertTrue(os.get_blocking(server.writing))

    def test_an_explicit_width_wins(self):
        server = self.jobserver(b"")
        self.world.program(meeting(3))
        done = self.run_tool("program.json", "-j3", **server.options())
        self.assertEqual(done.err.count("warning: -j was given"), 1)
        self.all_back(server)

    def test_what_make_closed_is_not_used(self):
        self.world.program([logged(f"n{i}", "sleep 0.01") for i in range(4)])
        with open(self.world.path("file"), "wb+") as file:
            number = file.fileno()
            for auth, fds in (("98,99", []), ("-2,-2", []), (f"{number},{number}", [number]),
                              ("fifo:/nowhere", []), ("nonsense", [])):
                with self.subTest(auth=auth):
                    self.write("log", "")
                    done = self.run_tool(
                        "program.json", pass_fds=fds,
                        env={"MAKEFLAGS": f" -j4 --jobserver-auth={auth}"})
                    self.assertEqual(done.err.count("warning: make's jobserver"), 1)
                    self.assertEqual(most_at_once(self.world.lines("log")), 1)
        self.assertEqual(self.read("file"), "")

    def test_commands_are_not_told_of_descriptors_that_they_do_not_have(self):
        told = shell("a", 'echo "[$MAKEFLAGS]"')
        self.world.program([told])
        server = self.jobserver(b"t")
        flags = f"ks{server.flags} -- A=b\\ c"
        done = self.run_tool("program.json", env={"MAKEFLAGS": flags},
                             pass_fds=[server.reading, server.writing])
        self.assertEqual(done.text("a"), "[ks -- A=b\\ c]\n")
        fifo = self.jobserver(b"t", fifo=True)
        done = self.run_tool("program.json", **fifo.options())
        self.assertEqual(done.text("a"), f"[{fifo.flags}]\n")

    def test_the_jobserver_is_no_part_of_a_key(self):
        self.world.program([shell("a", "echo A", inputs=[])])
        self.run_tool("program.json")
        done = self.run_tool("program.json", **self.jobserver(b"t").options())
        self.assertEqual(done["reused_nodes"], 1)

    def test_a_detached_execution_leaves_the_tokens_alone(self):
        server = self.jobserver(b"", fifo=True)
        self.world.program(meeting(2))
        done = self.run_tool("--detach", "-j2", "program.json", **server.options())
        wait_for(lambda: not harness.processes_with(done["execution_id"]), "its end")
        log = self.read(f".dsched/run/{done['execution_id']}.log")
        self.assertNotIn("jobserver", log)
        self.assertIn("2 of 2", log)


class WaysOut(JobserverTest):
    def start(self, server, nodes=3):
        self.world.program([shell(f"n{i}", f"touch began{i}; {waits('go')}") for i in range(nodes)])
        running = self.world.start("program.json", **server.options())
        for i in range(nodes):
            self.wait_for_file(f"began{i}")
        self.assertEqual(server.count(), 0)
        return running

    def test_after_a_failure(self):
        server = self.jobserver(b"ab")
        self.world.program([logged("a", "exit 1"), logged("b"), logged("c")])
        self.run_tool("program.json", code=1, **server.options())
        self.all_back(server)

    def test_after_signals(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(signal=number):
                server = self.jobserver(b"ab")
                running = self.start(server)
                running.signal(number)
                if number == signal.SIGINT:
                    running.signal(number)
                self.assertEqual(running.end().code, code)
                self.all_back(server)
                for i in range(3):
                    os.remove(self.world.path(f"began{i}"))

    def test_after_an_error_of_the_surroundings(self):
        server = self.jobserver(b"ab")
        running = self.start(server)
        shutil.rmtree(self.world.path(".dsched"))
        self.write("go", "")
        self.assertEqual(running.end().code, 4)
        self.all_back(server)

    def test_while_it_stands_still(self):
        server = self.jobserver(b"ab")
        running = self.start(server)
        running.signal(signal.SIGTSTP)
        wait_for(lambda: server.count() == 2, "the tokens")
        running.signal(signal.SIGCONT)
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.all_back(server)

    def test_after_sigkill(self):
        server = self.jobserver(b"ab")
        running = self.start(server)
        running.signal(signal.SIGKILL)
        running.end()
        wait_for(lambda: server.count() == 2, "the tokens")
        self.all_back(server)

    def test_after_sigkill_at_any_moment(self):
        seed = int(os.environ.get("DSCHED_SEED", "7"))
        dice = random.Random(seed)
        self.world.program([shell(f"n{i}", ":") for i in range(200)])
        for round_number in range(25):
            server = self.jobserver(b"abcd")
            running = self.world.start("program.json", "--no-cache", **server.options())
            time.sleep(dice.random() * 0.15)
            running.signal(signal.SIGKILL)
            running.end()
            wait_for(lambda server=server: server.count() == 4,
                     f"the tokens of round {round_number}, seed {seed}")
            self.all_back(server)


@unittest.skipUnless(shutil.which("make"), "make is not installed")
class WithMake(JobserverTest):
    def make(self, makefile, *options):
        self.write("Makefile", makefile)
        done = self.world.run("-f", "Makefile", *options, tool=shutil.which("make"))
        self.assertEqual(done.code, 0, repr(done))
        # It says at the end when a token is missing, or there is one too many.
        self.assertNotIn("jobserver tokens", done.err)
        return done

    def test_several_of_us_and_other_jobs_share_the_jobs_of_one_make(self):
        for name in ("one", "two"):
            self.world.program([logged(f"{name}{i}", "sleep 0.01") for i in range(12)],
                               name=f"{name}.json", dag_id=name)
        jobs = "".join(f"j{i}:\n\t@echo + >> log; sleep 0.01; echo - >> log\n" for i in range(12))
        rules = "".join(f"{name}:\n\t+@{RUN} --store {name}.store {name}.json > {name}.out\n"
                        for name in ("one", "two"))
        self.make(f"all: one two {' '.join(f'j{i}' for i in range(12))}\n{rules}{jobs}", "-j4")
        lines = self.world.lines("log")
        self.assertEqual(len(lines), 72)
        self.assertLessEqual(most_at_once(lines), 4)

    def test_all_jobs_of_make_are_used_when_nobody_else_wants_them(self):
        self.world.program(meeting(4))
        self.make(f"all:\n\t+@{RUN} program.json > out\n", "-j4")

    def test_without_a_plus_in_front_one_runs_at_a_time(self):
        self.world.program([logged(f"n{i}", "sleep 0.01") for i in range(4)])
        done = self.make(f"all:\n\t@{RUN} program.json > out\n", "-j4")
        self.assertIn("put + before the command", done.err)
        self.assertEqual(most_at_once(self.world.lines("log")), 1)

    def test_a_make_without_jobs_sets_no_limit(self):
        self.world.program([logged("a")])
        self.make(f"all:\n\t@{RUN} program.json > out\n")

    def test_killing_one_of_us_leaves_make_with_all_its_tokens(self):
        self.world.program([shell(f"n{i}", f"touch began{i}; {waits('never')}") for i in range(3)])
        self.write("Makefile", f"all: us\nus:\n\t+-@{RUN} program.json > out & echo $$! > pid; wait\n")
        running = self.world.start("-f", "Makefile", "-j4", tool=shutil.which("make"))
        for i in range(3):
            self.wait_for_file(f"began{i}")
        os.kill(int(self.read("pid")), signal.SIGKILL)
        done = running.end()
        self.assertNotIn("jobserver tokens", done.err)


def version(tool, pattern):
    """(major, minor) of a tool; (0, 0) when it is not there."""
    if not shutil.which(tool):
        return (0, 0)
    text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(pattern, text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


MAKE = version("make", r"GNU Make (\d+)\.(\d+)")
NINJA = version("ninja", r"(\d+)\.(\d+)")


@unittest.skipIf(MAKE == (0, 0), "make is not installed")
class Server(JobserverTest):
    """--jobserver: what nodes leave of the slots, makes within them may use."""

    def job(self, name, command="sleep 0.01"):
        return f"{name}:\n\t@echo + >> log; {command}; echo - >> log\n"

    def makefile(self, name, jobs, **commands):
        names = [f"{name}{i}" for i in range(jobs)]
        self.write(f"{name}.mk", f"all: {' '.join(names)}\n" +
                   "".join(self.job(n, **commands) for n in names))
        return shell(name, f"make -s -f {name}.mk")

    def test_jobs_within_nodes_and_nodes_keep_within_the_width(self):
        for options in (["-j3"], ["-j3", "--machine", "none"]):
            with self.subTest(options=options):
                self.write("log", "")
                self.world.program([self.makefile("a", 8), self.makefile("b", 8),
                                    *[logged(f"n{i}", "sleep 0.01") for i in range(8)]])
                done = self.run_tool("program.json", "--jobserver", *options)
                self.assertNotIn("jobserver unavailable", done.err)
                lines = self.world.lines("log")
                self.assertEqual(len(lines), 48)
                self.assertLessEqual(most_at_once(lines), 3)

    def test_the_make_of_a_lone_node_uses_all_slots(self):
        meet = "touch m$@; " + "; ".join(waits(f"mx{i}") for i in range(3))
        self.world.program([self.makefile("x", 3, command=meet)])
        self.run_tool("program.json", "--jobserver", "-j3")

    def test_a_node_that_becomes_ready_gets_a_slot_from_make(self):
        hold = f"touch began$@; {waits('go')}"
        self.world.program([self.makefile("x", 2, command=hold),
                            shell("second", f"{waits('beganx0')}; {waits('beganx1')}"),
                            shell("third", "touch go", arguments=["second"])])
        # Two jobs of make and the nodes: the third slot goes from `second` to `third`.
        self.run_tool("program.json", "--jobserver", "-j3")

    def test_tokens_lost_with_a_killed_make_are_made_good(self):
        self.makefile("x", 3, command=f"touch began$@; {waits('never')}")
        kill = "; ".join(waits(f"beganx{i}") for i in range(3))
        self.world.program([
            shell("a", f"make -s -f x.mk & {kill}; kill -9 $!"),
            shell("b", 'make -s -f y.mk', arguments=["a"])])
        meet = "touch m$@; " + "; ".join(waits(f"my{i}") for i in range(3))
        self.makefile("y", 3, command=meet)
        for options in ([], ["--machine", "none"]):
            self.run_tool("program.json", "--jobserver", "-j3", *options)

    def test_commands_are_told_in_the_way_asked_for(self):
        told = shell("a", 'echo "$MAKEFLAGS"; ls -l /proc/self/fd')
        self.world.program([told])
        text = self.run_tool("program.json", "--jobserver=fifo", "-j5",
                             env={"MAKEFLAGS": "k -- A=1"}).text("a")
        self.assertRegex(text, r"^k -j5 --jobserver-auth=fifo:/[^ ]*/jobserver -- A=1\n")
        self.assertNotIn("jobserver\n", text.partition("\n")[2])
        text = self.run_tool("program.json", "--jobserver=pipe", "-j5").text("a")
        numbers = re.match(r" -j5 --jobserver-auth=(\d+),(\d+)\n", text)
        for number in numbers.groups():
            self.assertRegex(text, rf"{number} -> .*/jobserver\n")
        text = self.run_tool("program.json", "--jobserver", "-j5").text("a")
        self.assertEqual("=fifo:" in text, MAKE >= (4, 4) or MAKE == (0, 0))
        self.assertEqual(self.run_tool("program.json", "--jobserver=dove", code=2).kind, "usage")

    def test_the_offer_is_no_part_of_a_key(self):
        self.world.program([shell("a", "echo A", inputs=[], environment_from=["MAKEFLAGS"])])
        self.run_tool("program.json")
        self.assertEqual(self.run_tool("program.json", "--jobserver")["reused_nodes"], 1)

    def test_nothing_is_left_behind(self):
        self.world.program([self.makefile("a", 3)])
        self.run_tool("program.json", "--jobserver", "-j2")
        left = [str(path) for path in (self.world.root / "machine").rglob("*jobserver*")]
        self.assertEqual(left, [])

    def test_a_run_within_a_node_shares_the_slots(self):
        meet = meeting(3)
        self.world.program(meet, name="inner.json")
        self.world.program([shell("outer", f"{RUN} --store inner inner.json")])
        for style in ("fifo", "pipe"):
            with self.subTest(style=style):
                self.write("log", "")
                self.forget_meeting()
                self.run_tool("program.json", f"--jobserver={style}", "-j3", "--no-cache")
                self.assertEqual(most_at_once(self.world.lines("log")), 3)

    def test_within_make_the_tokens_of_make_are_passed_on(self):
        self.world.program([self.makefile("a", 8), self.makefile("b", 8)])
        self.write("Makefile", f"all: us\nus:\n\t+@{RUN} --jobserver program.json > out\n")
        done = self.world.run("-j3", tool=shutil.which("make"))
        self.assertEqual(done.code, 0, repr(done))
        self.assertNotIn("jobserver tokens", done.err)
        self.assertLessEqual(most_at_once(self.world.lines("log")), 3)

    @unittest.skipUnless(shutil.which("cargo"), "cargo is not installed")
    def test_cargo_takes_part(self):
        self.write("crate/Cargo.toml",
                   '[package]\nname = "crate"\nversion = "0.1.0"\nedition = "2021"\n')
        self.write("crate/src/lib.rs", "")
        self.write("crate/build.rs", 'fn main() { std::fs::write("told", '
                   'std::env::var("CARGO_MAKEFLAGS").unwrap_or_default()).unwrap(); }')
        environment = {name: os.environ[name] for name in ("CARGO_HOME", "RUSTUP_HOME")
                       if name in os.environ}
        environment["HOME"] = os.environ.get("HOME", "/")
        self.world.program([shell("a", "cd crate && cargo build --offline --quiet")])
        done = self.world.run("program.json", "--jobserver=pipe", "-j3", env=environment)
        if done.code != 0 and "jobserver" not in repr(done.document):
            self.skipTest(f"cargo cannot build here: {done!r}")
        self.assertEqual(done.code, 0, repr(done))
        self.assertRegex(self.read("crate/told"), r"--jobserver-(fds|auth)=5\d,5\d")

    @unittest.skipUnless(NINJA >= (1, 13), f"ninja {NINJA} is no client of a jobserver")
    def test_ninja_takes_part(self):
        self.write("build.ninja", "rule r\n  command = echo + >> log; sleep 0.01; echo - >> log\n" +
                   "".join(f"build j{i}: r\n" for i in range(12)))
        self.world.program([shell("a", "ninja"), logged("b", "sleep 0.1")])
        self.run_tool("program.json", "--jobserver=fifo", "-j3")
        self.assertLessEqual(most_at_once(self.world.lines("log")), 3)


if __name__ == "__main__":
    harness.main()
