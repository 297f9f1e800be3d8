# SPDX-License-Identifier: Apache-2.0
"""--detach: the execution is on record when the answer comes, and goes on whatever becomes of the
caller, its terminal and its session."""

import fcntl
import os
import pty
import resource
import signal
import subprocess
import termios
import unittest

import harness
from harness import RUN, const, is_alive, processes_with, shell, wait_for, waits


class DetachTest(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.end_leftovers)

    def end_leftovers(self):
        # Again and again: a keeper that is killed too cannot end what was just being started.
        while pids := processes_with(str(self.world.root)):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def detach(self, *arguments, code=0, **options):
        return self.run_tool("--detach", *arguments, code=code, **options)

    def runner(self, answer):
        """The process id of the runner: the leader of its session, under its title."""
        def find():
            title = f"dsched-run\0--detached\0{answer['execution_id']}\0"
            found = [pid for pid in processes_with(answer["execution_id"])
                     if self.cmdline(pid) == title]
            return found[0] if found else None
        return wait_for(find, "the detached process")

    @staticmethod
    def cmdline(pid):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    def wait_for_end(self, answer):
        wait_for(lambda: not processes_with(answer["execution_id"]), "the end of the execution")

    def log(self, answer):
        return self.read(f".dsched/run/{answer['execution_id']}.log")

    def resumed(self, answer, *options, code=0):
        """The document of the execution, once it has ended."""
        self.wait_for_end(answer)
        return self.run_tool("--resume", answer["execution_id"], "--nodes", "all", *options,
                             code=code)


class Answering(DetachTest):
    def test_the_answer_comes_while_the_execution_goes_on(self):
        self.world.program([shell("a", f"touch begun; {waits('go')}; echo A")])
        answer = self.detach("program.json")
        self.assertEqual(sorted(answer.document), ["execution", "execution_id", "status", "success"])
        self.assertEqual((answer["status"], answer["execution"]), ("submitted", 1))
        self.wait_for_file("begun")
        self.assertTrue(is_alive(self.runner(answer)))
        self.write("go", "")
        done = self.resumed(answer)
        self.assertEqual((done.text("a"), done["execution_id"]), ("A\n", answer["execution_id"]))

    def test_a_command_substitution_returns_at_once(self):
        self.world.program([shell("a", waits("go"))])
        script = f'out=$({RUN} --detach program.json 2>&1); echo "got $out"'
        done = subprocess.run(["sh", "-c", script], cwd=self.world.folder, capture_output=True,
                              env=self.world.environment, timeout=harness.PATIENCE_S, check=True)
        self.assertIn(b'got {"success":true', done.stdout)
        self.assertFalse(self.exists("go"))

    def test_no_descriptor_of_the_caller_stays_open(self):
        self.world.program([shell("a", waits("go"))])
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        answer = self.detach("program.json", pass_fds=[writing])
        os.close(writing)
        self.assertEqual(os.read(reading, 1), b"", "a pipe of the caller is at its end")
        folder = f"/proc/{self.runner(answer)}/fd"
        log = os.path.realpath(self.world.path(f".dsched/run/{answer['execution_id']}.log"))
        self.assertEqual([os.readlink(f"{folder}/{fd}") for fd in (0, 1, 2)],
                         ["/dev/null", log, log])

    def test_text_names_the_execution_and_its_log(self):
        self.world.program([const("a", 1)])
        done = self.detach("program.json", "--format", "text")
        lines = done.out.decode().splitlines()
        self.assertRegex(lines[0], r"^execution 1 submitted: [0-9a-f-]{36}$")
        log = lines[1].removeprefix("log: ")
        self.assertEqual(log, os.path.realpath(log))
        self.assertTrue(os.path.exists(log))

    def test_the_log_has_progress_and_errors_for_its_owner_only(self):
        self.world.program([shell("a", "echo words >&2; exit 3")])
        answer = self.detach("program.json")
        self.wait_for_end(answer)
        text = self.log(answer)
        for words in ("a failed", "exit 3", "words", "dsched-run: node a: exit 3"):
            self.assertIn(words, text)
        self.assertNotIn("{", text)
        mode = os.stat(self.world.path(f".dsched/run/{answer['execution_id']}.log")).st_mode
        self.assertEqual(mode & 0o777, 0o600)

    @unittest.skipUnless(os.path.exists(harness.STORE), "dsched-store is not built")
    def test_the_log_goes_with_its_execution(self):
        self.world.program([const("a", 1)])
        answer = self.detach("program.json")
        self.wait_for_end(answer)
        self.log(answer)
        done = self.world.run("gc", "--older-than", "0s", tool=harness.STORE)
        self.assertEqual(done.code, 0, repr(done))
        self.assertFalse(self.exists(f".dsched/run/{answer['execution_id']}.log"))

    def test_a_quiet_one_logs_errors_only(self):
        self.world.program([shell("a", "exit 3")])
        answer = self.detach("-q", "program.json")
        self.wait_for_end(answer)
        self.assertEqual(self.log(answer), "dsched-run: node a: exit 3\n")


