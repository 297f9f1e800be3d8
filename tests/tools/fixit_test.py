# SPDX-License-Identifier: Apache-2.0
"""dsched-fixit: which nodes each mode runs again, what comes of it, and what is left alone."""

import json
import os
import sqlite3
import sys

import harness
from harness import APPROVE, FIXIT, STATS, execute, shell, waits

# Says what differs at each attempt, so that failing twice is not the same failure.
SAYS = "echo attempt $DSCHED_ATTEMPT >&2; "


def from_attempt(number):
    return f'{SAYS}[ "$DSCHED_ATTEMPT" -ge {number} ]'


# node: (conservative, balanced, greedy): fixed, failed or skipped.
ZOO = {
    "exit3": (shell("exit3", "exit 3"), "skipped failed failed"),
    "tempfail": (shell("tempfail", f"{SAYS}[ $DSCHED_ATTEMPT -ge 2 ] || exit 75"),
                 "fixed fixed fixed"),
    "segv": (shell("segv", f"{SAYS}[ $DSCHED_ATTEMPT -ge 2 ] || kill -SEGV $$"),
             "fixed fixed fixed"),
    "killed": (shell("killed", f"{SAYS}[ $DSCHED_ATTEMPT -ge 3 ] || kill -KILL $$"),
               "fixed fixed fixed"),
    "slow": (shell("slow", "sleep 0.5", timeout_s=0.4), "failed fixed fixed"),
    "missing": (execute("missing", ["no-such-command"]), "skipped skipped failed"),
    "second": (shell("second", from_attempt(2)), "skipped fixed fixed"),
    "third": (shell("third", from_attempt(3)), "skipped fixed fixed"),
    "same": (shell("same", "exit 4", max_retries=1, backoff_s=0.01), "skipped skipped failed"),
    "once": (shell("once", "exit 5", idempotent=False), "skipped skipped skipped"),
    "refused": (shell("refused", "cat leads_out", inputs=["leads_out"]), "skipped skipped failed"),
    "no_output": (shell("no_output", f"{SAYS}rm -f out; [ $DSCHED_ATTEMPT -lt 2 ] || : > out",
                        outputs=["out"]), "skipped fixed fixed"),
}


class FixitTest(harness.ToolTest):
    def fixit(self, *arguments, code=0, **options):
        return self.run_tool(*arguments, tool=FIXIT, code=code, **options)

    def run_failing(self, *nodes, options=("-k",), code=1):
        self.world.program(list(nodes))
        return self.run_tool("program.json", *options, code=code)

    def tasks(self, answer):
        found = {task["task_name"]: task for task in answer["affected_tasks"]}
        sums = answer["tasks_fixed"] + answer["tasks_failed"] + answer["tasks_skipped"]
        self.assertEqual(sums, len(found), repr(answer))
        return found

    def statuses(self, *arguments):
        done = self.world.run("nodes", *arguments, tool=STATS)
        lines = [json.loads(line) for line in done.out.splitlines()]
        return {line["node_id"]: line["status"] for line in lines}

    def audit(self):
        done = self.world.run("audit", tool=STATS)
        return [json.loads(line) for line in done.out.splitlines()]


