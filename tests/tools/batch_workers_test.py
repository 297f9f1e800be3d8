# SPDX-License-Identifier: Apache-2.0
"""dsched-run --batch --workers: requests of a batch that persistent workers serve."""

import json
import os
import signal
import subprocess

import batch_support
import harness
import worker_support
from batch_support import const, sh


class WorkerBatchTest(batch_support.BatchTest):
    def worker(self, code, **fields):
        return worker_support.write_worker(self.world, code, **fields)

    def declare(self, *declared, **named):
        workers = dict(named)
        if declared:
            workers["w"] = declared[0]
        self.write("workers.json", json.dumps(workers))

    def ask(self, worker, requests, *options, **more):
        self.declare(worker)
        return self.batch(requests, "--workers", "workers.json", *options, **more)

    def start(self, worker, requests, *options, **popen):
        self.declare(worker)
        self.write("in.jsonl", batch_support.lines_of(requests))
        return self.world.start("--batch", "in.jsonl", "--workers", "workers.json", *options, **popen)

    def lines(self, name):
        return self.world.lines(name)

    def pids(self):
        return {int(line.split()[0]) for line in self.lines("pids")}

    def gone(self):
        harness.wait_for(lambda: not any(harness.is_alive(pid) for pid in self.pids()),
                         "the worker's end")

    def statistics(self):
        done = self.run_tool("statistics", tool=harness.STATS, env={"DSCHED_FORMAT": "json"})
        return json.loads(done.out)


def w(arguments=None, **fields):
    return batch_support.request("w", arguments, **fields)