class Requests(DetachTest):
    def test_options_are_handed_over(self):
        self.world.program([shell("a", "touch a-ran"), const("v", {"variable": "x"}),
                            shell("t", 'cat "$1"', arguments=["v"])], variables={"x": "default"})
        answer = self.detach("--set", "x=set", "--target", "t", "-j", "1", "--priority", "high",
                             "-k", "--retries", "1", "program.json")
        self.assertEqual(self.resumed(answer).text("t"), "set")
        self.assertFalse(self.exists("a-ran"))

    def test_retries_and_width_hold(self):
        self.world.program([shell("a", "echo x >> tries; exit 1"),
                            shell("b", "echo x >> tries; exit 1")], defaults={"backoff_s": 0})
        answer = self.detach("--retries", "2", "--keep-going", "program.json")
        self.wait_for_end(answer)
        self.assertEqual(len(self.world.lines("tries")), 6)

    def test_a_program_from_standard_input(self):
        answer = self.detach("-", stdin_bytes=b'{"nodes":[{"node_id":"a","operation":"shell",'
                                              b'"parameters":{"command":"pwd"}}]}')
        self.assertEqual(self.resumed(answer).text("a"), f"{self.world.folder}\n")

    def test_a_request_from_standard_input(self):
        self.world.program([const("a", 7)])
        answer = self.detach("-", stdin_bytes=b'{"program":"program.json","storage_path":"other"}')
        self.wait_for_end(answer)
        done = self.run_tool("--store", "other", "--resume", "1")
        self.assertEqual(done.text("a"), "7")
        self.assertFalse(self.exists(".dsched"))

    def test_a_program_that_is_gone_after_the_answer(self):
        self.world.program([shell("a", f"{waits('go')}; echo A")])
        answer = self.detach("program.json")
        os.remove(self.world.path("program.json"))
        self.write("go", "")
        self.assertEqual(self.resumed(answer).text("a"), "A\n")

    def test_one_command_is_recorded_with_its_output(self):
        answer = self.detach("--", "sh", "-c", "cat; echo out")
        self.assertEqual(self.resumed(answer).text("command"), "out\n")

    def test_a_folder_that_is_not_utf8(self):
        folder = os.fsencode(self.world.folder) + b"/\xff"
        os.mkdir(folder)
        with open(folder + b"/p.json", "wb") as file:
            file.write(b'{"nodes":[{"node_id":"a","operation":"shell",'
                       b'"parameters":{"command":"touch here"}}]}')
        self.wait_for_end(self.detach("p.json", cwd=folder))
        self.assertTrue(os.path.exists(folder + b"/here"))

    def test_what_makes_no_sense_is_refused(self):
        self.world.program([const("a", 1)])
        for option in (["--result", "a"], ["--dry-run"]):
            with self.subTest(option=option):
                self.assertEqual(self.detach("program.json", *option, code=2).kind, "usage")
        self.assertFalse(self.exists(".dsched"))

    def test_nobody_else_starts_the_process_that_goes_on(self):
        done = self.run_tool("--detached", "0" * 8 + "-0000-0000-0000-" + "0" * 12, code=2)
        self.assertEqual(done.kind, "usage")


class Failing(DetachTest):
    def test_an_invalid_program_is_refused_as_usual(self):
        self.write("program.json", '{"nodes": [{"node_id": "a", "operation": "shel"}]}')
        plain = self.run_tool("program.json", code=2)
        done = self.detach("program.json", code=2)
        self.assertEqual(done.document, plain.document)
        self.assertEqual(done.err, plain.err)
        self.assertFalse(self.exists(".dsched"))

    def test_a_store_that_cannot_be_made_is_told(self):
        self.write("file", "")
        self.world.program([const("a", 1)])
        done = self.detach("--store", "file/store", "program.json", code=4)
        self.assertIn("file/store", done["error"]["message"])
        self.assertIn("file/store", done.err)

    def test_an_unknown_execution_is_told(self):
        self.world.program([const("a", 1)])
        self.run_tool("program.json")
        self.assertEqual(self.detach("--resume", "7", code=1).kind, "not_found")

    def test_a_process_that_gets_nowhere_is_an_error_with_its_message(self):
        self.world.program([shell("a", "true")])
        began = 0
        for descriptors in range(4, 40, 2):
            limit = (descriptors, descriptors)
            done = self.world.run("--detach", "program.json", preexec_fn=lambda limit=limit:
                                  resource.setrlimit(resource.RLIMIT_NOFILE, limit))
            with self.subTest(descriptors=descriptors):
                if done.code == 0:
                    began += 1
                    self.wait_for_end(done)
                else:
                    self.assertEqual(done.code, 4, repr(done))
                    self.assertIn("dsched-run: ", done.err)
        self.assertGreater(began, 0)
        self.assertLess(began, 18)
        self.assertEqual(len([name for name in os.listdir(self.world.path(".dsched/run"))
                              if name.endswith(".log")]), began, "no log of what never began")

    def test_a_node_cannot_detach(self):
        self.world.program([shell("inner", "touch ran")], name="inner.json")
        answer = self.run_nodes(shell("a", f"{RUN} --store inner --detach inner.json"), code=1)
        self.assertEqual(answer.node("a")["exit_code"], 4)
        self.assertIn("whatever a node starts ends with it", answer.node("a")["log"])
        self.assertFalse(self.exists("inner"))


