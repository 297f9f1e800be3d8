# SPDX-License-Identifier: Apache-2.0
"""dsched-stats status, scheduler, statistics, wait and explain."""

import os
import signal

import harness
from harness import const, shell
from stats_support import StatsTest


class Load(StatsTest):
    def held(self, *nodes, options=(), **top):
        """Starts nodes of which the first makes the file `here` and waits for `go`."""
        first = shell("first", "touch here; " + harness.waits("go"), **top.pop("first", {}))
        self.world.program([first, *nodes], **top)
        running = self.world.start("program.json", *options)
        self.wait_for_file("here")
        harness.wait_for(lambda: self.executions("--status", "running"), "a record of it")
        return running

    def go(self, running, code=0):
        self.write("go", "")
        self.assertEqual(running.end().code, code)

    def status(self):
        return self.document("stats-status", "status")

    def statistics(self, *options):
        return self.document("stats-statistics", "statistics", *options)

    def wait(self, *options):
        return self.document("stats-wait", "wait", *options)["estimated_wait_s"]

    def explain(self, *options):
        return {line["node_id"]: line
                for line in self.lines("stats-explain", "explain", *options)}


class Empty(Load):
    def test_without_a_store_everything_is_zero_and_nothing_is_made(self):
        status = self.status()
        self.assertFalse(status["is_running"])
        for name in ("active_requests", "queued_requests", "completed_requests",
                     "slot_utilization"):
            self.assertEqual(status[name], 0, name)
        statistics = self.statistics()
        self.assertEqual(statistics["total_requests"], 0)
        for name in ("p50_latency_ms", "p95_latency_ms", "p99_latency_ms", "start_time",
                     "average_tokens_per_second", "average_batch_utilization"):
            self.assertIsNone(statistics[name], name)
        self.assertIsNone(self.wait())
        scheduler = self.document("stats-scheduler", "scheduler")
        self.assertEqual(scheduler["processes"], [])
        self.assertEqual(scheduler["stats"]["active_processes"], 0)
        self.assertEqual(scheduler["stats"]["policy"], "Fair")
        self.assertEqual(scheduler["stats"]["quantum_micros"], 100_000)
        self.assertEqual(self.error("explain", code=1)["kind"], "not_found")
        self.assertFalse(self.exists(".dsched"))
        self.assertEqual(os.listdir(self.world.root / "machine"), [])

    def test_usage(self):
        for words in (("statistics", "--since", "yesterday"), ("wait", "--priority", "15"),
                      ("wait", "--priority", "soon"), ("log", "1", "--attempt", "1"),
                      ("log", "1/a", "--follow")):
            with self.subTest(words):
                self.assertEqual(self.error(*words, code=2)["kind"], "usage")
        self.assertIn("Priority 15 exceeds maximum (10)",
                      self.error("wait", "--priority", "15", code=2)["message"])

    def test_text(self):
        self.run_nodes()
        for words, says in ((("status",), b"idle: 0 active, 0 queued"),
                            (("statistics",), b" requests: "),
                            (("scheduler",), b"Fair, quantum 0.1s"),
                            (("wait",), b"unknown: nothing was measured yet\n")):
            self.assertIn(says, self.stats(*words, "--format", "text").out)