class Served(WorkerBatchTest):
    def test_requests_of_all_kinds_stand_side_by_side(self):
        worker = self.worker("note('pids')\nserve(lambda r: {'output': open(r['arguments'][0]).read()})")
        answers = self.ask(worker, [w(["one"]), sh("echo two"), const("three"), w(["four"])])
        self.assertEqual([answers.text(i) for i in (1, 2, 3, 4)], ["one", "two\n", "three", "four"])
        self.assertEqual(len(self.pids()), 1)
        self.gone()

    def test_a_request_says_what_is_asked(self):
        self.write("file.txt", b"f\xffle")
        self.write("large.txt", "x" * 70000)
        stored = self.batch([const("stored")])[1]["result"]["key"]
        arguments = ["h\u00e4", {"base64": "/wE="}, {"path": "file.txt"}, {"key": stored}, [1, {"b": 2}],
                     {"path": "large.txt"}, "y" * 70000]
        worker = self.worker("""
            serve(lambda r: {"result": [r, [open(p, 'rb').read().hex()[:6] for p in r["arguments"]
                                            if isinstance(p, str)]]})
            """, inline=True)
        asked, files = json.loads(self.ask(worker, [w(arguments, b=1, a=[2])]).text(1))
        self.assertGreater(asked.pop("requestId"), 0)
        paths = [asked["arguments"].pop(5) for _ in range(2)]
        self.assertEqual(asked, {"arguments": [{"text": "h\u00e4"}, {"base64": "/wE="},
                                               {"base64": "Zv9sZQ=="}, {"text": "stored"},
                                               {"text": '[1,{"b":2}]'}],
                                 "inputs": [], "parameters": {"a": [2], "b": 1}})
        self.assertTrue(all(os.path.isabs(path) for path in paths))
        self.assertEqual(files, ["787878", "797979"])
        as_files = self.worker("""
            serve(lambda r: {"result": [open(p, 'rb').read().hex() for p in r["arguments"]]})
            """)
        read = json.loads(self.ask(as_files, [w(arguments[:4])]).text(1))
        self.assertEqual([bytes.fromhex(one) for one in read],
                         ["h\u00e4".encode(), b"\xff\x01", b"f\xffle", b"stored"])

    def test_results_tokens_and_logs_are_in_the_answers(self):
        self.write("file.bin", b"\x00" * 5)
        worker = self.worker("""
            def answer(r):
                sys.stderr.write("said\\n"); sys.stderr.flush()
                return {"json": {"result": {"b": 1, "a": 2}, "tokens": 12},
                        "file": {"result": {"path": "file.bin"}},
                        "bad": {"exitCode": 3, "output": "why"}}[r["parameters"]["kind"]]
            serve(answer)
            """, max_batch=1)
        answers = self.ask(worker, [w(kind=kind, request_id=kind) for kind in ("json", "file", "bad")],
                           code=1)
        self.assertEqual((answers.text("json"), answers["json"]["tokens"]), ('{"a":2,"b":1}', 12))
        self.assertEqual(answers["json"]["log"], "said\n")
        self.assertEqual(answers["file"]["result"]["size"], 5)
        self.assertNotIn("tokens", answers["file"])
        error = answers["bad"]["error"]
        self.assertEqual((error["class"], error["exit_code"], error["message"], error["output"]),
                         ("exit", 3, "worker w: exit 3", "why"))

    def test_batches_fill_up_in_one_slot_and_count(self):
        worker = self.worker(worker_support.BY_FOUR, max_batch=4)
        answers = self.ask(worker, [w() for _ in range(16)], "-j1")
        self.assertEqual(len({answers.text(i) for i in range(1, 17)}), 1)
        figures = self.statistics()
        self.assertEqual(figures["total_completed_requests"], 16)
        self.assertGreater(figures["average_batch_utilization"], 0.5)
        self.assertLessEqual(figures["average_batch_utilization"], 1)
        self.assertGreater(figures["average_tokens_per_second"], 0)
        of_worker = json.loads(self.run_tool("statistics", "--operation", "w", tool=harness.STATS,
                                             env={"DSCHED_FORMAT": "json"}).out)
        self.assertEqual(of_worker["total_requests"], 16)

    def test_no_more_than_max_batch_are_in_flight_and_the_next_joins_at_once(self):
        worker = self.worker("""
            open_ = []
            for line in sys.stdin:
                open_.append(json.loads(line))
                note("load", len(open_))
                if len(open_) < 3 and open_[-1]["parameters"]["i"] != 7: continue
                one = open_.pop(0)
                say({"requestId": one["requestId"]})
                if one["parameters"]["i"] < 5: continue
                while open_: say({"requestId": open_.pop(0)["requestId"]})
            """, max_batch=3)
        self.ask(worker, [w(i=i) for i in range(8)], "--ordered")
        loads = [int(line.split()[1]) for line in self.lines("load")]
        self.assertEqual(max(loads), 3)
        self.assertEqual(loads[:5], [1, 2, 3, 3, 3])

    def test_admission_goes_by_priority_then_arrival(self):
        worker = self.worker("""
            for line in sys.stdin:
                r = json.loads(line)
                note("order", r["parameters"]["i"])
                while not os.path.exists("go"): time.sleep(0.01)
                say({"requestId": r["requestId"]})
            """, max_batch=1)
        self.declare(worker)
        running = self.world.start("--batch", "--workers", "workers.json", "-j1",
                                   stdin=subprocess.PIPE)
        levels = ["low", "normal", "low", 8, "low", "urgent", 8]
        requests = [w(i=i, priority=level) for i, level in enumerate(levels)]
        for some, holds in ((requests[:1], lambda: self.lines("order")),
                            (requests[1:], lambda: self.queued() == 6)):
            running.process.stdin.write(batch_support.lines_of(some))
            running.process.stdin.flush()
            harness.wait_for(holds, "the requests to be read")
        self.write("go", "")
        running.process.stdin.close()
        running.process.stdin = None
        self.assertEqual(running.end().code, 0)
        self.assertEqual([int(line.split()[1]) for line in self.lines("order")],
                         [0, 5, 3, 6, 1, 2, 4])

    def queued(self):
        status = self.run_tool("status", tool=harness.STATS, env={"DSCHED_FORMAT": "json"})
        return json.loads(status.out)["queued_requests"]

    def test_instances_share_the_work(self):
        worker = self.worker("""
            note("pids")
            while len(open("pids").read().splitlines()) < 2: time.sleep(0.01)
            serve(lambda r: {"output": str(os.getpid())})
            """, instances=2, max_batch=2)
        answers = self.ask(worker, [w() for _ in range(4)], "-j2")
        self.assertEqual(len({answers.text(i) for i in range(1, 5)}), 2)

    def test_several_workers_have_requests_of_their_own(self):
        one = self.worker("serve(lambda r: {'output': sys.argv[1]})")
        other = dict(one, command=one["command"] + ["other"])
        self.declare(a=dict(one, command=one["command"] + ["one"]), b=other)
        answers = self.batch([batch_support.request(name) for name in "abab"],
                             "--workers", "workers.json")
        self.assertEqual([answers.text(i) for i in (1, 2, 3, 4)], ["one", "other"] * 2)

    def test_sequential_asks_one_after_another(self):
        worker = self.worker("""
            for line in sys.stdin:
                note("order", json.loads(line)["parameters"]["i"])
                time.sleep(0.01)
                say({"requestId": json.loads(line)["requestId"]})
            """, max_batch=8)
        answers = self.ask(worker, [w(i=i, priority=i) for i in range(5)], "--sequential")
        self.assertEqual(answers.ids, [1, 2, 3, 4, 5])
        self.assertEqual([line.split()[1] for line in self.lines("order")], list("01234"))

    def test_an_idle_worker_ends_and_comes_back(self):
        worker = self.worker("note('pids')\nserve(lambda r: {})", idle_timeout_s=0.1)
        self.declare(worker)
        running = self.world.start("--batch", "--workers", "workers.json", stdin=subprocess.PIPE)
        for served in (1, 2):
            running.process.stdin.write(batch_support.lines_of([w()]))
            running.process.stdin.flush()
            harness.wait_for(lambda: len(self.pids()) == served, "the worker")
            self.gone()
        running.process.stdin.close()
        running.process.stdin = None
        self.assertEqual(batch_support.Answers(running.end()).reasons(), {"completed": 2})

    def test_a_worker_that_nobody_asks_is_not_started(self):
        worker = self.worker("note('pids')\nserve(lambda r: {})")
        self.ask(worker, [const(1)])
        self.assertEqual(self.lines("pids"), [])


