# SPDX-License-Identifier: Apache-2.0
"""dsched-approve: gates that wait, tokens, answers that count once, and runs that go on."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import unittest

import harness
from harness import APPROVE, CANCEL, RUN, STATS, const, shell

# More with APPROVE_ROUNDS=1000.
ROUNDS = int(os.environ.get("APPROVE_ROUNDS", "25"))


class ApproveTest(harness.ToolTest):
    def gated(self, node_id="deploy", command="echo deployed >> effects", approval=True, **fields):
        return shell(node_id, command, approval=approval, **fields)

    def begin(self, *nodes, options=()):
        """A run that waits at its gates."""
        self.world.program(list(nodes))
        running = self.world.start("program.json", "--nodes", "all", *options)
        harness.wait_for(self.pending, "a gate that waits")
        return running

    def stop_at_gate(self, *nodes, **top):
        """An execution whose runner has ended because people must answer; its answer."""
        self.world.program(list(nodes), **top)
        return self.run_tool("program.json", "--no-wait", code=3)

    def approve_tool(self, *arguments, code=0, **options):
        return self.run_tool(*arguments, tool=APPROVE, code=code, **options)

    def pending(self):
        done = self.world.run("list", tool=APPROVE)
        return done["pending"] if done.code == 0 else []

    def token(self, *tasks, code=0, **options):
        arguments = [word for task in tasks for word in ("--task", task)]
        return self.approve_tool("token", *arguments, code=code, **options)

    def answer(self, action, request, code=0, options=()):
        return self.approve_tool(action, "-", *options, code=code,
                                 stdin_bytes=json.dumps(request).encode())

    def resume(self, *options, code=0):
        return self.run_tool("--resume", "@latest", "--nodes", "all", *options, code=code)

    def audit(self, *arguments):
        done = self.world.run("audit", *arguments, tool=STATS)
        self.assertEqual(done.code, 0, repr(done))
        records = [json.loads(line) for line in done.out.splitlines()]
        for record in records:
            harness.check_schema("stats-audit", record)
        return records

    def actions(self):
        return [(r["action"], r["object"], r["outcome"]) for r in self.audit()]


class Gates(ApproveTest):
    def test_a_run_waits_and_goes_on_when_it_is_approved(self):
        running = self.begin(shell("build", "echo built"),
                             self.gated(arguments=["build"], approval={"reason": "for all"}),
                             shell("after", "echo after", arguments=["deploy"]))
        (gate,) = self.pending()
        self.assertEqual((gate["task_id"], gate["name"], gate["reason"], gate["expires_at"]),
                         ("1/deploy", "deploy", "for all", None))
        self.assertEqual(gate["command"], "echo deployed >> effects")
        self.assertEqual(gate["arguments"][0]["text"], "built\n")
        self.assertFalse(self.exists("effects"))
        status = json.loads(self.world.run("executions", tool=STATS).out)["status"]
        self.assertIn(status, ("running", "waiting"))
        made = self.token("1/deploy")
        self.assertEqual(made["message"], "Approval token generated for 1 task(s)")
        given = self.answer("approve", made.document, options=("--by", "ana", "--notes", "fine"))
        self.assertEqual(given["message"], "Successfully approved 1 task(s).")
        self.assertEqual((given["status"], given["task_id"], given["approved_tasks"],
                          given["denied_tasks"], given["approved_by"]),
                         ("approved", "1/deploy", 1, 0, "ana"))
        answer = running.end()
        self.assertEqual(answer.code, 0, repr(answer))
        self.assertEqual(answer.counts, {"total": 3, "completed": 3})
        self.assertEqual(answer["audit_head"], given["audit_head"])
        self.assertEqual(self.world.lines("effects"), ["deployed"])
        self.assertEqual(self.pending(), [])

    def test_denied_fails_and_cancels_what_needs_it(self):
        running = self.begin(self.gated(), shell("after", "echo after", arguments=["deploy"]))
        given = self.answer("deny", self.token("1/deploy").document)
        self.assertEqual((given["status"], given["denied_tasks"]), ("denied", 1))
        answer = running.end()
        self.assertEqual((answer.code, answer.kind), (1, "denied"))
        node = answer.node("deploy")
        self.assertEqual((node["status"], node["reason"], node["class"]),
                         ("failed", "denied", "denied"))
        self.assertEqual(answer.node("after")["reason"], "dependency_failed")
        self.assertFalse(self.exists("effects"))
        self.assertEqual(self.resume(code=1).node("deploy")["class"], "denied")

    def test_no_wait_and_a_later_resume(self):
        waiting = self.stop_at_gate(self.gated())
        self.assertEqual((waiting["status"], waiting.kind), ("waiting", "waiting"))
        self.assertEqual(self.resume("--no-wait", code=3)["status"], "waiting")
        made = self.token("@latest/deploy")
        self.answer("approve", made.document)
        self.assertEqual(self.resume("--no-wait")["status"], "completed")
        self.assertEqual(self.world.lines("effects"), ["deployed"])

    def test_consent_survives_a_killed_runner(self):
        running = self.begin(self.gated(command="echo try >> effects; " + harness.waits("go")))
        self.answer("approve", self.token("1/deploy").document)
        self.wait_for_file("effects")
        running.signal(signal.SIGKILL)
        running.end()
        self.write("go", "")
        self.assertEqual(self.resume("--no-wait")["status"], "completed")
        self.assertIn(("recover", "1", "resumed"), self.actions())

    def test_a_reused_node_needs_no_consent(self):
        node = self.gated(command="echo made", inputs=[])
        running = self.begin(node)
        self.answer("approve", self.token("1/deploy").document)
        self.assertEqual(running.end().code, 0)
        self.assertEqual(self.again("--no-wait").node("deploy")["reused"], True)

    def test_others_go_on_while_one_waits(self):
        running = self.begin(self.gated(), shell("free", "echo free > free"))
        self.wait_for_file("free")
        self.answer("approve", self.token("1/deploy").document)
        self.assertEqual(running.end().counts, {"total": 2, "completed": 2})

    def test_without_a_machine_it_hears_as_well(self):
        running = self.begin(self.gated(), options=("--machine", "none"))
        self.answer("approve", self.token("1/deploy").document)
        self.assertEqual(running.end().code, 0)

    def test_an_interrupt_or_a_cancellation_ends_the_waiting(self):
        running = self.begin(self.gated())
        running.signal(signal.SIGINT)
        self.assertEqual(running.end().code, 130)
        self.assertEqual(len(self.pending()), 1)
        running = self.world.start("--resume", "1")
        harness.wait_for(lambda: "running" in self.statuses() or "waiting" in self.statuses(),
                         "the resumed run")
        self.assertEqual(self.world.run("1", tool=CANCEL).code, 0)
        self.assertEqual(running.end().code, 6)
        self.assertEqual(self.pending(), [])

    def statuses(self):
        done = self.world.run("executions", tool=STATS)
        return [json.loads(line)["status"] for line in done.out.splitlines()]

    def test_a_window_that_closed_fails_the_node_and_a_resume_asks_again(self):
        self.world.program([self.gated(approval={"expires_in_hours": 1e-5})])
        answer = self.run_tool("program.json", "--nodes", "all", code=1)
        self.assertEqual(answer.node("deploy")["class"], "expired")
        self.assertEqual(self.pending(), [])
        again = self.run_tool("--resume", "1", "--nodes", "all", code=1)
        self.assertEqual(again.node("deploy")["class"], "expired")


def mapped(command, template=None, **fields):
    return {"node_id": "m", "operation": "map", "arguments": ["list"],
            "parameters": {"node": {"operation": "shell", "inputs": [],
                                    "parameters": {"command": command}, **(template or {})}},
            **fields}


class Maps(ApproveTest):
    def test_a_map_waits_before_it_has_elements(self):
        running = self.begin(shell("list", "echo one; echo two"),
                             mapped("cat $1 >> effects", approval={"reason": "for all"}))
        (gate,) = self.pending()
        self.assertEqual((gate["task_id"], gate["reason"]), ("1/m", "for all"))
        self.assertIn("cat $1 >> effects", gate["command"])
        self.assertEqual(gate["arguments"][0]["text"], "one\ntwo\n")
        self.assertFalse(self.exists("effects"))
        self.answer("approve", self.token("1/m").document)
        answer = running.end()
        self.assertEqual(answer.counts, {"total": 4, "completed": 4})
        self.assertEqual(sorted(self.read("effects")), sorted("onetwo"))

    def test_a_map_that_is_denied_or_waits_has_no_elements(self):
        self.stop_at_gate(const("list", ["a", "b"]), mapped(": >> effects", approval=True),
                          shell("user", ":", arguments=["m"]))
        self.answer("deny", self.token("1/m").document)
        answer = self.resume(code=1)
        self.assertEqual((answer.node("m")["class"], answer["total_nodes"]), ("denied", 3))
        self.assertEqual(answer.node("user")["because"], "m")
        self.assertFalse(self.exists("effects"))

    def test_consent_for_one_list_is_not_for_another(self):
        self.write("words", "a\n")
        self.stop_at_gate(shell("list", "cat words"), mapped("echo x >> effects", approval=True))
        made = self.token("1/m").document
        self.answer("approve", made)
        self.assertEqual(self.resume("--no-wait").counts["completed"], 3)
        self.write("words", "a\nb\n")
        self.run_tool("program.json", "--no-wait", code=3)
        self.assertEqual(self.world.lines("effects"), ["x"])

    def test_elements_that_ask_each(self):
        self.stop_at_gate(const("list", ["a", "b"]),
                          mapped("cat $1", template={"approval": True}))
        self.assertEqual([gate["task_id"] for gate in self.pending()], ["1/m.0", "1/m.1"])
        self.answer("approve", self.token("1/m.1").document)
        waiting = self.resume("--no-wait", code=3)
        self.assertEqual(waiting.node("m.1")["status"], "completed")
        self.answer("approve", self.token("1/m.0").document)
        self.assertEqual(self.resume("--no-wait")["status"], "completed")


class Shown(ApproveTest):
    def test_what_would_run_is_shown_word_for_word(self):
        node = {"node_id": "words", "operation": "exec", "approval": True, "arguments": ["build"],
                "environment": {"MODE": "two words", "B": "1"},
                "parameters": {"argv": ["printf", "%s", "a b; rm -rf ~", "it's", "", {"argument": 1}]}}
        self.stop_at_gate(shell("build", "printf 'x\\033[2J'"), node)
        (gate,) = self.pending()
        self.assertEqual(gate["command"],
                         "B=1 MODE='two words' printf %s 'a b; rm -rf ~' 'it'\\''s' '' build")
        self.assertEqual(gate["arguments"][0]["text"], "x\x1b[2J")
        text = self.approve_tool("list", "--format", "text").out
        self.assertNotIn(b"\x1b", text)

    def test_ids_that_would_move_a_cursor_or_break_a_line(self):
        self.stop_at_gate(self.gated("$(touch pasted) 'x' \u202e\u2028", command=": '\x1b[31m'"))
        (gate,) = self.pending()
        text = self.approve_tool("list", "--format", "text").out.decode()
        for character in "\u202e\u2028\x1b":
            self.assertNotIn(character, text)
        made = self.token(gate["task_id"])
        self.answer("approve", made.document)
        self.assertEqual(self.resume()["status"], "completed")
        self.assertFalse(self.exists("pasted"))


class Answers(ApproveTest):
    def test_a_token_counts_once_for_each_of_its_tasks(self):
        self.stop_at_gate(self.gated("a"), self.gated("b"), self.gated("c"))
        made = self.token("1/a", "1/b").document
        self.assertEqual(made["task_ids"], ["1/a", "1/b"])
        one = self.answer("approve", {"token": made["token"], "task_id": "1/b"})
        self.assertEqual((one["task_id"], one["approved_tasks"]), ("1/b", 1))
        again = self.answer("approve", {"token": made["token"], "task_id": "1/b"}, code=1)
        self.assertEqual((again["status"], again.kind), ("used", "denied"))
        other = self.answer("approve", {"token": made["token"], "task_id": "1/c"}, code=1)
        self.assertEqual((other["status"], other.kind), ("not_found", "not_found"))
        rest = self.answer("deny", {"token": made["token"]})
        self.assertEqual((rest["task_id"], rest["denied_tasks"]), ("1/a", 1))
        self.assertEqual(self.answer("deny", {"token": made["token"]}, code=1)["status"], "used")
        self.assertEqual([gate["name"] for gate in self.pending()], ["c"])

    def test_all_tasks_of_a_token_at_once(self):
        self.stop_at_gate(self.gated("a"), self.gated("b"))
        both = self.answer("approve", self.token("1/a", "1/b").document)
        self.assertEqual((both["task_id"], both["approved_tasks"]), ("multiple", 2))
        self.assertEqual({task["new_status"] for task in both["task_details"]}, {"approved"})
        self.assertEqual(self.resume()["status"], "completed")

    def test_another_token_comes_too_late(self):
        self.stop_at_gate(self.gated())
        first, second = self.token("1/deploy").document, self.token("1/deploy").document
        self.answer("deny", first)
        self.assertEqual(self.answer("approve", second, code=1)["status"], "used")

    def test_what_changed_makes_a_token_stale(self):
        self.stop_at_gate(self.gated(), dag_id="d")
        made = self.token("1/deploy").document
        self.world.program([self.gated(command="rm -rf /tmp/nothing")], dag_id="d")
        self.run_tool("--resume", "1", "program.json", "--no-wait", code=3)
        self.assertEqual(self.answer("approve", made, code=1)["status"], "stale")
        self.assertEqual(self.pending()[0]["command"], "rm -rf /tmp/nothing")
        self.resume("--no-wait", code=3)

    def test_consent_does_not_cover_another_program(self):
        self.stop_at_gate(self.gated(), dag_id="d")
        self.answer("approve", self.token("1/deploy").document)
        self.world.program([self.gated(command="echo other >> effects")], dag_id="d")
        self.run_tool("--resume", "1", "program.json", "--no-wait", code=3)
        self.assertFalse(self.exists("effects"))

    def test_unknown_tokens_are_limited(self):
        self.stop_at_gate(self.gated())
        made = self.token("1/deploy").document
        for _ in range(10):
            done = self.answer("approve", {"token": "x" * 43}, code=1)
            self.assertEqual((done["status"], done["message"]),
                             ("invalid_token", "Invalid or expired approval token."))
        self.assertEqual(self.answer("approve", {"token": "x" * 43}, code=1)["status"],
                         "rate_limited")
        self.assertEqual(self.answer("approve", made, code=1)["status"], "rate_limited")
        self.assertEqual(len(self.pending()), 1)

    def test_an_expired_token(self):
        self.stop_at_gate(self.gated())
        made = self.token("1/deploy").document
        with sqlite3.connect(self.world.path(".dsched/store.db")) as database:
            database.execute("UPDATE token SET expires_at=made_at")
        done = self.answer("approve", made, code=1)
        self.assertEqual((done["status"], done["message"]),
                         ("expired", "Invalid or expired approval token."))

    def test_only_approvers_may_answer(self):
        self.stop_at_gate(self.gated(approval={"approvers": ["nobody-of-this-name"]}))
        done = self.answer("approve", self.token("1/deploy").document, code=1)
        self.assertEqual(done.kind, "denied")
        self.assertIn(("approve", "1/deploy", "not_an_approver"), self.actions())
        self.assertEqual(len(self.pending()), 1)

    def test_of_two_answers_at_once_one_counts(self):
        count = ROUNDS
        self.world.program([self.gated(f"n{i}", command=":") for i in range(count)])
        self.run_tool("program.json", "--no-wait", code=3)
        for i in range(count):
            request = json.dumps(self.token(f"1/n{i}").document).encode()
            both = [self.world.start(action, "-", tool=APPROVE, stdin=subprocess.PIPE)
                    for action in ("approve", "deny")]
            feeders = [threading.Thread(target=one.process.communicate, args=(request,))
                       for one in both]
            for feeder in feeders:
                feeder.start()
            for feeder in feeders:
                feeder.join()
            codes = sorted(one.process.returncode for one in both)
            self.assertEqual(codes, [0, 1], f"round {i}")
        decided = [r for r in self.audit() if r["outcome"] in ("approved", "denied")]
        self.assertEqual(len({r["object"] for r in decided}), count)
        self.assertEqual(len(decided), count)


class Requests(ApproveTest):
    def test_fields_out_of_range_are_named(self):
        self.stop_at_gate(self.gated())
        for action, request, field in (
                ("token", {"task_ids": ["1/deploy"], "expires_in_hours": 0}, "expires_in_hours"),
                ("token", {"task_ids": ["1/deploy"], "expires_in_hours": 721}, "expires_in_hours"),
                ("token", {"task_ids": ["1/deploy"], "expires_in_hours": 1.5}, "expires_in_hours"),
                ("token", {"task_ids": ["1/deploy"], "by": ""}, "by"),
                ("token", {"task_ids": ["deploy"]}, "task_ids"),
                ("token", {"task_id": "deploy"}, "task_id"),
                ("token", {"task_ids": ["1/deploy"], "expires_in_hours": "24"}, "expires_in_hours"),
                ("token", {"task_ids": ["1/deploy"], "expires_in_hours": 1e300}, "expires_in_hours"),
                ("token", {"tasks": ["1/deploy"]}, "tasks"),
                ("approve", {"token": "short"}, "token"),
                ("approve", {"token": "x" * 201}, "token"),
                ("approve", {"token": "x" * 43, "approved_by": ""}, "approved_by"),
                ("approve", {"token": "x" * 43, "approved_by": "y" * 101}, "approved_by"),
                ("approve", {"token": "x" * 43, "notes": "n" * 501}, "notes"),
                ("deny", {"token": "x" * 43, "task_id": "1"}, "task_id"),
                ("deny", {"token": "x" * 43, "action": "approve"}, "action"),
                ("deny", {"token": 7}, "token")):
            with self.subTest(action=action, field=field):
                done = self.answer(action, request, code=2)
                self.assertEqual(done.kind, "invalid_request")
                self.assertIn(f"field {field}", done["error"]["message"])

    def test_documents_pass_through_pipes(self):
        self.stop_at_gate(self.gated())
        made = self.answer("token", {"task_ids": ["1/deploy"], "task_type": "release",
                                     "expires_in_hours": 720.0, "by": "bob"})
        harness.check_schema("approve-token", made.document)
        harness.check_schema("approve-request", made.document)
        given = self.answer("approve", {"token": made["token"], "approved_by": "\u00e4" * 100,
                                        "approved_by_id": "7", "notes": "n" * 500})
        self.assertEqual(given["task_details"][0]["task_type"], "release")
        self.assertEqual(given["approved_by"], "\u00e4" * 100)
        details = self.audit("--object", "1/deploy")[-1]["details"]
        self.assertEqual((details["by_id"], details["notes"]), ("7", "n" * 500))

    def test_tokens_only_for_what_waits(self):
        self.stop_at_gate(self.gated(), shell("done", ":"))
        for task in ("1/done", "1/nothing", "7/deploy"):
            self.assertEqual(self.token(task, code=1).kind, "not_found")
        self.assertEqual(self.approve_tool("token", code=2).kind, "usage")
        self.assertEqual(self.approve_tool("approve", code=2).kind, "usage")
        self.assertEqual(self.approve_tool(code=2).kind, "usage")

    def test_a_token_in_a_file_or_as_an_option(self):
        self.stop_at_gate(self.gated("a"), self.gated("b"))
        self.write("token", self.token("1/a")["token"] + "\n")
        self.approve_tool("approve", "--token-file", "token")
        self.approve_tool("approve", "--token", self.token("1/b")["token"])
        self.assertEqual(self.resume()["status"], "completed")


class Secrets(ApproveTest):
    def test_a_token_is_nowhere_but_in_its_answer(self):
        running = self.begin(self.gated())
        token = self.token("1/deploy")["token"]
        process = self.world.start("approve", "-", tool=APPROVE, stdin=subprocess.PIPE)
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            self.assertNotIn(token.encode(), file.read())
        process.process.communicate(json.dumps({"token": token}).encode())
        answer = running.end()
        self.assertEqual(answer.code, 0)
        self.assertNotIn(token, answer.err)
        for folder, _, files in os.walk(self.world.root):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(token.encode(), file.read(), os.path.join(folder, name))
        self.assertEqual(self.audit()[0]["details"]["token"], token[:8] + "...")

    def test_a_node_cannot_answer(self):
        self.stop_at_gate(self.gated())
        self.write("request", json.dumps(self.token("1/deploy").document))
        tries = (f"{APPROVE} approve - < request", f"{APPROVE} token --task 1/deploy",
                 f"env -u DSCHED_ATTEMPT_ID {APPROVE} approve - < request",
                 f"env -u DSCHED_ATTEMPT_ID setsid {APPROVE} deny - < request")
        for command in tries:
            done = self.run_tool("--", "sh", "-c", command, tool=RUN, code=1)
            self.assertIn("runs in a node", done.err)
        self.assertEqual(len(self.pending()), 1)

    def test_secrets_are_read_after_consent(self):
        node = self.gated(command="echo $PASSWORD", secret_environment=["PASSWORD"], inputs=[])
        self.world.program([node])
        secret = {"PASSWORD": "open sesame"}
        self.run_tool("program.json", "--no-wait", code=3, env=secret)
        self.answer("approve", self.token("1/deploy").document)
        done = self.run_tool("--resume", "1", env=secret)
        self.assertEqual(done.text("deploy"), "open sesame\n")


class Audit(ApproveTest):
    def test_what_is_done_is_recorded_and_verified(self):
        self.stop_at_gate(self.gated())
        made = self.token("1/deploy").document
        self.answer("approve", {"token": "y" * 43}, code=1)
        self.answer("approve", made)
        self.world.run("1", tool=CANCEL)
        self.world.run("set", "Fair", tool=harness.POLICY)
        self.assertEqual(self.actions(), [
            ("token", "1/deploy", "made"), ("token", None, "refused"),
            ("approve", "1/deploy", "approved"), ("cancel", "1", "asked"),
            ("policy", "machine", "set")])
        verified = self.run_tool("verify", tool=harness.STORE)
        self.assertEqual(verified["audit_head"], self.audit()[-1]["hash"])

    def test_damage_shows(self):
        self.stop_at_gate(self.gated())
        self.answer("approve", self.token("1/deploy").document)
        with sqlite3.connect(self.world.path(".dsched/store.db")) as database:
            database.execute("DELETE FROM audit WHERE sequence=2")
        done = self.run_tool("verify", tool=harness.STORE, code=5)
        self.assertEqual([d["kind"] for d in done["damage"]], ["audit"])
        self.assertEqual(self.run_tool("verify", "--repair", tool=harness.STORE, code=5).kind,
                         "damaged")

    def test_gc_leaves_a_record_of_what_it_removed(self):
        self.stop_at_gate(self.gated())
        self.answer("approve", self.token("1/deploy").document)
        last = self.audit()[-1]["hash"]
        self.run_tool("gc", "--older-than", "0s", tool=harness.STORE)
        (record,) = self.audit()
        self.assertEqual((record["action"], record["details"]["last_removed_hash"]), ("gc", last))
        self.run_tool("verify", tool=harness.STORE)


@unittest.skipIf(sys.platform != "linux", "pty")
class Dialogue(ApproveTest):
    def test_it_shows_what_would_run_and_asks(self):
        import pty
        self.stop_at_gate(shell("build", "echo built"),
                          self.gated(arguments=["build"], approval={"reason": "goes out"}))
        ours, theirs = pty.openpty()
        process = self.world.start(tool=APPROVE, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.write(ours, b"a\n")
        shown = harness.read_terminal(ours)
        self.assertEqual(process.process.wait(harness.PATIENCE_S), 0, shown)
        os.close(ours)
        for text in (b"1/deploy", b"goes out", b"echo deployed >> effects", b"built",
                     b"Successfully approved 1 task(s)."):
            self.assertIn(text, shown)
        self.assertEqual(self.resume()["status"], "completed")


if __name__ == "__main__":
    harness.main()