class Zoo(FixitTest):
    def test_what_each_mode_does(self):
        for place, mode in enumerate(("conservative", "balanced", "greedy")):
            with self.subTest(mode):
                wanted = {name: row.split()[place] for name, (_, row) in ZOO.items()}
                self.check_mode(mode, wanted)

    def check_mode(self, mode, wanted):
        if not self.exists("leads_out"):
            os.symlink("/etc/hostname", self.world.path("leads_out"))
        program = f"{mode}.json"
        self.world.program([node for node, _ in ZOO.values()], name=program)
        self.run_tool(program, "-k", code=1)
        dry = self.fixit("@latest", "--mode", mode, "--dry-run")
        would = {n for n, t in self.tasks(dry).items() if t["action_taken"].startswith("would")}
        self.assertEqual(would, {n for n, w in wanted.items() if w != "skipped"})
        self.assertEqual(dry["message"],
                         f"Dry run complete. Would retry {len(would)} tasks in {mode} mode.")
        answer = self.fixit("@latest", "--mode", mode, code=1)
        tasks = self.tasks(answer)
        got = {name: "skipped" if task["action_taken"] == "skipped" else
                     "fixed" if task["new_status"] == "completed" else "failed"
               for name, task in tasks.items()}
        self.assertEqual(got, wanted)
        fixed = sum(w == "fixed" for w in wanted.values())
        self.assertEqual(answer["message"],
                         f"Fix-it completed: {fixed}/{len(wanted)} tasks recovered.")
        self.assertEqual(answer["status"], "completed")
        self.assertEqual(tasks["killed"]["retry_count"], 2)
        statuses = self.statuses("@latest")
        self.assertEqual({n: statuses[n] for n in wanted},
                         {n: "completed" if w == "fixed" else "failed" for n, w in wanted.items()})
        greedy = ["Greedy mode may impact schedule quality. Review results carefully."]
        self.assertEqual(answer["warnings"], greedy if mode == "greedy" else [])


class Recovery(FixitTest):
    def test_what_depends_on_it_runs_after(self):
        self.run_failing(shell("flaky", f"{from_attempt(2)} && echo fine"),
                  shell("after", "cat $1", arguments=["flaky"]), options=())
        answer = self.fixit()
        self.assertEqual((answer["tasks_fixed"], answer["initiated_by"] != ""), (1, True))
        done = self.run_tool("--resume", "1")
        self.assertEqual((done["status"], done.text("after")), ("completed", "fine\n"))

    def test_nothing_to_do(self):
        self.run_nodes(shell("a", ":"))
        for answer in (self.fixit(), self.fixit("1"), self.fixit("--target", "1/a")):
            self.assertEqual(answer["status"], "nothing_to_do")

    def test_a_dry_run_changes_nothing(self):
        self.run_failing(shell("a", from_attempt(2)))
        before = self.audit()
        self.fixit("-n")
        self.assertEqual(self.audit(), before)
        self.assertEqual(self.statuses(), {"a": "failed"})

    def test_executions_left_behind_are_recovered(self):
        self.leave_behind(shell("first", "echo one"),
                          shell("held", f": > held; {waits('go')}; echo two"),
                          shell("after", "cat $1 $2", arguments=["first", "held"]))
        self.write("go", "")
        task = self.tasks(self.fixit("--mode", "conservative"))["held"]
        self.assertEqual((task["previous_status"], task["new_status"]), ("lost", "completed"))
        done = self.run_tool("--resume", "1", "--nodes", "all")
        self.assertEqual(done.text("after"), "one\ntwo\n")
        self.assertIn(("recover", "1"), [(r["action"], r["object"]) for r in self.audit()])

    def test_what_may_have_taken_effect_needs_its_name(self):
        self.leave_behind(shell("held", f"echo x >> effects; : > held; {waits('go')}",
                                idempotent=False))
        self.write("go", "")
        skipped = self.tasks(self.fixit())["held"]
        self.assertIn("not idempotent", skipped["reason"])
        self.assertEqual(self.fixit("--target", "1/held")["tasks_fixed"], 1)
        self.assertEqual(self.world.lines("effects"), ["x", "x"])

    def test_several_executions_at_once(self):
        for name in ("one", "two", "three"):
            self.world.program([shell(name, from_attempt(2))], name=f"{name}.json")
            self.run_tool(f"{name}.json", code=1)
        answer = self.fixit("1", "3")
        self.assertEqual(set(self.tasks(answer)), {"one", "three"})
        self.assertEqual(set(self.tasks(self.fixit())), {"two"})

    def test_a_damaged_argument_is_computed_first(self):
        self.run_failing(shell("made", "echo made >> runs; echo payload", inputs=[]),
                  shell("flaky", f"cat $1; {from_attempt(2)}", arguments=["made"]))
        with sqlite3.connect(self.world.path(".dsched/store.db")) as database:
            changed = database.execute("UPDATE blob SET data=CAST('payloaX' || char(10) AS BLOB) "
                                       "WHERE data=CAST('payload' || char(10) AS BLOB)").rowcount
        self.assertEqual(changed, 1)
        self.assertEqual(self.fixit()["tasks_fixed"], 1)
        self.assertEqual(len(self.world.lines("runs")), 2)
        self.assertEqual(self.run_tool("--resume", "1").text("flaky"), "payload\n")

    def test_greedy_computes_arguments_anew(self):
        nodes = (shell("made", "echo made >> runs; echo payload", inputs=[]),
                 shell("flaky", f"cat $1; {from_attempt(2)}", arguments=["made"]))
        self.run_failing(*nodes)
        self.assertEqual(self.fixit("--mode", "greedy")["tasks_fixed"], 1)
        self.assertEqual(len(self.world.lines("runs")), 2)

    def test_a_worker_that_was_lost(self):
        self.write("worker.py", """
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    if not os.path.exists("go"):
        os.abort()
    print(json.dumps({"requestId": request["requestId"], "output": "fine"}), flush=True)
""")
        workers = {"w": {"command": [sys.executable, "worker.py"]}}
        self.world.program([{"node_id": f"r{i}", "operation": "w"} for i in range(3)],
                           workers=workers)
        failed = self.run_tool("program.json", "-k", "--nodes", "all", code=1)
        self.assertEqual({node["class"] for node in failed["nodes"]}, {"lost"})
        self.write("go", "")
        answer = self.fixit("--mode", "conservative")
        self.assertEqual((answer["tasks_fixed"], answer["status"]), (3, "completed"))

    def test_a_window_that_closed_is_opened_again(self):
        self.world.program([shell("gate", ":", approval={"expires_in_hours": 1e-5})])
        self.run_tool("program.json", code=1)
        task = self.tasks(self.fixit())["gate"]
        self.assertEqual((task["previous_status"], task["action_taken"], task["reason"][:5]),
                         ("failed", "asked for approval", "needs"))

    def test_only_greedy_runs_what_was_cancelled(self):
        self.world.program([shell("held", f": > held; {waits('go')}"), shell("b", ":")])
        running = self.world.start("program.json", "-j1")
        self.wait_for_file("held")
        self.assertEqual(self.world.run("1", tool=harness.CANCEL).code, 0)
        running.end()
        self.write("go", "")
        self.assertEqual(self.fixit()["status"], "nothing_to_do")
        self.assertEqual(self.fixit("--mode", "greedy")["tasks_failed"], 0)
        self.assertEqual(set(self.statuses().values()), {"completed"})


