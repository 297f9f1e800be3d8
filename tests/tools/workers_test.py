# SPDX-License-Identifier: Apache-2.0
"""Persistent workers: batching, the protocol, and everything a worker can do wrong."""

import json
import os
import signal
import sys
import textwrap

import harness
import worker_support
from harness import const, shell

class WorkerTest(harness.ToolTest):
    def worker(self, code, **fields):
        """Writes a worker and gives its declaration."""
        return worker_support.write_worker(self.world, code, **fields)

    def run_workers(self, worker, nodes, *options, **run):
        return self.run_nodes(*nodes, options=options, workers={"w": worker}, **run)

    def request(self, node_id, parameters=None, **fields):
        return {"node_id": node_id, "operation": "w", "parameters": parameters or {}, **fields}

    def lines(self, name):
        return self.world.lines(name)

    def path(self, name):
        return str(self.world.path(name))

    def statistics(self):
        return json.loads(self.run_tool("statistics", tool=harness.STATS, env={"DSCHED_FORMAT": "json"}).out)


class ProtocolTest(WorkerTest):
    def test_request_says_what_is_asked(self):
        self.write("in.txt", "input")
        worker = self.worker("serve(lambda r: {'result': r})", inline=True)
        nodes = [const("text", "h\u00e4"), const("large", "x" * 70000),
                 shell("bytes", "printf '\\377\\001'"),
                 self.request("r", {"b": 1, "a": [2]}, arguments=["text", "bytes", "large", "text"],
                              inputs=["in.txt"])]
        request = json.loads(self.run_workers(worker, nodes).text("r"))
        self.assertGreater(request.pop("requestId"), 0)
        large = request["arguments"].pop(2)
        self.assertEqual(request["arguments"], [{"text": "h\u00e4"}, {"base64": "/wE="}, {"text": "h\u00e4"}])
        self.assertTrue(os.path.isabs(large))
        self.assertEqual(request["parameters"], {"a": [2], "b": 1})
        self.assertEqual([i["path"] for i in request["inputs"]], ["in.txt"])
        self.assertEqual(len(request["inputs"][0]["digest"]), 64)

    def test_without_inline_arguments_are_files(self):
        worker = self.worker("serve(lambda r: {'output': open(r['arguments'][0]).read()})")
        answer = self.run_workers(worker, [const("a", "text"), self.request("r", arguments=["a"])])
        self.assertEqual(answer.text("r"), "text")

    def test_results(self):
        self.write("file.bin", "from a file")
        worker = self.worker("""
            serve(lambda r: {"json": {"result": {"b": 1, "a": 2}}, "text": {"result": "t", "output": "said"},
                             "output": {"output": "o"}, "none": {},
                             "file": {"result": {"path": "file.bin"}},
                             "absolute": {"result": {"path": os.path.abspath("file.bin")}}
                            }[r["parameters"]["kind"]])
            """)
        nodes = [self.request(kind, {"kind": kind})
                 for kind in ("json", "text", "output", "none", "file", "absolute")]
        answer = self.run_workers(worker, nodes)
        wanted = {"json": '{"a":2,"b":1}', "text": "t", "output": "o", "none": "",
                  "file": "from a file", "absolute": "from a file"}
        self.assertEqual({name: answer.text(name) for name in wanted}, wanted)
        self.assertEqual(answer.node("text")["log"], "said")

    def test_result_files_stay_within_the_folder(self):
        os.symlink("/etc/passwd", self.path("link"))
        os.mkfifo(self.path("fifo"))
        worker = self.worker("serve(lambda r: {'result': {'path': r['parameters']['path']}})")
        cases = {"../x": "refused", "link": "refused", "fifo": "refused", "none": "output_missing",
                 "": "refused", ".": "refused", "/none/x": "output_missing"}
        nodes = [self.request(f"n{i}", {"path": path}) for i, path in enumerate(cases)]
        answer = self.run_workers(worker, nodes, "--keep-going", code=1)
        found = {path: answer.node(f"n{i}")["class"] for i, path in enumerate(cases)}
        self.assertEqual(found, cases)

    def test_failure_of_a_request_is_its_own(self):
        worker = self.worker("""
            def answer(r):
                sys.stderr.write("cannot\\n"); sys.stderr.flush()
                return {"exitCode": r["parameters"]["code"], "output": "why\\n"}
            serve(answer)
            """)
        answer = self.run_workers(worker, [self.request("a", {"code": 3}), self.request("b", {"code": 0})],
                                  "--keep-going", code=1)
        failed = answer.node("a")
        self.assertEqual((failed["class"], failed["exit_code"]), ("exit", 3))
        self.assertEqual(failed["error"], "worker w: exit 3")
        self.assertEqual(failed["output"], "why\n")
        self.assertIn("cannot\n", failed["log"])
        self.assertEqual(answer.node("b")["status"], "completed")
        log = self.run_tool("log", "@latest/a", tool=harness.STATS)
        self.assertIn(b"cannot\n", log.out)

    def test_answers_without_a_number_come_from_singleplex_workers(self):
        code = """
            for line in sys.stdin:
                r = json.loads(line)
                say({"output": str(r["parameters"]["i"]), **r["parameters"]["id"]})
            """
        nodes = [self.request(f"n{i}", {"i": i, "id": id}) for i, id in enumerate(({}, {"requestId": 0}))]
        answer = self.run_workers(self.worker(code, max_batch=1), nodes)
        self.assertEqual([answer.text("n0"), answer.text("n1")], ["0", "1"])
        answer = self.run_workers(self.worker(code), nodes, "--keep-going", code=1)
        self.assertIn("answered without a requestId while 2 requests were in flight",
                      answer.node("n0")["error"])

    def test_batches_fill_up_in_one_slot(self):
        worker = self.worker(worker_support.BY_FOUR, max_batch=4)
        answer = self.run_workers(worker, [self.request(f"n{i}") for i in range(8)], "-j1")
        self.assertEqual(len({answer.text(f"n{i}") for i in range(8)}), 1)
        figures = self.statistics()
        self.assertGreater(figures["average_batch_utilization"], 0.5)
        self.assertLessEqual(figures["average_batch_utilization"], 1)
        self.assertGreater(figures["average_tokens_per_second"], 0)

    def test_instances_share_the_work(self):
        worker = self.worker("""
            note("started")
            while len(open("started").read().splitlines()) < 2: time.sleep(0.01)
            serve(lambda r: {"output": str(os.getpid())})
            """, instances=2, max_batch=2)
        answer = self.run_workers(worker, [self.request(f"n{i}") for i in range(4)], "-j2")
        self.assertEqual(len({answer.text(f"n{i}") for i in range(4)}), 2)

    def test_results_are_reused_by_the_usual_rule(self):
        worker = self.worker("serve(lambda r: (note('calls'), {'output': 'x'})[1])")
        nodes = [self.request("kept", {"a": 1}, inputs=[]), self.request("not", {"a": 2})]
        self.run_workers(worker, nodes)
        again = self.run_workers(worker, nodes)
        self.assertEqual(len(self.lines("calls")), 3)
        self.assertEqual(again.document["reused_nodes"], 1)
        worker["command"].append("--other")  # another model, say
        other = self.run_workers(worker, nodes)
        self.assertEqual(other.document["reused_nodes"], 0)

    def test_outputs_of_requests_are_kept(self):
        worker = self.worker("serve(lambda r: (open('made/out', 'w').write('made'), {})[1])")
        nodes = [self.request("r", outputs=["made/out"], inputs=[]),
                 shell("use", "cat made/out", inputs=["made/out"])]
        self.assertEqual(self.run_workers(worker, nodes).text("use"), "made")
        os.remove(self.path("made/out"))
        self.assertEqual(self.run_workers(worker, nodes).document["reused_nodes"], 2)
        self.assertEqual(self.lines("made/out"), ["made"])

    def test_a_missing_executable_is_not_found(self):
        answer = self.run_workers({"command": ["./none"]}, [self.request("r")], "--retries", "3", code=1)
        self.assertEqual(answer.node("r")["class"], "not_found")
        self.assertEqual(answer.node("r")["attempts"], 1)
        self.assertEqual(answer.node("r")["error"], "worker w: ./none: no such file or directory")