class Scheduler(Load):
    def scheduler(self):
        return self.document("stats-scheduler", "scheduler")

    def test_who_runs_holds_slots_and_is_current(self):
        running = self.held(options=["-j", "1", "--priority", "high"])
        found = harness.wait_for(
            lambda: (lambda s: s if any(p["slots_held"] for p in s["processes"]) else None)(
                self.scheduler()), "a lease")
        self.assertEqual(found["stats"]["active_processes"], 1)
        self.assertGreater(found["stats"]["total_scheduled"], 0)
        (process,) = found["processes"]
        self.assertEqual(process["pid"], running.pid)
        self.assertEqual(process["execution_id"], self.executions()[0]["execution_id"])
        self.assertEqual((process["priority"], process["effective_priority"]), (8, 8))
        self.assertEqual(process["slots_held"], 1)
        self.assertTrue(process["is_current"])
        self.assertGreater(self.status()["slot_utilization"], 0)
        self.go(running)
        found = self.scheduler()
        self.assertEqual(found["processes"], [])
        self.assertEqual(found["stats"]["active_processes"], 0)
        self.assertEqual(self.status()["slot_utilization"], 0)

    def test_two_at_a_time_and_one_that_is_killed(self):
        one = self.held()
        other = self.world.start("program.json", "--no-cache")
        found = harness.wait_for(
            lambda: (lambda s: s if len(s["processes"]) == 2 else None)(self.scheduler()),
            "two of them")
        self.assertEqual({p["pid"] for p in found["processes"]}, {one.pid, other.pid})
        self.assertEqual(sum(p["is_current"] for p in found["processes"]), 1)
        one.signal(signal.SIGKILL)
        one.end()
        self.assertEqual([p["pid"] for p in self.scheduler()["processes"]], [other.pid])
        self.assertEqual([e["status"] for e in self.executions()], ["running", "interrupted"])
        self.go(other)

    def test_policy_is_that_of_the_machine(self):
        policy = str(harness.BUILD / "bin" / "dsched-policy")
        self.world.run("set", "rr", "--quantum", "50ms", "--slots", "3", tool=policy)
        found = self.scheduler()["stats"]
        self.assertEqual((found["policy"], found["quantum_micros"]), ("RoundRobin", 50_000))
        self.assertEqual(self.status()["slots"], 3)


class Status(Load):
    def test_of_a_running_execution(self):
        running = self.held(shell("second", "true", arguments=["first"]))
        status = harness.wait_for(
            lambda: (lambda s: s if s["active_requests"] else None)(self.status()), "news of it")
        self.assertTrue(status["is_running"])
        self.assertEqual((status["active_requests"], status["queued_requests"]), (1, 1))
        self.assertGreater(status["slot_utilization"], 0)
        self.go(running)
        status = self.status()
        self.assertFalse(status["is_running"])
        self.assertEqual((status["active_requests"], status["queued_requests"]), (0, 0))
        self.assertEqual(status["completed_requests"], 2)

    def test_a_killed_runner_has_nothing_queued(self):
        running = self.held(shell("second", "true", arguments=["first"]))
        running.signal(signal.SIGKILL)
        running.end()
        status = self.status()
        self.assertFalse(status["is_running"])
        self.assertEqual((status["active_requests"], status["queued_requests"]), (0, 0))


class Statistics(Load):
    def sum_of(self, statistics, status):
        names = ("completed", "failed", "cancelled")
        return (sum(statistics[f"total_{name}_requests"] for name in names)
                + status["active_requests"] + status["queued_requests"])

    def test_what_became_of_requests(self):
        self.run_nodes(shell("a", "true", inputs=[]), shell("bad", "exit 1"),
                       shell("c", "true", arguments=["bad"]), options=["-k"], code=1)
        self.again("-k", code=1)
        found = self.statistics()
        self.assertEqual(found["total_completed_requests"], 2)
        self.assertEqual(found["total_reused"], 1)
        self.assertEqual(found["total_failed_requests"], 2)
        self.assertEqual(found["total_cancelled_requests"], 2)
        self.assertEqual(found["total_requests"], 6)
        self.assertLessEqual(found["p50_latency_ms"], found["p99_latency_ms"])
        self.assertLessEqual(found["queue_time_ms"]["p50"], found["queue_time_ms"]["p99"])
        self.assertGreater(found["average_requests_per_second"], 0)
        self.assertGreater(found["total_processing_time_s"], 0)

    def test_of_one_operation(self):
        self.run_nodes(shell("a", "true"), shell("b", "true"), const("k", 1))
        self.assertEqual(self.statistics("--operation", "shell")["total_requests"], 2)
        self.assertEqual(self.statistics("--operation", "const")["total_requests"], 1)
        self.assertEqual(self.statistics("--operation", "exec")["total_requests"], 0)

    def test_since(self):
        self.run_nodes(shell("a", "true"))
        self.assertEqual(self.statistics("--since", "1h")["total_requests"], 1)
        self.assertEqual(self.statistics("--since", "2020-01-01T00:00:00Z")["total_requests"], 1)
        later = self.statistics("--since", "2099-01-01T00:00:00Z")
        self.assertEqual(later["total_requests"], 0)
        self.assertIsNone(later["p50_latency_ms"])

    def test_the_sum_is_the_total_while_something_runs_and_after_a_kill(self):
        running = self.held(shell("second", "true", arguments=["first"]), shell("third", "true"))
        # Figures come a little later than the nodes end.
        found = harness.wait_for(
            lambda: (lambda s: s if s["total_requests"] == 3 else None)(self.statistics()),
            "figures of it")
        self.assertEqual(self.sum_of(found, self.status()), 3)
        running.signal(signal.SIGKILL)
        running.end()
        found = self.statistics()
        self.assertEqual(self.sum_of(found, self.status()), found["total_requests"])
        self.assertLess(found["total_requests"], 3)

    def test_queued_ones_of_one_operation(self):
        running = self.held(shell("second", "true", arguments=["first"]), const("k", 1))
        self.assertEqual(self.statistics("--operation", "shell")["total_requests"], 2)
        self.go(running)


