# SPDX-License-Identifier: Apache-2.0
"""Streams: who reads what is still being written, and what becomes of readers and writers."""

import json
import os
import signal

import harness
from harness import CANCEL, execute, shell, waits, wait_for


def source(node_id, command, **fields):
    return shell(node_id, command, stream=True, **fields)


def reader(node_id, of, command, **fields):
    return shell(node_id, command, arguments=[of], stdin=of, **fields)


class WhatReadersGet(harness.ToolTest):
    def test_a_reader_reads_while_its_producer_writes(self):
        # The producer goes on only when the reader has seen its first line.
        answer = self.run_nodes(
            source("p", f"echo one; {waits('seen')}; echo two"),
            reader("c", "p", "read line; echo got $line; touch seen; cat"), options=["-j2"])
        self.assertEqual(answer.text("c"), "got one\ntwo\n")

    def test_on_one_slot_the_reader_comes_after_its_producer(self):
        answer = self.run_nodes(source("p", "seq 5"), reader("c", "p", "cat"), options=["-j1"])
        self.assertEqual(answer.text("c"), "1\n2\n3\n4\n5\n")

    def test_exec_reads_a_stream_too(self):
        answer = self.run_nodes(
            {**execute("p", ["sh", "-c", f"echo one; {waits('seen')}"]), "stream": True},
            {"node_id": "c", "operation": "exec", "arguments": ["p"],
             "parameters": {"argv": ["sh", "-c", "read x; touch seen; echo $x"], "stdin": "p"}},
            options=["-j2"])
        self.assertEqual(answer.text("c"), "one\n")

    def test_the_name_of_the_argument_is_standard_input_meanwhile(self):
        answer = self.run_nodes(source("p", f"echo b; echo a; {waits('begun')}"),
                                reader("c", "p", "touch begun; sort \"$1\""), options=["-j2"])
        self.assertEqual(answer.text("c"), "a\nb\n")

    def test_a_stream_that_is_named_by_position_too_is_waited_for(self):
        nodes = [source("p", "echo one; sleep 0.1; touch ended"),
                 shell("twice", "ls ended; cat \"$2\"", arguments=["p", "p"], stdin="p"),
                 {"node_id": "word", "operation": "exec", "arguments": ["p"], "parameters":
                  {"argv": ["ls", "ended", {"argument": 1}], "stdin": "p"}},
                 shell("plain", "ls ended; cat $1", arguments=["p"])]
        answer = self.run_nodes(*nodes, options=["-j4"])
        self.assertEqual(answer.text("twice"), "ended\none\n")
        self.assertEqual(answer.text("plain"), "ended\none\n")
        self.assertTrue(answer.text("word").endswith("ended\n"))

    def test_an_order_dependency_still_waits_for_the_end(self):
        answer = self.run_nodes(source("p", "echo one; sleep 0.1; touch ended"),
                                reader("c", "p", "ls ended; cat"), shell("o", "ls ended"),
                                dependencies={"c": ["p"], "o": ["p"]}, options=["-j4"])
        self.assertEqual(answer.text("c"), "ended\none\n")
        self.assertEqual(answer.text("o"), "ended\n")

    def test_a_reader_waits_for_its_other_arguments(self):
        answer = self.run_nodes(
            source("p", f"echo one; {waits('seen')}"),
            shell("q", "sleep 0.1; echo other"),
            shell("c", "touch seen; cat \"$1\" -", arguments=["q", "p"], stdin="p"),
            options=["-j3"])
        self.assertEqual(answer.text("c"), "other\none\n")

    def test_fifty_readers_each_read_everything_from_the_start(self):
        late = [reader(f"r{i}", "p", "cksum") for i in range(50)]
        answer = self.run_nodes(source("p", "seq 200000"), *late, options=["-j8"])
        self.assertEqual(len({answer.text(f"r{i}") for i in range(50)}), 1)
        self.assertTrue(answer.text("r0").endswith(" 1288895\n"))

    def test_a_chain_of_twenty_runs_on_any_number_of_slots(self):
        chain = [source("n0", "seq 100000; echo end-0")]
        chain += [reader(f"n{i}", f"n{i-1}", f"sed s/end-{i-1}$/end-{i}/", stream=True)
                  for i in range(1, 21)]
        for width in ("-j1", "-j2", "-j30"):
            answer = self.run_nodes(*chain, options=[width])
            self.assertTrue(answer.text("n20").endswith("\n100000\nend-20\n") or
                            answer["results"]["n20"]["size"] == 588895 + 7)

    def test_a_diamond_reads_one_stream_twice(self):
        for width in ("-j1", "-j4"):
            answer = self.run_nodes(
                source("p", "seq 1000"), reader("l", "p", "grep 7", stream=True),
                reader("r", "p", "wc -l", stream=True),
                shell("e", "cat \"$2\"; wc -l", arguments=["l", "r"], stdin="l"),
                options=[width, "--no-cache"])
            self.assertEqual(answer.text("e"), "1000\n271\n")

    def test_a_large_stream_arrives_whole_and_is_kept(self):
        answer = self.run_nodes(
            source("p", "yes 0123456789abcdef | head -c 30000000", inputs=[]),
            reader("c", "p", "sha256sum", inputs=[]), options=["-j2"])
        self.assertEqual(answer.text("c").split()[0],
                         __import__("hashlib").sha256((b"0123456789abcdef\n" * 1764706)[:30000000])
                         .hexdigest())
        self.store_is_clean()

    def test_an_empty_stream_and_one_without_a_last_newline(self):
        answer = self.run_nodes(source("e", "sleep 0.05"), reader("c", "e", "wc -c"),
                                source("n", "printf abc; sleep 0.05"), reader("d", "n", "cat"),
                                options=["-j4"])
        self.assertEqual((answer.text("c"), answer.text("d")), ("0\n", "abc"))


