# SPDX-License-Identifier: Apache-2.0
"""dsched-run --batch: what goes in and what comes out."""

import base64
import json
import subprocess

import batch_support
import harness
from batch_support import const, request, sh


class Answers(batch_support.BatchTest):
    def test_each_request_gets_one_answer_and_then_the_summary_comes(self):
        answers = self.batch([const("a"), sh("echo b"), request("concat", ["c", "d"], separator="-")])
        self.assertEqual(sorted(answers.ids), [1, 2, 3])
        self.assertEqual([answers.text(i) for i in (1, 2, 3)], ["a", "b\n", "c-d"])
        self.assertEqual(answers.summary["success_count"], 3)
        self.assertEqual(answers.reasons(), {"completed": 3})

    def test_ids_and_metadata_come_back_as_they_are(self):
        text = (b'{"request_id": "x y/\\u00e9", "operation": "const", "parameters": {"value": 1}}\n'
                b'{"request_id": 1.50, "operation": "const", "parameters": {"value": 1},'
                b' "metadata": {"b": [1, 2.0], "a": null}}\n')
        answers = self.batch(text)
        self.assertEqual(answers["x y/é"]["metadata"], None)
        self.assertIn(b'"request_id":1.50,', answers.done.out)
        self.assertIn(b'"metadata":{"b": [1, 2.0], "a": null}}', answers.done.out)

    def test_ids_default_to_line_numbers_and_empty_lines_count(self):
        answers = self.batch(b'\n  \n{"operation":"const","parameters":{"value":1}}\n\r\n'
                             b'{"operation":"const","parameters":{"value":2}}')
        self.assertEqual(sorted(answers.ids), [3, 5])

    def test_an_array_is_read_as_a_stream_of_requests(self):
        text = json.dumps([const("x,]\"[", request_id="p"), const({"a": [1, "}"]}), sh("echo 3")],
                          indent=2)
        answers = self.batch(("\n " + text + "\n").encode())
        self.assertEqual(answers.text("p"), "x,]\"[")
        self.assertEqual(sorted(answers.ids, key=str), [2, 3, "p"])
        self.assertEqual(self.batch(b" [ ] ").lines, [])
        self.assertEqual(self.batch(b"").lines, [])

    def test_arguments_of_every_kind_reach_every_operation(self):
        self.write("file.txt", b"f\xffle")
        stored = self.batch([const("stored")])[1]["result"]["key"]
        arguments = ["text", {"base64": "/wA="}, {"path": "file.txt"}, {"key": stored}, [1, {"b": 2}],
                     {"path": "a", "other": 1}]
        bytes_ = b"text|\xff\x00|f\xffle|stored|[1,{\"b\":2}]|{\"other\":1,\"path\":\"a\"}"
        command = 'for f; do [ "$f" = "$1" ] || printf "|"; cat "$f"; done'
        answers = self.batch([
            request("concat", arguments, separator="|", request_id="concat"),
            sh(command, arguments, request_id="shell"),
            request("exec", arguments, argv=["/bin/cat", {"argument": 2}], request_id="exec"),
            sh("cat", arguments, stdin={"argument": 4}, request_id="stdin"),
            request("write_file", [{"key": stored}], path="made/out", request_id="write"),
        ])
        self.assertEqual(base64.b64decode(answers["concat"]["result"]["base64"]), bytes_)
        self.assertEqual(base64.b64decode(answers["shell"]["result"]["base64"]), bytes_)
        self.assertEqual(base64.b64decode(answers["exec"]["result"]["base64"]), b"\xff\x00")
        self.assertEqual(answers.text("stdin"), "stored")
        self.assertEqual(self.read("made/out"), "stored")

    def test_operations_of_ones_own_get_the_request(self):
        self.write("ops/dsched-op-count", "#!/bin/sh\ncat\n").chmod(0o755)
        answers = self.batch([request("count", ["abc"], by=3)], "--operations", "ops")
        seen = json.loads(answers.text(1))
        self.assertEqual((seen["operation"], seen["parameters"]), ("count", {"by": 3}))
        self.assertEqual(seen["arguments"][0]["node_id"], "1")

    def test_large_results_are_cut_unless_all_is_wanted(self):
        command = "head -c 200000 /dev/zero | tr '\\0' x"
        cut = self.batch([sh(command)])[1]["result"]
        self.assertEqual((len(cut["text"]), cut["truncated"], cut["size"]), (65536, True, 200000))
        whole = self.batch([sh(command)], "--full-results")[1]["result"]
        self.assertEqual((len(whole["text"]), "truncated" in whole), (200000, False))

    def test_commands_know_who_they_are(self):
        answers = self.batch([sh("echo $DSCHED_NODE_ID $DSCHED_ATTEMPT; cat; echo hm >&2",
                                 request_id="me")])
        self.assertEqual(answers.text("me"), "me 1\n")
        self.assertEqual(answers["me"]["log"], "hm\n")


