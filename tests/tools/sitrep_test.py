# SPDX-License-Identifier: Apache-2.0
"""dsched-stats sitrep: figures, health, what stands still, and actions that help when pasted."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time

import harness
import stats_support
from harness import RUN, shell, waits


class SitrepTest(stats_support.StatsTest):
    def sitrep(self, *arguments, **options):
        return self.document("stats-sitrep", "sitrep", *arguments, **options)

    def run_program(self, *nodes, options=(), code=0, name="program.json", **top):
        self.world.program(list(nodes), name=name, **top)
        return self.run_tool(name, *options, code=code)

    def paste(self, command):
        environment = {**self.world.environment,
                       "PATH": f"{os.path.dirname(RUN)}:{self.world.environment['PATH']}"}
        done = subprocess.run(["sh", "-c", command], cwd=self.world.folder, env=environment,
                              capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")

    def still(self, report):
        return [(s["execution"], s["reason"]) for s in report["standing_still"]]

    def act_on_all(self, *arguments):
        """Pastes every action; none of them is suggested again. What is left to report."""
        report = self.sitrep(*arguments)
        self.assertNotEqual(report["immediate_actions"], [])
        for action in report["immediate_actions"]:
            self.paste(action["command"])
        after = self.sitrep(*arguments)
        self.assertEqual(after["immediate_actions"], [])
        return after


    def paste_until_completed(self, count):
        def news():
            report = self.sitrep()
            is_done = report["task_metrics"]["completed_tasks"] == count
            return report if is_done or report["immediate_actions"] else None
        for _ in range(9):
            report = harness.wait_for(news, "an action, or the end")
            if not report["immediate_actions"]:
                return
            self.paste(report["immediate_actions"][0]["command"])
        self.fail("there is no end of actions")


class Figures(SitrepTest):
    def test_nothing_yet(self):
        report = self.sitrep()
        self.assertEqual((report["health_status"], report["defense_level"]),
                         ("healthy", "PREVENTION"))
        self.assertEqual(report["task_metrics"]["success_rate"], 1.0)
        self.assertFalse(self.exists(".dsched"))

    def test_all_is_well(self):
        self.run_program(shell("a", "echo a"), shell("b", "echo b"))
        report = self.sitrep("--recent", "1")
        self.assertEqual(report["health_status"], "healthy")
        self.assertEqual(report["task_metrics"]["completed_tasks"], 2)
        self.assertEqual((len(report["recent_tasks"]), report["coverage_metrics"]["blocks_total"]),
                         (1, 0))
        self.assertEqual((report["immediate_actions"], report["standing_still"]), ([], []))

    def test_failures_degrade(self):
        self.run_program(shell("bad", "echo " + "x" * 300 + "; exit 3"),
                         shell("victim", ":", arguments=["bad"]), shell("good", ":"),
                         options=("-k",), code=1)
        report = self.sitrep()
        self.assertEqual(report["health_status"], "degraded")
        metrics, coverage = report["task_metrics"], report["coverage_metrics"]
        self.assertEqual((metrics["total_tasks"], metrics["failed_tasks"],
                          metrics["success_rate"]), (3, 1, 0.5))
        self.assertEqual((coverage["blocks_total"], coverage["blocks_covered"],
                          coverage["critical_gaps"], coverage["coverage_rate"]), (2, 1, 1, 0.5))
        self.assertEqual((report["defense_level"], report["crisis_mode"]), ("EMERGENCY", False))
        self.assertEqual(self.still(report), [(1, "dependency_failed")])
        self.assertIn("bad (exit 3)", report["standing_still"][0]["explanation"])
        failed = [t for t in report["recent_tasks"] if t["status"] == "failed"]
        self.assertEqual([t["error_message"] for t in failed], ["exit 3"])
        self.assertEqual(len(failed[0]["description"]), 200)

    def test_a_store_that_cannot_be_read(self):
        self.run_program(shell("a", ":"))
        os.chmod(self.world.path(".dsched"), 0o777)
        report = self.sitrep(code=4)
        self.assertEqual(report["health_status"], "unknown")

    def test_one_screen_of_text(self):
        for i in range(30):
            self.run_program(shell("bad", "kill -9 $$"), name=f"p{i}.json", code=1)
        done = self.stats("sitrep", "--format", "text")
        self.assertEqual(done.out.decode().split("\n")[0].split(",")[0], "degraded")
        self.assertGreater(done.out.count(b"\n"), 30)
        self.assertEqual(self.stats("sitrep", "--watch", code=2).code, 2)
        for rows, columns in ((24, 80), (12, 40), (5, 20), (200, 30)):
            lines = self.in_terminal(rows, columns)
            used = sum(max(1, -(-len(line) // columns)) for line in lines)
            self.assertLess(used, rows, lines)
            self.assertEqual(lines[0][:8], "degraded")
            commands = [line.strip() for line in lines if "dsched-fixit" in line]
            self.assertTrue(all(c in done.out.decode() for c in commands), "pasted whole")

    def in_terminal(self, rows, columns):
        """The lines of the report in a terminal of that size."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        running = self.world.start("sitrep", "--color", "never", tool=harness.STATS,
                                   stdout=theirs, env={"TERM": "xterm"})
        os.close(theirs)
        shown = harness.read_terminal(ours)
        os.close(ours)
        self.assertEqual(running.process.wait(harness.PATIENCE_S), 0)
        return shown.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")