class ReadersThatDoNotReadAll(harness.ToolTest):
    def test_one_that_ends_early_just_stops_reading(self):
        answer = self.run_nodes(
            source("p", f"seq 100000; {waits('head-done')}; echo end", inputs=[]),
            reader("c", "p", "head -n 1; touch head-done", inputs=[]),
            reader("d", "p", "tail -n 1", inputs=[]), options=["-j3"])
        self.assertEqual((answer.text("c"), answer.text("d")), ("1\n", "end\n"))
        self.assertEqual(answer.node("p")["status"], "completed")
        self.assertEqual(self.again("-j3")["reused_nodes"], 3)

    def test_one_that_never_reads_holds_nobody_up(self):
        answer = self.run_nodes(
            source("p", "yes | head -c 5000000; touch written"),
            reader("c", "p", f"{waits('written')}; echo done"), reader("d", "p", "wc -c"),
            options=["-j3"])
        self.assertEqual((answer.text("c"), answer.text("d")), ("done\n", "5000000\n"))

    def test_a_producer_may_end_with_its_readers_and_keeps_nothing(self):
        nodes = [source("p", "yes", on_reader_done="end", inputs=[]),
                 reader("m", "p", "tr y z", stream=True, on_reader_done="end", inputs=[]),
                 reader("c", "m", "head -n 2", inputs=[]), reader("d", "m", "head -n 1")]
        answer = self.run_nodes(*nodes, options=["-j4"])
        self.assertEqual((answer.text("c"), answer.text("d")), ("z\nz\n", "z\n"))
        self.assertEqual({n["status"] for n in answer["nodes"]}, {"completed"})
        self.assertEqual(self.again("-j4")["reused_nodes"], 0)

    def test_a_producer_whose_result_is_wanted_otherwise_is_not_ended(self):
        answer = self.run_nodes(
            source("p", "seq 100000; echo end", on_reader_done="end"),
            reader("c", "p", "head -n 1"), shell("w", "tail -n 1 $1", arguments=["p"]),
            options=["-j3"])
        self.assertEqual((answer.text("c"), answer.text("w")), ("1\n", "end\n"))
        answer = self.run_nodes(source("p", "seq 3", on_reader_done="end"),
                                reader("c", "p", "head -n 1"), goals=["p", "c"], options=["-j2"])
        self.assertEqual(answer.text("p"), "1\n2\n3\n")