class Faults(batch_support.BatchTest):
    def test_a_malformed_line_fails_alone_and_is_named(self):
        answers = self.batch(b'{"operation":"const","parameters":{"value":1}}\n{oops\n'
                             b'{"operation":"const","parameters":{"value":3}}\n', code=1)
        self.assertEqual(answers.reasons(), {"completed": 2, "failed": 1})
        error = answers[2]["error"]
        self.assertEqual(error["kind"], "invalid_request")
        self.assertRegex(error["message"], "^line 2: ")
        self.assertEqual(error["details"][0]["line"], 2)

    def test_what_is_wrong_with_a_request_is_said_in_its_answer(self):
        faults = [
            ({"opration": "const"}, "did you mean 'operation'"),
            ({"operation": "const", "value": 1}, "'parameters'"),
            ({"operation": "shell", "parameters": {"comand": "x"}}, "command"),
            ({"operation": "const"}, "value"),
            ({"operation": "shel", "parameters": {}}, "did you mean shell"),
            ({"operation": "../x"}, "cannot be the name"),
            ({"operation": "const", "parameters": {"value": 1}, "priority": 11}, "maximum"),
            ({"operation": "const", "parameters": {"value": 1}, "timeout_s": 0}, "timeout_s"),
            ({"operation": "const", "parameters": {"value": 1}, "request_id": None}, "request_id"),
            ({"operation": "concat", "arguments": [{"base64": "%"}]}, "base64"),
            ({"operation": "concat", "arguments": [{"path": "../x"}]}, "leads out"),
            ({"operation": "concat", "arguments": [{"path": "missing"}]}, "missing"),
            ({"operation": "shell", "parameters": {"command": "cat"},
              "arguments": [{"path": "missing"}]}, "no such file"),
            ({"operation": "concat", "arguments": [{"key": "0" * 64}]}, "no such result"),
            ({"operation": "exec", "parameters": {"argv": [{"argument": 1}]}}, "argv"),
            ({"operation": "write_file", "parameters": {"path": "x"}}, "exactly one"),
            ({"operation": "read_file", "parameters": {"path": "nothing"}}, "nothing"),
            ({"operation": "write_file", "parameters": {"path": ".dsched/x"}, "arguments": [""]},
             "overlap"),
            ({"operation": "read_file", "parameters": {"path": "/proc/self/mem"}}, "read"),
            ({"operation": "read_file", "parameters": {"path": "/etc"}}, "regular file"),
            ({"operation": "concat", "arguments": [{"path": "/dev/zero"}]}, "neither"),
            (["operation"], "must be an object"),
            ("operation", "must be an object"),
        ]
        answers = self.batch([fault for fault, _ in faults], "--ordered", code=1)
        self.assertEqual(answers.summary["failure_count"], len(faults))
        for (fault, hint), line in zip(faults, answers.lines):
            with self.subTest(fault):
                self.assertIn(hint, json.dumps(line["error"]))
                self.assertNotIn("\n", line["error"]["message"])

    def test_the_id_of_a_faulty_request_is_kept(self):
        answers = self.batch([{"request_id": "mine", "operation": "const", "metadata": 7}], code=1)
        self.assertEqual(answers["mine"]["metadata"], 7)

    def test_two_open_requests_cannot_share_an_id(self):
        wait = harness.waits("go")
        answers = self.batch([sh(wait, request_id="same"), sh(": > go", request_id="same"),
                              sh(": > go", request_id=3)], code=1)
        self.assertEqual(answers.ids.count("same"), 2)
        refused = [line for line in answers.lines if not line["success"]]
        self.assertIn("still open", refused[0]["error"]["message"])

    def test_failures_have_class_code_log_and_output(self):
        answers = self.batch([sh("echo out; echo err >&2; exit 3"), sh("kill -9 $$"),
                              request("exec", argv=["/no/such/file"])], code=1)
        error = answers[1]["error"]
        self.assertEqual((error["kind"], error["class"], error["exit_code"], error["message"]),
                         ("node_failed", "exit", 3, "exit 3"))
        self.assertEqual((answers[1]["log"], error["output"]), ("err\n", "out\n"))
        self.assertEqual(answers[2]["error"]["signal"], 9)
        self.assertEqual(answers[3]["error"]["class"], "not_found")

    def test_what_cannot_be_cut_is_said_at_the_end(self):
        for text, message in ((b'[{"operation":"const","parameters":{"value":1}}', "no end"),
                              (b'[{"operation":"const","parameters":{"value":1}}] x', "behind"),
                              (b'[{"operation":"const","parameters":{"value":1}},]', "expected")):
            with self.subTest(text):
                answers = self.batch(text, code=1)
                self.assertEqual(answers.reasons(), {"completed": 1, "failed": 1})
                self.assertIn(message, answers[2]["error"]["message"])

    def test_a_line_beyond_all_measure_fails_alone(self):
        long_one = b'{"operation":"const","parameters":{"value":"' + b"x" * (17 << 20) + b'"}}\n'
        answers = self.batch(long_one + b'{"operation":"const","parameters":{"value":2}}\n', code=1)
        self.assertEqual(answers.reasons(), {"completed": 1, "failed": 1})
        self.assertIn("longer than 16777216 bytes", answers[1]["error"]["message"])

    def test_options_that_make_no_sense_are_refused(self):
        self.write("p.json", "{}")
        for options in (["--batch", "x", "p.json"], ["--batch", "--dry-run"], ["--ordered", "p.json"],
                        ["--batch", "--each", "x"], ["--batch", "--sequential", "--parallel"],
                        ["--batch", "--detach"], ["--batch", "missing.jsonl"], ["--batch", "."],
                        ["--each", ""], ["--batch", "--null"]):
            with self.subTest(options):
                done = self.run_tool(*options, code=2)
                self.assertEqual(done.kind, "usage")
                self.assertFalse(self.exists(".dsched"))