class Consent(FixitTest):
    def approve(self, task):
        token = self.run_tool("token", "--task", task, tool=APPROVE)
        self.run_tool("approve", "-", tool=APPROVE, stdin_bytes=token.out)

    def fail_after_consent(self):
        self.world.program([shell("gate", from_attempt(2), approval=True)])
        self.run_tool("program.json", "--no-wait", code=3)
        self.approve("1/gate")
        self.run_tool("--resume", "1", code=1)

    def test_a_new_approval_is_needed(self):
        self.fail_after_consent()
        task = self.tasks(self.fixit())["gate"]
        self.assertEqual((task["action_taken"], task["retry_count"]), ("asked for approval", 0))
        self.approve("1/gate")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")

    def test_auto_approve(self):
        self.fail_after_consent()
        inner = f"env DSCHED_STORE= {FIXIT} --auto-approve --store {self.world.path('.dsched')}"
        done = self.run_tool("--store", "other", "--", "sh", "-c", inner, code=1)
        self.assertIn("runs in a node", done.err)
        answer = self.fixit("--auto-approve", "--by", "ana")
        self.assertEqual(answer["tasks_fixed"], 1)
        self.assertIn("Auto-approve is enabled. Changes will be applied without review.",
                      answer["warnings"])
        self.assertIn(("approve", "1/gate", "ana"),
                      [(r["action"], r["object"], r["details"].get("by")) for r in self.audit()])

    def test_denied_stays_denied(self):
        self.world.program([shell("gate", ":", approval=True)])
        self.run_tool("program.json", "--no-wait", code=3)
        token = self.run_tool("token", "--task", "1/gate", tool=APPROVE)
        self.run_tool("deny", "-", tool=APPROVE, stdin_bytes=token.out)
        self.run_tool("--resume", "1", code=1)
        answer = self.fixit("--mode", "greedy", "--auto-approve")
        self.assertEqual((answer["status"], answer["tasks_skipped"]), ("nothing_to_do", 1))


