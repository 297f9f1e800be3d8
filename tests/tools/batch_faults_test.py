# SPDX-License-Identifier: Apache-2.0
"""Batches under signals, kills, cancellations and readers who do not read."""

import json
import os
import signal
import subprocess

import batch_support
import harness
from batch_support import const, sh


class Ends(batch_support.BatchTest):
    def start(self, requests, *options, **popen):
        self.write("in.jsonl", batch_support.lines_of(requests))
        return self.world.start("--batch", "in.jsonl", "--machine", "none", *options, **popen)

    def executions(self):
        listed = self.run_tool("executions", tool=harness.STATS)
        return [json.loads(line) for line in listed.out.splitlines()]

    def test_a_signal_leaves_an_answer_for_every_open_request(self):
        requests = [sh("echo x >> began; exec sleep 1000") for _ in range(10000)]
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(number):
                self.write("began", "")
                running = self.start(requests, "-j", "2")
                harness.wait_for(lambda: len(self.world.lines("began")) == 2, "two to run")
                running.signal(number)
                done = running.end()
                self.assertEqual(done.code, code, repr(done)[-500:])
                answers = batch_support.Answers(done)
                self.assertEqual(answers.reasons(), {"cancelled": 2, "skipped": 9998})
                self.assertEqual(self.executions()[0]["status"], "interrupted")

    def test_a_pipe_that_stays_open_does_not_keep_an_interrupted_batch(self):
        running = self.world.start("--batch", "-j", "1", stdin=subprocess.PIPE)
        running.process.stdin.write(batch_support.lines_of([sh(": > began; exec sleep 1000")] * 3))
        running.process.stdin.flush()
        self.wait_for_file("began")
        running.signal(signal.SIGINT)
        out = running.process.stdout.read()
        self.assertEqual(running.process.wait(), 130)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line.get("completion_reason") for line in lines],
                         ["skipped", "skipped", "cancelled", None])

    def test_a_second_interrupt_ends_what_does_not_obey(self):
        running = self.start([sh("trap '' INT; : > began; while :; do sleep 1; done")])
        self.wait_for_file("began")
        running.signal(signal.SIGINT)
        harness.wait_for(lambda: b"once more" in os.read(running.process.stderr.fileno(), 4096),
                         "its word")
        running.signal(signal.SIGINT)
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual(batch_support.Answers(done).reasons(), {"cancelled": 1})

    def test_a_killed_batch_leaves_nothing_running_and_shows_as_interrupted(self):
        running = self.start([sh("echo $$ >> pids; sleep 1000 & sleep 1000")] * 8, "-j", "2")
        harness.wait_for(lambda: len(self.world.lines("pids")) == 2, "two to run")
        execution = self.executions()[0]["execution_id"]
        os.kill(running.pid, signal.SIGKILL)
        running.end()
        harness.wait_for(lambda: not harness.processes_with(execution), "their end")
        record = self.executions()[0]
        self.assertEqual(record["status"], "interrupted")
        self.store_is_clean()

    def test_nothing_is_read_or_begun_while_nobody_reads_the_answers(self):
        text = "x" * 50000
        requests = [const(text)] * 40 + [sh("echo x >> ran")] * 2000
        reader, writer = os.pipe()
        running = self.start(requests, "-j", "1", "--sequential", stdout=writer)
        os.close(writer)

        def has_stopped():
            with open(f"/proc/{running.pid}/wchan", encoding="ascii") as file:
                return "poll" in file.read()
        harness.wait_for(has_stopped, "the batch to wait")
        self.assertLess(len(self.world.lines("ran")), 2000)
        with os.fdopen(reader, "rb") as stream:
            lines = stream.read().splitlines()
        self.assertEqual(running.process.wait(), 0)
        self.assertEqual(len(lines), len(requests) + 1)

    def test_a_reader_who_goes_away_ends_the_batch(self):
        reader, writer = os.pipe()
        requests = [sh("echo $$ > pid; exec sleep 1000"), sh(harness.waits("gone"))]
        running = self.start(requests, "-j", "2", stdout=writer)
        os.close(writer)
        self.wait_for_file("pid")
        os.close(reader)
        self.write("gone", "")
        self.assertEqual(running.process.wait(), -signal.SIGPIPE)
        self.assertFalse(harness.is_alive(int(self.read("pid"))))
        self.assertEqual(self.executions()[0]["status"], "interrupted")