class Running(batch_support.BatchTest):
    def test_answers_can_keep_the_order_of_the_input(self):
        requests = [sh(harness.waits("go")), const(2), sh(": > go"), const(4)]
        self.assertEqual(self.batch(requests, "--ordered", "-j", "2").ids, [1, 2, 3, 4])

    def test_sequential_runs_one_after_another_in_the_order_of_the_input(self):
        requests = [sh(f"[ ! -e busy ] && : > busy && echo {i} >> order && rm busy",
                       priority=(i * 7) % 11) for i in range(10)]
        answers = self.batch(requests, "--sequential", "-j", "4")
        self.assertEqual(answers.summary["success_count"], 10)
        self.assertEqual(self.read("order").split(), [str(i) for i in range(10)])

    def test_no_more_than_j_run_at_once(self):
        requests = [sh("for i in 1 2 3; do mkdir slot$i 2>/dev/null && break; done; ls -d slot* "
                       "| wc -l; sleep 0.02; rmdir slot$i") for _ in range(12)]
        answers = self.batch(requests, "-j", "3", "--machine", "none")
        self.assertLessEqual(max(int(answers.text(i + 1)) for i in range(12)), 3)

    def test_what_waits_goes_by_priority_and_then_by_age(self):
        levels = ["low", 5, "urgent", "high", 5, 0]
        requests = [sh("echo %d >> order" % i, priority=p) for i, p in enumerate(levels)]
        first = [sh(harness.waits("go"), request_id="first", priority="urgent")]
        self.write("in.jsonl", batch_support.lines_of(first + requests))
        running = self.world.start("--batch", "in.jsonl", "-j", "1", "--machine", "none")
        harness.wait_for(lambda: self.exists(".dsched"), "the store")
        self.write("go", "")
        self.assertEqual(running.end().code, 0)
        self.assertEqual(self.read("order").split(), ["2", "3", "1", "4", "0", "5"])

    def test_a_timeout_ends_the_whole_tree(self):
        answers = self.batch([sh("sleep 1000 & sleep 1000", timeout_s=0.1)], code=1)
        self.assertEqual(answers[1]["completion_reason"], "timeout")
        self.assertEqual(answers[1]["error"]["kind"], "timeout")
        self.assertIn("timeout after 0.1s", answers[1]["error"]["message"])

    def test_failed_requests_are_tried_again(self):
        command = "echo x >> tries; [ $DSCHED_ATTEMPT = 2 ]"
        answers = self.batch([sh(command)], "--retries", "2")
        self.assertEqual(answers[1]["attempts"], 2)
        self.assertEqual(len(self.world.lines("tries")), 2)

    def test_fail_fast_begins_nothing_after_the_first_failure(self):
        requests = [sh("exit 1")] + [sh("echo x >> ran") for _ in range(50)]
        answers = self.batch(requests, "--fail-fast", "--sequential", code=1)
        self.assertEqual(answers.reasons(), {"failed": 1, "skipped": 50})
        self.assertFalse(self.exists("ran"))
        answers = self.batch(requests, code=1)
        self.assertEqual(answers.reasons(), {"failed": 1, "completed": 50})

    def test_pure_results_are_reused_and_shared_with_programs(self):
        self.write("data.txt", "data\n")
        requests = [const({"a": 1}), request("concat", ["x", "y"]),
                    request("read_file", path="data.txt"), sh("echo no")]
        first = self.batch(requests)
        self.assertEqual([first[i]["reused"] for i in (1, 2, 3, 4)], [False] * 4)
        second = self.batch(requests)
        self.assertEqual([second[i]["reused"] for i in (1, 2, 3, 4)], [True, True, True, False])
        for i in (1, 2, 3):
            self.assertEqual(first[i]["result"], second[i]["result"])
        record = json.loads(self.run_tool("executions", tool=harness.STATS).out.splitlines()[0])
        self.assertEqual((record["completed_nodes"], record["reused_nodes"]), (4, 3))
        self.write("data.txt", "other\n")
        self.assertEqual(self.batch(requests).text(3), "other\n")
        self.assertFalse(self.batch(requests, "--no-cache")[1]["reused"])
        answer = self.run_nodes({"node_id": "n", "operation": "read_file",
                                 "parameters": {"path": "data.txt"}})
        self.assertTrue(answer.node("n")["reused"])
        key = second[1]["result"]["key"]
        got = self.run_tool("get", key, tool=harness.STORE)
        self.assertEqual(got.out, b'{"a":1}')
        self.store_is_clean()

    def test_a_batch_is_an_execution_whose_requests_count(self):
        self.batch([const(1), sh(":"), sh("exit 1")], code=1)
        listed = self.run_tool("executions", tool=harness.STATS)
        record = json.loads(listed.out.splitlines()[0])
        self.assertEqual((record["status"], record["total_nodes"], record["completed_nodes"],
                          record["failed_nodes"]), ("failed", 3, 2, 1))
        statistics = json.loads(self.run_tool("statistics", tool=harness.STATS).out)
        self.assertEqual((statistics["total_requests"], statistics["total_completed_requests"],
                          statistics["total_failed_requests"]), (3, 2, 1))
        only = json.loads(self.run_tool("statistics", "--operation", "shell",
                                        tool=harness.STATS).out)
        self.assertEqual(only["total_requests"], 2)
        self.run_tool("nodes", "@latest", tool=harness.STATS)

    def test_a_batch_cannot_be_resumed(self):
        self.batch([const(1)])
        done = self.run_tool("--resume", "@latest", code=2)
        self.assertIn("batch", done["error"]["message"])


class Streaming(batch_support.BatchTest):
    def start(self, *options):
        return self.world.start("--batch", *options, stdin=subprocess.PIPE)

    def test_answers_come_while_the_input_is_open(self):
        running = self.start()
        process = running.process
        for i in range(1, 4):
            process.stdin.write(batch_support.lines_of(
                [const(i, request_id="again") if i != 2 else sh("echo hi", request_id="again")]))
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["request_id"], "again")
        process.stdin.write(b'{"operation":"const",')
        process.stdin.flush()
        process.stdin.write(b'"parameters":{"value":"whole"}}')
        lines = [json.loads(line) for line in running.end().out.splitlines()]
        self.assertEqual((lines[0]["request_id"], lines[0]["result"]["text"]), (4, "whole"))
        self.assertEqual(lines[1]["summary"]["success_count"], 4)

    def test_many_small_requests_are_all_answered(self):
        answers = self.batch([const(i) for i in range(20000)], "--ordered")
        self.assertEqual(answers.ids, list(range(1, 20001)))


if __name__ == "__main__":
    harness.main()
