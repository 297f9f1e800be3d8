# SPDX-License-Identifier: Apache-2.0
"""dsched-run --result of a stream: the caller gets the bytes as they come."""

import signal

import harness
from harness import shell, waits


def source(command, **fields):
    return shell("p", command, stream=True, **fields)


class ResultAsItComes(harness.ToolTest):
    def begin(self, *nodes, options=()):
        self.world.program(list(nodes))
        return self.world.start("program.json", "--result", "p", *options)

    def result(self, *nodes, code=0):
        self.world.program(list(nodes))
        return self.run_tool("program.json", "--result", "p", "-j2", code=code)

    def test_bytes_come_while_the_node_runs(self):
        running = self.begin(source(f"echo one; {waits('go')}; echo two"))
        self.assertEqual(running.process.stdout.readline(), b"one\n")
        self.write("go", "")
        done = running.end()
        self.assertEqual((done.code, done.out), (0, b"two\n"))

    def test_all_of_a_large_stream_comes_and_is_kept(self):
        node = source("yes | head -c 20000000", inputs=[])
        first = self.result(node)
        self.assertEqual(first.out, b"y\n" * 10000000)
        self.assertEqual(self.result(node).out, first.out)
        self.store_is_clean()

    def test_into_a_file(self):
        self.world.program([source("seq 1000; sleep 0.05; seq 1000")])
        with open(self.world.path("out"), "wb") as out:
            running = self.world.start("program.json", "--result", "p", stdout=out)
            self.assertEqual(running.end().code, 0)
        self.assertEqual(len(self.world.lines("out")), 2000)

    def test_a_caller_that_reads_no_more_hurts_nobody(self):
        running = self.begin(source("echo one; yes | head -c 3000000", inputs=[]))
        self.assertEqual(running.process.stdout.readline(), b"one\n")
        running.process.stdout.close()
        running.process.stdout = None
        self.assertEqual(running.process.wait(timeout=harness.PATIENCE_S), 0)
        self.assertEqual(self.again()["reused_nodes"], 1)

    def test_a_caller_that_reads_no_more_ends_what_ends_with_its_readers(self):
        running = self.begin(source("yes", on_reader_done="end"))
        self.assertEqual(running.process.stdout.readline(), b"y\n")
        running.process.stdout.close()
        running.process.stdout = None
        self.assertEqual(running.process.wait(timeout=harness.PATIENCE_S), 0)

    def test_a_producer_that_fails_after_bytes_were_out_exits_1(self):
        done = self.result(source("echo one; sleep 0.05; exit 3"), code=1)
        self.assertEqual(done.out, b"one\n")
        self.assertIn("node p: exit 3", done.err)

    def test_a_retry_goes_on_behind_what_is_out(self):
        done = self.result(source("echo one; sleep 0.05; [ $DSCHED_ATTEMPT = 2 ] || exit 1; echo two",
                                  max_retries=1, backoff_s=0.01))
        self.assertEqual(done.out, b"one\ntwo\n")

    def test_a_retry_that_writes_something_else_is_said(self):
        done = self.result(source("echo try $DSCHED_ATTEMPT; sleep 0.05; [ $DSCHED_ATTEMPT = 2 ]",
                                  max_retries=1, backoff_s=0.01), code=1)
        self.assertEqual(done.out, b"try 1\n")
        self.assertIn("dsched-store get", done.err)

    def test_a_full_disk_is_said(self):
        self.world.program([source("echo one; sleep 0.05")])
        with open("/dev/full", "wb") as full:
            done = self.world.start("program.json", "--result", "p", stdout=full).end()
        self.assertEqual(done.code, 4, repr(done))

    def test_ctrl_c_ends_it_though_nobody_reads(self):
        running = self.begin(source("touch begun; yes"))
        self.wait_for_file("begun")
        running.signal(signal.SIGINT)
        self.assertEqual(running.process.wait(timeout=harness.PATIENCE_S), 130)

    def test_other_nodes_read_it_too(self):
        running = self.begin(source(f"echo one; {waits('seen')}; echo two"),
                             shell("c", "read x; touch seen; cat", arguments=["p"], stdin="p"),
                             options=["-j2"])
        done = running.end()
        self.assertEqual((done.code, done.out), (0, b"one\ntwo\n"))


if __name__ == "__main__":
    harness.main()