class Failures(harness.ToolTest):
    def test_a_producer_that_fails_late_fails_its_readers_with_it(self):
        answer = self.run_nodes(
            source("p", f"echo one; {waits('ended')}; exit 3"),
            reader("c", "p", "cat; echo end of file > lie"),
            reader("h", "p", "head -n 1; echo x > made; touch ended", outputs=["made"]),
            shell("after", "cat $1", arguments=["h"]), options=["-j3", "-k"], code=1)
        for node in ("c", "h"):
            told = answer.node(node)
            self.assertEqual((told["status"], told["reason"], told["class"]),
                             ("failed", "dependency_failed", "exit"))
            self.assertIn("node p: exit 3", told["error"])
        self.assertEqual(answer.node("after")["status"], "cancelled")
        self.assertEqual(answer["completed_nodes"], 0)
        self.assertFalse(self.exists("made"))
        self.assertFalse(self.exists("lie"), "what broke off has no end of file")
        self.assertEqual(answer["results"], {})

    def test_a_failed_producer_counts_as_one_failure(self):
        nodes = [source("p", f"echo; {waits('c1')}; {waits('c2')}; exit 1"),
                 reader("a", "p", "touch c1; cat"), reader("b", "p", "touch c2; cat"),
                 shell("x", f"{waits('c2')}; sleep 0.2"), shell("y", "echo y", arguments=["x"])]
        answer = self.run_nodes(*nodes, options=["-j4", "--keep-going=2"], code=1)
        self.assertEqual(answer.node("y")["status"], "completed")
        self.assertEqual(answer["failed_nodes"], 3)

    def test_a_retried_producer_restarts_its_readers_and_uses_up_none_of_their_retries(self):
        answer = self.run_nodes(
            source("p", f"echo try $DSCHED_ATTEMPT; {waits('h$DSCHED_ATTEMPT')}; "
                   "[ $DSCHED_ATTEMPT = 3 ]", max_retries=2, backoff_s=0.01),
            reader("c", "p", "cat"), reader("h", "p", "head -n 1; touch h$DSCHED_ATTEMPT"),
            reader("t", "c", "cat"), options=["-j4"])
        self.assertEqual(answer.text("h"), "try 3\n")
        self.assertEqual(answer.text("t"), "try 3\n")
        self.assertEqual(answer.node("h")["attempts"], 3)

    def test_a_reader_is_retried_alone_and_reads_from_the_start(self):
        answer = self.run_nodes(
            source("p", f"echo one; {waits('second')}; echo two"),
            reader("c", "p", "read x; [ $DSCHED_ATTEMPT = 2 ] || exit 1; touch second; echo $x; cat",
                   max_retries=1, backoff_s=0.01), options=["-j2"])
        self.assertEqual(answer.text("c"), "one\ntwo\n")
        self.assertEqual((answer.node("p")["attempts"], answer.node("c")["attempts"]), (1, 2))

    def test_a_reader_that_fails_leaves_its_producer_alone(self):
        answer = self.run_nodes(source("p", f"echo one; {waits('failed')}; echo two"),
                                reader("c", "p", "touch failed; exit 4"), goals=["p", "c"],
                                options=["-j2", "-k"], code=1)
        self.assertEqual(answer.text("p"), "one\ntwo\n")
        self.assertEqual(answer.node("c")["exit_code"], 4)

    def test_a_killed_producer_and_a_killed_reader(self):
        answer = self.run_nodes(source("p", f"echo; {waits('begun')}; kill -9 $$"),
                                reader("c", "p", "touch begun; cat"), options=["-j2"], code=1)
        self.assertEqual(answer.node("c")["class"], "signal")
        self.assertIn("node p", answer.node("c")["error"])
        answer = self.run_nodes(source("p", f"seq 100; {waits('killed')}"),
                                reader("c", "p", "touch killed; kill -9 $$"), goals=["p", "c"],
                                options=["-j2", "-k"], code=1)
        self.assertEqual(answer.node("p")["status"], "completed")
        self.assertEqual(answer.node("c")["signal"], 9)

    def test_a_timeout_of_the_producer_ends_its_readers(self):
        answer = self.run_nodes(source("p", "echo; sleep 60", timeout_s=0.2),
                                reader("c", "p", "cat"), options=["-j2"], code=1)
        self.assertEqual((answer.node("p")["reason"], answer.node("c")["class"]),
                         ("timeout", "timeout"))

    def test_a_broken_off_producer_in_a_chain_is_named_to_all(self):
        answer = self.run_nodes(
            source("p", f"echo; {waits('third')}; exit 5"), reader("a", "p", "cat", stream=True),
            reader("b", "a", "touch third; cat"), options=["-j3"], code=1)
        for node in ("a", "b"):
            self.assertIn("node p: exit 5", answer.node(node)["error"])