class GoingOn(DetachTest):
    def begin(self, *options):
        self.world.program([shell("first", "echo 1 >> first"),
                            shell("a", f"touch begun; {waits('go')}; echo A", arguments=["first"])])
        answer = self.detach("program.json", *options)
        self.wait_for_file("begun")
        return answer

    def test_it_survives_the_end_of_its_terminal_and_session(self):
        self.world.program([shell("a", f"touch begun; {waits('go')}; echo A")])
        master, terminal = pty.openpty()

        def take_terminal():
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        login = subprocess.Popen(
            ["sh", "-c", f"{RUN} --detach program.json > answer; touch told; cat"],
            cwd=self.world.folder, env=self.world.environment, stdin=terminal, stdout=terminal,
            stderr=terminal, preexec_fn=take_terminal)
        os.close(terminal)
        self.wait_for_file("told")
        self.wait_for_file("begun")
        os.close(master)  # the line is hung up: the kernel ends the session
        self.assertEqual(login.wait(harness.PATIENCE_S), -signal.SIGHUP)
        runner = self.runner({"execution_id": self.execution_id()})
        self.assertEqual(os.getsid(runner), runner)
        os.kill(runner, signal.SIGHUP)
        self.write("go", "")
        wait_for(lambda: not is_alive(runner), "the end")
        self.assertEqual(self.run_tool("--resume", "1").text("a"), "A\n")

    def execution_id(self):
        return harness.json.loads(self.read("answer"))["execution_id"]

    def test_sigterm_ends_it_and_a_resume_goes_on(self):
        answer = self.begin()
        os.kill(self.runner(answer), signal.SIGTERM)
        self.wait_for_end(answer)
        self.assertIn("terminated", self.log(answer))
        self.write("go", "")
        self.assertEqual(self.resumed(answer).text("a"), "A\n")
        self.assertEqual(self.world.lines("first"), ["1"])

    def test_sigkill_leaves_nothing_running_and_a_resume_goes_on(self):
        answer = self.begin()
        os.kill(self.runner(answer), signal.SIGKILL)
        self.wait_for_end(answer)
        self.write("go", "")
        self.assertEqual(self.resumed(answer).text("a"), "A\n")
        self.assertEqual(self.world.lines("first"), ["1"])

    def test_one_that_runs_cannot_be_resumed(self):
        answer = self.begin()
        for options in ([], ["--detach"]):
            done = self.run_tool("--resume", "1", *options, code=4)
            self.assertEqual(done.kind, "busy")
            self.assertIn(str(self.runner(answer)), done["error"]["message"])
        self.write("go", "")
        self.assertEqual(self.resumed(answer).text("a"), "A\n")

    def test_a_resume_can_be_detached(self):
        answer = self.begin()
        os.kill(self.runner(answer), signal.SIGTERM)
        self.wait_for_end(answer)
        before = self.log(answer)
        again = self.detach("--resume", "1")
        self.assertEqual(again["execution_id"], answer["execution_id"])
        self.write("go", "")
        self.assertEqual(self.resumed(answer).text("a"), "A\n")
        self.assertTrue(self.log(answer).startswith(before), "the log goes on")
        self.assertIn("a completed", self.log(answer)[len(before):])

    def test_twenty_at_once_in_one_store(self):
        self.world.program([shell("a", 'echo "$DSCHED_EXECUTION_ID" >> ran')])
        starting = [self.world.start("--detach", "program.json") for _ in range(20)]
        answers = [running.end() for running in starting]
        for answer in answers:
            self.assertEqual(answer.code, 0, repr(answer))
        self.assertEqual(sorted(answer["execution"] for answer in answers), list(range(1, 21)))
        for answer in answers:
            self.wait_for_end(answer)
        self.assertEqual(sorted(self.world.lines("ran")),
                         sorted(answer["execution_id"] for answer in answers))


if __name__ == "__main__":
    harness.main()