class Faults(WorkerBatchTest):
    """Only what is in flight fails, with its class and cause, and the next request is served."""

    def check_lost(self, code, cause):
        worker = self.worker("first = not os.path.exists('pids')\nnote('pids')\n" + code +
                             "\nserve(lambda r: {'output': 'fine'})\n", max_batch=1)
        answers = self.ask(worker, [w(), w()], code=1)
        self.assertEqual(answers[1]["error"]["class"], "lost")
        self.assertRegex(answers[1]["error"]["message"], "^worker w: " + cause)
        self.assertEqual(answers.text(2), "fine")
        os.remove(self.world.path("pids"))
        again = self.ask(worker, [w()], "--retries", "1")
        self.assertEqual((again.text(1), again[1]["attempts"]), ("fine", 2))
        os.remove(self.world.path("pids"))

    def test_a_crash(self):
        self.check_lost("if first: sys.stdin.readline(); os.kill(os.getpid(), 9)", r"signal 9 \(KILL\)$")

    def test_garbage(self):
        self.check_lost("if first: sys.stdin.readline(); os.write(1, b'\\xff{{{\\n'); time.sleep(100)",
                        r"wrote a line that is no answer")

    def test_an_answer_to_nobody(self):
        self.check_lost("if first: sys.stdin.readline(); say({'requestId': 99})",
                        "answered request 99, which is not in flight$")

    def test_a_crash_takes_all_in_flight_and_nobody_else(self):
        worker = self.worker("""
            held = []
            for line in sys.stdin:
                held.append(json.loads(line))
                if len(held) < 3: continue
                if held[0]["parameters"]["bad"]: os._exit(9)
                for one in held: say({"requestId": one["requestId"]})
                held = []
            """, max_batch=3)
        answers = self.ask(worker, [w(bad=True)] * 3 + [w(bad=False)] * 3 + [sh("echo on")], "-j1",
                           code=1)
        self.assertEqual([answers[i]["error"]["class"] for i in (1, 2, 3)], ["lost"] * 3)
        self.assertEqual(answers.reasons(), {"failed": 3, "completed": 4})

    def test_a_hang_is_a_timeout_and_takes_nobody_along(self):
        worker = self.worker("""
            note("pids")
            for line in sys.stdin:
                r = json.loads(line)
                if r.get("cancel"): note("cancel", r["requestId"])
                elif r["parameters"]["hang"]: note("hang", r["requestId"])
                elif len(open("pids").read().splitlines()) > 1: say({"requestId": r["requestId"]})
            """)
        answers = self.ask(worker, [w(hang=True, timeout_s=0.2), w(hang=False)], code=1)
        self.assertEqual(answers[1]["completion_reason"], "timeout")
        self.assertEqual(answers[1]["error"]["message"], "timeout after 0.2s")
        self.assertEqual((answers[2]["success"], answers[2]["attempts"]), (True, 2))
        number = self.lines("hang")[0].split()[1]
        self.assertEqual([line.split()[1] for line in self.lines("cancel")], [number])

    def test_a_missing_executable_is_not_found(self):
        answers = self.ask({"command": ["./none"]}, [w(), const(1)], "--retries", "3", code=1)
        error = answers[1]["error"]
        self.assertEqual((error["class"], error["message"]),
                         ("not_found", "worker w: ./none: no such file or directory"))

    def test_arguments_that_are_not_there_fail_their_request_alone(self):
        worker = self.worker("serve(lambda r: {'output': 'x'})", inline=True)
        answers = self.ask(worker, [w([{"path": "none"}]), w([{"key": "0" * 64}]), w(["a"])], code=1)
        self.assertEqual([answers[i]["error"]["class"] for i in (1, 2)], ["not_found", "not_found"])
        self.assertEqual(answers.text(3), "x")

    def test_malformed_requests_fail_alone(self):
        worker = self.worker("serve(lambda r: {'output': 'x'})")
        text = (b'{"operation": "w", "parameters": [1]}\n{"operation": "w"\n{"operation": "w",'
                b' "inputs": []}\n{"operation": "w"}\n{"operation": "wo"}\n')
        answers = self.ask(worker, text, code=1)
        self.assertEqual(answers.text(4), "x")
        self.assertEqual({answers[i]["error"]["kind"] for i in (1, 2, 3, 5)}, {"invalid_request"})
        self.assertEqual(answers[5]["error"]["hint"], "did you mean w?")