class Wait(Load):
    def test_unknown_until_something_was_measured(self):
        self.run_nodes()
        self.assertIsNone(self.wait())
        self.run_nodes(shell("a", "true"))
        self.assertEqual(self.wait(), 0)
        self.assertEqual(self.wait("--priority", "urgent"), 0)


    def test_what_is_ahead_takes_as_long_as_it_took_before(self):
        policy = str(harness.BUILD / "bin" / "dsched-policy")
        self.world.run("set", "--slots", "1", tool=policy)
        self.run_nodes(shell("first", "sleep 0.2"), shell("second", "sleep 0.2"))
        running = self.held(shell("second", "sleep 0.2"), options=["--no-cache"])
        waits = harness.wait_for(self.wait, "news of what is ahead")
        self.assertLess(waits, 60)
        self.go(running)
        self.assertEqual(self.wait(), 0)


class Explain(Load):
    def test_dependencies_pools_and_slots(self):
        running = self.held(shell("next", "true", arguments=["first"]),
                            shell("pooled", "true", pool="one"),
                            first={"pool": "one"}, pools={"one": 1}, options=["-j", "8"])
        found = harness.wait_for(
            lambda: (lambda e: e if e.get("pooled", {}).get("waits_for") == "pool" else None)(
                self.explain()), "news of the pool")
        self.assertEqual(sorted(found), ["next", "pooled"])
        self.assertEqual(found["next"]["waits_for"], "dependency")
        self.assertEqual(found["next"]["nodes"], ["first"])
        self.assertEqual(found["pooled"]["pool"], "one")
        self.assertEqual(list(self.explain("@latest", "next")), ["next"])
        self.assertEqual(self.explain("1", "first"), {})
        self.assertEqual(self.error("explain", "1", "none", code=1)["kind"], "not_found")
        self.go(running)
        self.assertEqual(self.explain(), {})

    def test_a_failed_execution_never_came_to_the_rest(self):
        self.run_nodes(shell("bad", "exit 1", priority="urgent"), shell("more", "true"),
                       options=["-j", "1"], code=1)
        found = self.explain()
        for line in found.values():
            self.assertEqual(line["waits_for"], "ended")

    def test_a_runner_that_is_gone(self):
        running = self.held(shell("second", "true", arguments=["first"]))
        running.signal(signal.SIGKILL)
        running.end()
        found = self.explain()
        self.assertEqual(found["second"]["waits_for"], "runner")
        self.assertIn("dsched-run --resume 1", found["second"]["explanation"])

    def test_decisions(self):
        running = self.held(first={"idempotent": False})
        running.signal(signal.SIGKILL)
        running.end()
        self.run_tool("--resume", "1", code=3)
        self.assertEqual(self.explain()["first"]["waits_for"], "decision")


class DetachedLog(Load):
    def test_log_of_an_execution(self):
        self.run_nodes(const("x", 1))
        error = self.error("log", "1", code=1)
        self.assertIn("has no log of its own", error["message"])
        self.world.program([shell("a", "touch here; " + harness.waits("go"))])
        self.run_tool("--detach", "program.json")
        self.wait_for_file("here")
        following = self.world.start("log", "@latest", "--follow", tool=harness.STATS)
        self.write("go", "")
        done = following.end()
        self.assertEqual(done.code, 0, repr(done))
        self.assertIn(b"completed", done.out)
        self.assertEqual(self.stats("log", "2").out, done.out)


if __name__ == "__main__":
    harness.main()