class Actions(SitrepTest):
    def test_an_interrupted_execution(self):
        self.leave_behind(shell("held", f": > held; {waits('go')}"))
        report = self.sitrep()
        self.assertEqual((report["health_status"], report["crisis_mode"]), ("critical", True))
        self.assertEqual(self.still(report), [(1, "runner_gone")])
        self.write("go", "")
        self.assertEqual(self.act_on_all()["health_status"], "healthy")

    def test_one_that_may_have_taken_effect(self):
        self.leave_behind(shell("it's held", f": > held; {waits('go')}", idempotent=False))
        self.write("go", "")
        self.assertEqual(self.act_on_all()["health_status"], "healthy")

    def test_what_may_end_well_now(self):
        self.run_program(shell("killed", '[ "$DSCHED_ATTEMPT" -gt 1 ] || kill -9 $$'),
                         shell("busy", '[ "$DSCHED_ATTEMPT" -gt 1 ] || exit 75'),
                         options=("-k",), code=1)
        self.assertEqual(self.act_on_all()["health_status"], "healthy")

    def test_what_would_fail_again_is_only_watched(self):
        self.run_program(shell("bad", "exit 3"), code=1)
        report = self.sitrep()
        self.assertEqual(report["immediate_actions"], [])
        self.assertEqual([w["kind"] for w in report["watch_items"]], ["failed"])

    def test_approvals(self):
        self.run_program(shell("a b", ":", approval=True), shell("c", ":", approval=True),
                         options=("--no-wait",), code=3)
        report = self.sitrep()
        self.assertEqual(self.still(report), [(1, "approval")])
        self.assertEqual([w["kind"] for w in report["watch_items"]], ["approval", "approval"])
        self.assertEqual(self.act_on_all()["health_status"], "healthy")

    def test_approvals_with_more_to_come(self):
        """Pasted, they do not wait for what is asked next; and each round removes its cause."""
        gates = [shell(f"g{i}", ":", approval=True) for i in range(25)]
        self.run_program(*gates, shell("last", ":", approval=True, arguments=["g0"]),
                         options=("--no-wait",), code=3)
        self.paste_until_completed(26)

    def test_one_that_was_killed_while_it_waited(self):
        self.world.program([shell("gate", ":", approval=True)])
        running = self.world.start("program.json")
        harness.wait_for(lambda: self.sitrep()["watch_items"], "the gate")
        running.signal(signal.SIGKILL)
        running.end()
        self.assertEqual(self.still(self.sitrep()), [(1, "runner_gone")])
        self.paste_until_completed(1)

    def test_in_another_folder(self):
        self.run_program(shell("a", ":", approval={"expires_in_hours": 0.5}),
                         options=("--store", "it's there", "--no-wait"), code=3)
        self.assertEqual(self.sitrep("--store", "it's there")["health_status"], "degraded")
        self.act_on_all("--store", "it's there")

    def test_of_a_run_that_waits(self):
        self.world.program([shell("gate", ":", approval=True)])
        running = self.world.start("program.json")
        harness.wait_for(lambda: self.sitrep()["immediate_actions"], "an action")
        harness.wait_for(lambda: self.still(self.sitrep()) == [(1, "approval")], "the reason")
        self.paste(self.sitrep()["immediate_actions"][0]["command"])
        self.assertEqual(running.end().code, 0)

    def test_back_off_is_told(self):
        self.world.program([shell("a", "exit 1", max_retries=1, backoff_s=3600)])
        running = self.world.start("program.json")
        harness.wait_for(lambda: self.still(self.sitrep()) == [(1, "backoff")], "the back-off")
        self.assertEqual(self.sitrep()["health_status"], "degraded")
        running.signal(signal.SIGKILL)
        running.end()


class Size(SitrepTest):
    def test_a_large_store_is_read_in_one_go(self):
        nodes = [{"node_id": f"n{i}", "operation": "const", "parameters": {"value": i}}
                 for i in range(1000)]
        for i in range(int(os.environ.get("SITREP_EXECUTIONS", "3"))):
            self.run_program(*nodes, shell("bad", f"exit {i % 7 + 1}"), dag_id=f"d{i}",
                             options=("-q",), code=1)
        began = time.monotonic()
        report = self.sitrep()
        print(f"sitrep of {report['task_metrics']['total_tasks']} nodes: "
              f"{1000 * (time.monotonic() - began):.0f} ms")
        self.assertEqual(report["task_metrics"]["failed_tasks"], len(report["standing_still"]))


if __name__ == "__main__":
    harness.main()