class Ends(WorkerBatchTest):
    HANGING = """
        note("pids")
        for line in sys.stdin:
            r = json.loads(line)
            note("cancel" if r.get("cancel") else "asked")
            if r.get("cancel"): say({"requestId": r["requestId"], "wasCancelled": True})
        """

    def hang(self, count, *options):
        running = self.start(self.worker(self.HANGING, max_batch=4), [w()] * count, *options)
        harness.wait_for(lambda: len(self.lines("asked")) == min(count, 4), "the requests")
        return running

    def test_signals_answer_everything_and_end_the_worker(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            with self.subTest(number):
                running = self.hang(10000)
                running.signal(number)
                done = running.end()
                self.assertEqual(done.code, code, repr(done)[-500:])
                self.assertEqual(batch_support.Answers(done).reasons(),
                                 {"cancelled": 4, "skipped": 9996})
                self.gone()
                for name in ("asked", "pids"):
                    os.remove(self.world.path(name))

    def test_a_killed_batch_leaves_no_worker(self):
        running = self.hang(2)
        running.signal(signal.SIGKILL)
        running.end()
        self.gone()

    def test_one_request_can_be_cancelled_and_the_worker_lives_on(self):
        running = self.hang(5)
        self.run_tool("@latest/2", tool=harness.CANCEL)
        harness.wait_for(lambda: len(self.lines("asked")) == 5, "the fifth request")
        self.assertEqual(len(self.lines("cancel")), 1)
        self.run_tool("@latest", tool=harness.CANCEL)
        done = running.end()
        self.assertEqual((done.code, batch_support.Answers(done).reasons()), (6, {"cancelled": 5}))
        self.assertEqual(len(self.pids()), 1)

    def test_fail_fast_lets_what_is_in_flight_end(self):
        worker = self.worker("""
            held = []
            for line in sys.stdin:
                held.append(json.loads(line))
                if len(held) < 2: continue
                say({"requestId": held[0]["requestId"], "exitCode": 1})
                time.sleep(0.1)
                say({"requestId": held[1]["requestId"]})
                held = []
            """, max_batch=2)
        answers = self.ask(worker, [w()] * 6, "--fail-fast", code=1)
        self.assertEqual(answers.reasons(), {"failed": 1, "completed": 1, "skipped": 4})

    def test_a_batch_that_is_held_keeps_its_worker_still(self):
        worker = self.worker("note('pids')\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
                             "serve(lambda r: {})")
        running = self.start(worker, [w()])
        self.wait_for_file("pids")
        self.run_tool("--pause", "@latest", tool=harness.CANCEL)
        self.write("go", "")
        pid = self.pids().pop()
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            self.assertEqual(stat.read().rsplit(")", 1)[1].split()[0], "T")
        self.run_tool("--continue", "@latest", tool=harness.CANCEL)
        self.assertEqual(running.end().code, 0)


class Refused(WorkerBatchTest):
    def test_a_faulty_file_is_refused_before_anything_runs(self):
        self.write("workers.json", '{"w": {"comand": ["x"]},\n "shell": {"command": ["x"]}}')
        done = self.run_tool("--batch", "--workers", "workers.json", code=2,
                             env={"DSCHED_FORMAT": "json"})
        details = done.document["error"]["details"]
        self.assertEqual([one["code"] for one in details][:1], ["unknown_field"])
        self.assertEqual(details[-1]["line"], 2)
        self.assertFalse(self.exists(".dsched"))

    def test_a_file_that_is_not_there(self):
        done = self.run_tool("--batch", "--workers", "none.json", code=2)
        self.assertIn("none.json", done.err)

    def test_only_batches_have_workers_of_a_file(self):
        self.declare({"command": ["x"]})
        self.world.program([harness.const("a", "x")])
        self.assertIn("--workers", self.run_tool("program.json", "--workers", "workers.json", code=2).err)
        each = self.run_tool("--workers", "workers.json", "--each", "echo", ":::", "a", code=2)
        self.assertIn("--workers", each.err)
        both = self.run_tool("--batch", "--workers", "-", code=2)
        self.assertIn("standard input", both.err)

    def test_the_workers_may_come_from_standard_input(self):
        worker = self.worker("serve(lambda r: {'output': 'x'})")
        self.write("in.jsonl", batch_support.lines_of([w()]))
        done = self.run_tool("--batch", "in.jsonl", "--workers", "-",
                             stdin_bytes=json.dumps({"w": worker}).encode())
        self.assertEqual(batch_support.Answers(done).text(1), "x")


if __name__ == "__main__":
    harness.main()