class Requests(FixitTest):
    def test_by_document(self):
        self.run_failing(shell("a", from_attempt(2)), shell("b", "exit 1"))
        request = {"mode": "greedy", "max_retries": 1, "auto_approve": False,
                   "initiated_by": "ana", "target_task_ids": ["1/a"], "dry_run": True}
        harness.check_schema("fixit-request", request)
        dry = self.fixit("-", stdin_bytes=json.dumps(request).encode())
        self.assertEqual((dry["status"], dry["mode"], dry["initiated_by"]),
                         ("dry_run", "greedy", "ana"))
        request["dry_run"] = False
        answer = self.fixit("-", stdin_bytes=json.dumps(request).encode())
        self.assertEqual(set(self.tasks(answer)), {"a"})
        self.assertEqual(answer["tasks_fixed"], 1)

    def test_what_was_answered_is_a_document_for_the_next(self):
        """Answers pass through pipes: what a dry run names can be asked for."""
        self.run_failing(shell("a", from_attempt(2)), shell("b", "exit 1"))
        dry = self.fixit("--dry-run")
        harness.check_schema("fixit-answer", dry.document)
        named = [task["task_id"] for task in dry["affected_tasks"] if task["task_name"] == "a"]
        request = {"target_task_ids": named, "initiated_by": "\u00e4\U0001f600" * 50}
        harness.check_schema("fixit-request", request)
        answer = self.fixit("-", stdin_bytes=json.dumps(request).encode())
        self.assertEqual((answer["initiated_by"], answer["tasks_fixed"]),
                         (request["initiated_by"], 1))

    def test_what_is_no_request_is_refused(self):
        self.run_nodes(shell("a", ":"))
        for text in (b"", b"[]", b"7", b"{", b'{"mode": "greedy"} {}', b"\xff\xfe", b"null",
                     b'{"mode": "greedy", "mode": "balanced"}'):
            with self.subTest(text):
                self.assertEqual(self.fixit("-", code=2, stdin_bytes=text).kind, "invalid_request")

    def test_fields_out_of_range_are_named(self):
        self.run_nodes(shell("a", ":"))
        for field, value in (("max_retries", 0), ("max_retries", 11), ("max_retries", 2.5),
                             ("mode", "wild"), ("initiated_by", ""), ("initiated_by", "x" * 101),
                             ("target_task_ids", ["a"]), ("dry_run", 1), ("nodes", [])):
            done = self.fixit("-", code=2, stdin_bytes=json.dumps({field: value}).encode())
            self.assertIn(f"field {field}", done["error"]["message"])
        self.assertEqual(self.fixit("7", code=1).kind, "not_found")
        self.assertEqual(self.fixit("--target", "1/nothing", code=1).kind, "not_found")

    def test_too_many_runs_are_refused(self):
        self.run_nodes(shell("a", ":"))
        for _ in range(2):
            self.fixit("--runs-a-minute", "2")
        refused = self.fixit("--runs-a-minute", "2", code=1)
        self.assertIn("limit", refused["error"]["message"])
        self.fixit("--runs-a-minute", "2", "--dry-run")
        self.fixit()

    def test_one_that_runs_is_left_alone(self):
        self.world.program([shell("held", f": > held; {waits('go')}")])
        running = self.world.start("program.json")
        self.wait_for_file("held")
        answer = self.fixit("1")
        self.assertEqual((answer["status"], len(answer["warnings"])), ("nothing_to_do", 1))
        self.write("go", "")
        self.assertEqual(running.end().code, 0)


if __name__ == "__main__":
    harness.main()