class WhatIsReused(harness.ToolTest):
    def nodes(self, word="one"):
        return [source("p", f"echo {word}; {waits('seen')}", inputs=[]),
                reader("c", "p", "read x; touch seen; echo got $x", inputs=[])]

    def test_both_are_reused_by_the_next_run(self):
        first = self.run_nodes(*self.nodes(), options=["-j2"])
        again = self.again("-j2")
        self.assertEqual((first["reused_nodes"], again["reused_nodes"]), (0, 2))
        self.assertEqual(again.text("c"), "got one\n")
        self.assertEqual(first["results"], again["results"])

    def test_a_stored_producer_is_not_run_and_new_readers_read_its_bytes(self):
        self.run_nodes(*self.nodes(), options=["-j2"])
        answer = self.run_nodes(*self.nodes(), reader("d", "p", "cat", inputs=[]), options=["-j2"])
        self.assertEqual(self.ran(answer), ["d"])
        self.assertEqual(answer.text("d"), "one\n")

    def test_a_reader_stored_beside_its_producer_is_found_when_it_comes_after_it(self):
        # The key of a reader is the same whether it read a pipe or the stored bytes.
        self.run_nodes(*self.nodes(), options=["-j2"])
        self.world.run("rm", "@latest/p", tool=harness.STORE)
        answer = self.again("-j1")
        self.assertEqual(self.ran(answer), ["p"])

    def test_dry_run_and_explain_name_the_stream(self):
        self.world.program(self.nodes())
        told = self.run_tool("program.json", "--dry-run")
        self.assertEqual([n["node_id"] for n in told["would_run"]], ["p", "c"])
        self.assertEqual(told["would_run"][1]["explain"], "reads the stream of p")
        answer = self.again("-j2", "--explain")
        self.assertEqual(answer.node("c")["explain"], "reads the stream of p")


