# SPDX-License-Identifier: Apache-2.0
"""Hostile and careless use: closed streams, endless programs, limits, misplaced outputs, strays."""

import os
import resource
import shutil
import signal

import harness
from harness import const, shell


k_nobody = 65432  # a user whom nobody is, so that no process of theirs counts


def limited(which, amount):
    return lambda: resource.setrlimit(which, (amount, amount))


def closed(*descriptors):
    def close_them():
        for descriptor in descriptors:
            os.close(descriptor)
    return close_them


class ClosedStreams(harness.ToolTest):
    def test_no_file_takes_the_place_of_a_closed_stream(self):
        self.world.program([shell("a", "echo hi")])
        for arguments in (["program.json"], ["--result", "a", "program.json"],
                          ["--", "sh", "-c", "echo out; echo err >&2"]):
            for descriptors in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
                with self.subTest(arguments=arguments, descriptors=descriptors):
                    done = self.world.run(*arguments, preexec_fn=closed(*descriptors))
                    lost = 1 in descriptors and arguments[0] != "--"
                    self.assertEqual(done.code, 4 if lost else 0, repr(done))
        self.store_is_clean()

    def test_nothing_is_stored_from_a_closed_standard_input(self):
        done = self.world.run("put", "-", tool=harness.STORE, preexec_fn=closed(0))
        self.assertEqual(done.code, 4, repr(done))
        self.assertIn("bad file descriptor", done.err)


class Limits(harness.ToolTest):
    def test_an_endless_program_is_refused(self):
        done = self.world.run("/dev/zero")
        self.assertEqual((done.code, done.kind), (2, "usage"), repr(done))
        self.assertIn("longer than 2 GiB", done.err)

    def test_a_limit_of_file_sizes_is_an_error_and_no_signal(self):
        self.world.program([const("a", 1)])
        done = self.world.run("program.json", preexec_fn=limited(resource.RLIMIT_FSIZE, 4096))
        self.assertEqual(done.code, 4, repr(done))
        self.again()

    def test_a_thread_that_cannot_start_is_told(self):
        if os.getuid() != 0:
            self.skipTest("only root can become a user without other processes")

        def alone():
            resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
            os.setgid(k_nobody)
            os.setuid(k_nobody)
        for name in (".", "home", "machine", "work"):
            os.chown(self.world.root / name, k_nobody, k_nobody)
        self.world.program([shell("a", "echo hi")])
        # The folder of the build may be root's own; the user needs a tool that may be executed.
        tool = str(shutil.copy2(harness.RUN, self.world.root / "dsched-run"))
        done = self.world.run("program.json", tool=tool, preexec_fn=alone)
        self.assertEqual((done.code, done.kind), (4, "environment"), repr(done))

    def test_an_empty_command_is_wrong_usage(self):
        self.assertEqual(self.world.run("--", "").code, 2)


class Outputs(harness.ToolTest):
    def test_an_output_in_or_around_the_store_is_refused(self):
        for output, store in ((".dsched/x", None), (".dsched", None), ("kept", "kept/store")):
            options = ["--store", store] if store else []
            self.world.program([shell("a", "true", outputs=[output])])
            done = self.world.run("program.json", *options)
            self.assertEqual((done.code, done.kind), (2, "invalid_program"), repr(done))
            self.assertEqual(done.details[0]["code"], "invalid_path")
            self.assertFalse(self.exists(store or ".dsched"))

    def test_write_file_does_not_reach_the_store(self):
        node = {"node_id": "w", "operation": "write_file", "arguments": ["c"],
                "parameters": {"path": ".dsched/identity"}}
        self.world.program([const("c", 1), node])
        self.assertEqual(self.world.run("program.json").code, 2)


class Processes(harness.ToolTest):
    def test_a_command_that_stopped_itself_ends_with_its_timeout(self):
        answer = self.run_nodes(shell("a", "kill -STOP $$", timeout_s=0.2), code=1)
        self.assertEqual((answer.node("a")["class"], answer.node("a")["signal"]),
                         ("timeout", signal.SIGTERM))

    def test_the_end_of_a_killed_runner_does_not_reach_the_next_one(self):
        nodes = [shell(f"n{i}", f"echo {i}; sleep 0.02", inputs=[]) for i in range(12)]
        self.world.program(nodes)
        for _ in range(12):
            shutil.rmtree(self.world.path(".dsched"), ignore_errors=True)
            running = self.world.start("program.json", "--progress", "plain")
            while b"completed in" not in running.process.stderr.readline():
                self.assertIsNone(running.process.poll(), "it ended before it was killed")
            running.signal(signal.SIGKILL)
            running.process.wait()
            self.run_tool("--resume", "@latest")


class Strays(harness.ToolTest):
    def test_a_foreign_file_among_the_blobs_does_no_harm(self):
        self.run_nodes(shell("a", "echo hi", inputs=[]))
        self.write(".dsched/blobs/.DS_Store", "a file manager was here")
        for arguments in (["verify"], ["verify", "--repair"], ["gc"]):
            done = self.world.run(*arguments, tool=harness.STORE)
            self.assertEqual(done.code, 0, repr(done))


if __name__ == "__main__":
    harness.main()