class FaultTest(WorkerTest):
    """Each ends as `lost`, names worker and cause, and the next request is served."""

    def check_lost(self, code, cause, **fields):
        # The first process does wrong, the second one serves.
        worker = self.worker("first = not os.path.exists('pids')\nnote('pids')\n" +
                             textwrap.dedent(code) + "\nserve(lambda r: {'output': 'fine'})\n", **fields)
        answer = self.run_workers(worker, [self.request("r", max_retries=1, backoff_s=0)],
                                  "--progress", "none")
        self.assertEqual(answer.text("r"), "fine")
        self.assertEqual(answer.node("r")["attempts"], 2)
        os.remove(self.path("pids"))
        failed = self.run_workers(worker, [self.request("r")], code=1).node("r")
        self.assertEqual(failed["class"], "lost")
        self.assertRegex(failed["error"], "^worker w: " + cause)

    def test_crash(self):
        self.check_lost("if first: sys.stdin.readline(); os.kill(os.getpid(), 9)", r"signal 9 \(KILL\)$")

    def test_exit(self):
        self.check_lost("if first: sys.stdin.readline(); sys.exit(3)", "exit 3$")

    def test_exit_before_it_reads(self):
        self.check_lost("if first: sys.exit(0)", "exit 0$")

    def test_half_an_answer(self):
        self.check_lost("""
            if first: sys.stdin.readline(); os.write(1, b'{"requestId": 1, "ou'); sys.exit(1)
            """, "exit 1 in the middle of an answer$")

    def test_no_json(self):
        self.check_lost("if first: print('loading \\033[1m...', flush=True)",
                        r"wrote a line that is no answer \(not JSON: .*\): 'loading \\x1b\[1m...'$")

    def test_unknown_number(self):
        self.check_lost("if first: sys.stdin.readline(); say({'requestId': 99})",
                        "answered request 99, which is not in flight$")

    def test_wrong_type(self):
        self.check_lost("""
            if first: say({'requestId': json.loads(sys.stdin.readline())['requestId'], 'exitCode': 'x'})
            """, "its answer is not understood: exitCode must be a whole number, not a string$")

    def test_closed_output(self):
        self.check_lost("if first: os.close(1); time.sleep(100)", "closed its standard output$")

    def test_closed_input(self):
        self.check_lost("if first: os.close(0); time.sleep(100)", "closed its standard input$")

    def test_endless_line(self):
        self.check_lost("""
            if first:
                while True: os.write(1, b'x' * 1000000)
            """, "wrote a line of more than 67108864 bytes$")

    def test_crash_loop_is_given_up(self):
        worker = self.worker("note('pids'); sys.exit(7)")
        answer = self.run_workers(worker, [self.request("r", max_retries=50, backoff_s=0)], code=1)
        node = answer.node("r")
        self.assertEqual(node["class"], "refused")
        self.assertRegex(node["error"], "^worker w: crashed 6 times in a row without an answer and "
                                        "is not started again; the last time: exit 7$")
        self.assertEqual(len(self.lines("pids")), 6)

    def test_a_crash_takes_only_what_is_in_flight(self):
        worker = self.worker("""
            serve(lambda r: os.kill(os.getpid(), 9) if r["parameters"]["bad"] else {"output": "x"})
            """, max_batch=1)
        nodes = [self.request(f"n{i}", {"bad": i == 2}) for i in range(5)]
        answer = self.run_workers(worker, nodes, "--keep-going", code=1)
        self.assertEqual(answer.document["completed_nodes"], 4)
        self.assertEqual(answer.node("n2")["class"], "lost")

    def test_hang_is_a_timeout_and_takes_nobody_along(self):
        worker = self.worker("""
            note("pids")
            held = []
            for line in sys.stdin:
                r = json.loads(line)
                if r.get("cancel"): note("cancel", r["requestId"])
                elif r["parameters"]["hang"]: note("hang", r["requestId"])
                elif len(open("pids").read().splitlines()) > 1: say({"requestId": r["requestId"]})
            """)
        nodes = [self.request("hang", {"hang": True}, timeout_s=0.2),
                 self.request("other", {"hang": False})]
        answer = self.run_workers(worker, nodes, "--keep-going", code=1)
        self.assertEqual(answer.node("hang")["class"], "timeout")
        self.assertEqual(answer.node("other")["status"], "completed")
        self.assertEqual(answer.node("other")["attempts"], 2)
        number = self.lines("hang")[0].split()[1]
        self.assertEqual([line.split()[1] for line in self.lines("cancel")], [number])

    def test_cancelled_requests_leave_the_worker_alone(self):
        worker = self.worker("""
            note("pids")
            for line in sys.stdin:
                r = json.loads(line)
                if r.get("cancel"): say({"requestId": r["requestId"], "wasCancelled": True})
                elif not r["parameters"]["hang"]: say({"requestId": r["requestId"]})
            """)
        nodes = [self.request("hang", {"hang": True}, timeout_s=0.2),
                 self.request("later", {"hang": False})]
        program_nodes = nodes + [shell("wait", "sleep 0.5"), self.request("last", {"hang": False}, arguments=["wait"])]
        answer = self.run_workers(worker, program_nodes, "--keep-going", code=1)
        self.assertEqual(answer.node("hang")["class"], "timeout")
        self.assertEqual(answer.document["completed_nodes"], 3)
        self.assertEqual(len(self.lines("pids")), 1)

    def test_one_that_never_reads_blocks_nobody(self):
        worker = self.worker("time.sleep(1000)", inline=True, max_batch=64)
        text = "x" * 60000
        nodes = [self.request(f"n{i}", {"text": text}, timeout_s=0.3) for i in range(40)]
        answer = self.run_workers(worker, nodes + [shell("free", "echo runs")], "--keep-going", "-j2",
                                  code=1)
        self.assertEqual(answer.text("free"), "runs\n")
        self.assertEqual({answer.node(f"n{i}")["class"] for i in range(40)}, {"timeout"})