class Stopping(harness.ToolTest):
    def begin(self, *nodes, options=("-j3",)):
        self.world.program(list(nodes))
        return self.world.start("program.json", "--nodes", "all", *options)

    def test_ctrl_c_ends_both_and_a_resume_completes_them(self):
        running = self.begin(
            source("p", f"touch p$DSCHED_ATTEMPT; echo one; {waits('go')}"),
            reader("c", "p", "touch c; cat"), reader("h", "p", "head -n 1; touch h"))
        for name in ("p1", "c", "h"):
            self.wait_for_file(name)
        running.signal(signal.SIGINT)
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual(done["completed_nodes"], 0)
        self.write("go", "")
        again = self.run_tool("--resume", "@latest", "--nodes", "all", "-j3")
        self.assertEqual((again.text("c"), again.text("h")), ("one\n", "one\n"))

    def test_a_reader_that_ignores_ctrl_c_does_not_wait_for_ever(self):
        running = self.begin(source("p", "touch p; echo; exec sleep 60"),
                             reader("c", "p", "trap '' INT; touch c; cat"))
        self.wait_for_file("c")
        running.signal(signal.SIGINT)
        self.assertEqual(running.end().code, 130)

    def test_after_sigkill_no_reader_is_recorded_before_its_producer(self):
        running = self.begin(source("p", f"touch p; echo one; {waits('go')}; echo two"),
                             reader("h", "p", "head -n 1; touch h"),
                             shell("x", f"{waits('h')}; echo x"))
        self.wait_for_file("h")
        wait_for(lambda: "x" in self.completed(), "the record of another node")
        os.kill(running.pid, signal.SIGKILL)
        running.end()
        self.assertNotIn("h", self.completed())
        wait_for(lambda: not harness.processes_with(str(self.world.root)), "the end of the trees")
        self.write("go", "")
        again = self.run_tool("--resume", "@latest", "--nodes", "all", "-j3")
        self.assertEqual((again.text("h"), again.text("x")), ("one\n", "x\n"))
        self.store_is_clean()

    def completed(self):
        done = self.world.run("nodes", "@latest", tool=harness.STATS)
        if done.code != 0:
            return set()
        lines = [json.loads(line) for line in done.out.splitlines()]
        return {n["node_id"] for n in lines if n.get("status") == "completed"}

    def test_cancelling_the_producer_takes_its_readers_along(self):
        running = self.begin(source("p", "touch p; echo one; exec sleep 60"),
                             reader("c", "p", "touch c; cat"), reader("h", "p", "head -n 1; touch h"),
                             shell("x", "echo x"), options=("-j4", "-k"))
        for name in ("c", "h"):
            self.wait_for_file(name)
        self.world.run("--node", "@latest/p", tool=CANCEL)
        done = running.end()
        self.assertEqual(done.code, 6, repr(done))
        self.assertEqual({n["node_id"]: n["status"] for n in done["nodes"]},
                         {"p": "cancelled", "c": "cancelled", "h": "cancelled", "x": "completed"})

    def test_what_was_ended_by_its_readers_stays_completed_after_a_resume(self):
        nodes = [source("p", "yes", on_reader_done="end"),
                 reader("c", "p", "head -n 1"), shell("x", f"{waits('go')}; echo x"),
                 shell("y", "exit 1", arguments=["c"])]
        running = self.begin(*nodes, options=("-j3", "-k"))
        wait_for(lambda: {"p", "c"} <= self.completed(), "both on record")
        running.signal(signal.SIGINT)
        running.end()
        self.write("go", "")
        again = self.run_tool("--resume", "@latest", "--nodes", "all", "-j3", "-k", code=1)
        self.assertEqual(again.node("p")["attempts"], 1)
        self.assertEqual(again.node("p")["status"], "completed")


class SlowReaders(harness.ToolTest):
    def test_max_lag_suspends_the_producer_until_the_reader_has_caught_up(self):
        # `x` needs the slot of the suspended producer, and only `x` lets the reader go on.
        answer = self.run_nodes(
            source("p", "head -c 300000000 /dev/zero; touch ended", max_lag=1000000),
            reader("c", "p", f"head -c 1000 >/dev/null; touch waits; {waits('go')}; wc -c"),
            shell("f", waits("waits")),
            shell("x", "[ ! -e ended ] && touch go", slots=2), dependencies={"x": ["f"]},
            options=["-j3"])
        self.assertGreater(int(answer.text("c")), 299_000_000)

    def test_the_timeout_of_a_suspended_producer_stands_still(self):
        answer = self.run_nodes(
            source("p", "head -c 50000000 /dev/zero", max_lag=1000000, timeout_s=1),
            reader("c", "p", "head -c 1000 >/dev/null; sleep 1.3; wc -c"), options=["-j2"])
        self.assertEqual(answer.node("p")["attempts"], 1)

    def test_one_that_may_not_be_suspended_has_no_limit(self):
        answer = self.run_nodes(
            source("p", "head -c 50000000 /dev/zero; touch ended", max_lag=1000,
                   preemptible=False),
            reader("c", "p", f"{waits('ended')}; wc -c"), options=["-j2"])
        self.assertEqual(answer.text("c"), "50000000\n")


if __name__ == "__main__":
    harness.main()