class LargeFiles(batch_support.BatchTest):
    """They are hashed in the background. The sparse one would outlast every patience."""

    def setUp(self):
        super().setUp()
        self.write("endless", "")
        os.truncate(self.world.path("endless"), 1 << 40)

    def start(self, *requests):
        self.write("in.jsonl", batch_support.lines_of(requests))
        return self.world.start("--batch", "in.jsonl", "-j", "2")

    def reading(self, **fields):
        return batch_support.request("read_file", path="endless", **fields)

    def test_others_run_meanwhile_and_an_interrupt_ends_it(self):
        requests = [self.reading(), batch_support.request("concat", [{"path": "endless"}, "x"]),
                    sh(": > ran", priority="high")]
        running = self.start(*requests)
        self.wait_for_file("ran")
        running.signal(signal.SIGINT)
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual(batch_support.Answers(done).reasons(), {"completed": 1, "skipped": 2})

    def test_a_request_that_waits_for_it_can_be_cancelled(self):
        running = self.start(self.reading(request_id="r"), sh(": > ran; " + harness.waits("go")))
        self.wait_for_file("ran")
        self.run_tool("@latest/r", tool=harness.CANCEL)
        self.write("go", "")
        done = running.end()
        self.assertEqual(done.code, 6)
        self.assertEqual(batch_support.Answers(done)["r"]["completion_reason"], "cancelled")

    def test_what_was_read_is_the_result(self):
        for text, reused in (("x", False), ("x", True), ("y", False)):
            self.write("large", text * (5 << 20))
            answer = self.batch([batch_support.request("read_file", path="large")], "--full-results")[1]
            self.assertEqual((answer["result"]["text"], answer["reused"]), (text * (5 << 20), reused))


class Cancelled(batch_support.BatchTest):
    def start(self, requests, *options):
        self.write("in.jsonl", batch_support.lines_of(requests))
        return self.world.start("--batch", "in.jsonl", *options)

    def cancel(self, *what, code=0):
        return self.run_tool(*what, tool=harness.CANCEL, code=code)

    def test_one_request_can_be_cancelled(self):
        running = self.start([sh(": > began; exec sleep 1000", request_id="long one"), sh("true"),
                              sh("exec sleep 1000", request_id=7)], "-j", "1")
        self.wait_for_file("began")
        done = self.cancel("@latest/never", code=1)
        self.assertIn("no open request", done.err)
        self.cancel("--node", "@latest/long one")
        self.cancel("@latest/7")
        done = running.end()
        answers = batch_support.Answers(done)
        self.assertEqual(answers.reasons(), {"cancelled": 2, "completed": 1})
        self.assertEqual(answers["long one"]["error"]["kind"], "cancelled")
        self.assertEqual(done.code, 6)

    def test_a_batch_can_be_cancelled_whole(self):
        running = self.start([sh(": > began; exec sleep 1000")] + [sh("true")] * 5, "-j", "1")
        self.wait_for_file("began")
        self.cancel("@latest")
        done = running.end()
        self.assertEqual(done.code, 6)
        self.assertEqual(batch_support.Answers(done).reasons(), {"cancelled": 6})

    def test_a_batch_can_be_held_and_let_go_on(self):
        running = self.start([sh(": > began; " + harness.waits("go")), const(1)], "-j", "1")
        self.wait_for_file("began")
        self.cancel("--pause", "@latest")
        self.write("go", "")
        self.cancel("--continue", "@latest")
        self.assertEqual(running.end().code, 0)


if __name__ == "__main__":
    harness.main()