class EndTest(WorkerTest):
    HANGING = """
        note("pids")
        for line in sys.stdin:
            note("asked")
        """

    def start(self, worker, nodes, *options):
        self.world.program(nodes, workers={"w": worker})
        running = self.world.start("program.json", *options)
        harness.wait_for(lambda: self.lines("asked"), "the request")
        return running

    def gone(self):
        pids = {int(line.split()[0]) for line in self.lines("pids")}
        harness.wait_for(lambda: not any(harness.is_alive(pid) for pid in pids), "the worker's end")

    def test_kill_of_the_runner_ends_the_worker(self):
        running = self.start(self.worker(self.HANGING), [self.request("r")])
        running.signal(signal.SIGKILL)
        running.end()
        self.gone()

    def test_signals_end_the_worker(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            running = self.start(self.worker(self.HANGING), [self.request("r")])
            running.signal(number)
            done = running.end()
            self.assertEqual(done.code, code, repr(done))
            self.gone()
            for name in ("asked", "pids"):
                os.remove(self.path(name))

    def test_cancel_of_the_execution_ends_the_worker(self):
        running = self.start(self.worker(self.HANGING), [self.request("r")])
        self.run_tool("@latest", tool=harness.CANCEL)
        self.assertEqual(running.end().code, 6)
        self.gone()

    def test_worker_ends_with_the_execution_even_if_it_does_not_want_to(self):
        worker = self.worker("""
            note("pids")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            serve(lambda r: {})
            time.sleep(1000)
            """)
        self.run_workers(worker, [self.request("r")])
        self.gone()

    def test_idle_worker_ends_and_comes_back(self):
        worker = self.worker("note('pids')\nserve(lambda r: {})", idle_timeout_s=0.1)
        wait = "until [ $(wc -l < pids) = 1 ] && ! kill -0 $(cat pids) 2>&-; do sleep 0.02; done"
        nodes = [self.request("a"), shell("wait", wait, arguments=["a"]),
                 self.request("b", arguments=["wait"])]
        self.run_workers(worker, nodes)
        self.assertEqual(len(self.lines("pids")), 2)

    def test_worker_starts_when_it_is_first_asked(self):
        worker = self.worker("note('pids')\nserve(lambda r: {})")
        self.run_workers(worker, [shell("a", "test ! -e pids"), self.request("b", arguments=["a"])])
        self.assertEqual(len(self.lines("pids")), 1)
        os.remove(self.path("pids"))
        self.run_workers(worker, [shell("a", ":")])
        self.assertEqual(self.lines("pids"), [])


if __name__ == "__main__":
    harness.main()
