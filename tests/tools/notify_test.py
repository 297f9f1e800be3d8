# SPDX-License-Identifier: Apache-2.0
"""--notify: who is told of what, and that no command that is told can do any harm."""

import json
import os
import signal

import harness
from harness import APPROVE, CANCEL, FIXIT, shell, waits

KEEP = "cat >> events"


class NotifyTest(harness.ToolTest):
    def events(self):
        found = [json.loads(line) for line in self.world.lines("events")]
        for event in found:
            harness.check_schema("notify-event", event)
        return found

    def kinds(self):
        return [event["event"] for event in self.events()]

    def run_notified(self, *nodes, notify="cat >> events; echo >> events", options=(), **kwargs):
        return self.run_nodes(*nodes, options=("--notify", notify, *options), **kwargs)

    def configure(self, text, mode=0o600):
        folder = self.world.root / "home" / ".config" / "dsched"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "config.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        path.chmod(mode)


class Events(NotifyTest):
    def test_an_execution_that_completes(self):
        answer = self.run_notified(shell("a", "echo a"), shell("b", "echo b"))
        (event,) = self.events()
        self.assertEqual((event["event"], event["status"], event["completed_nodes"]),
                         ("execution_completed", "completed", 2))
        self.assertEqual((event["execution_id"], event["execution"], event["dag_id"]),
                         (answer["execution_id"], 1, answer["dag_id"]))
        self.assertEqual(event["store"], str(self.world.path(".dsched")))
        self.assertEqual(answer.err.count("warning"), 0)

    def test_one_that_fails_names_what_failed(self):
        self.run_notified(shell("bad", "exit 3"), shell("after", ":", arguments=["bad"]),
                          shell("too", "kill -9 $$"), options=("-k",), code=1)
        (event,) = self.events()
        self.assertEqual((event["event"], event["failed_count"]), ("execution_failed", 2))
        self.assertEqual({f["task_id"]: f["error"] for f in event["failed"]},
                         {"1/bad": "exit 3", "1/too": "signal 9 (killed)"})
        self.assertIn("failed: 2 nodes failed: ", event["text"])

    def test_approval_and_what_comes_of_it(self):
        gate = shell("gate", "echo out", approval={"reason": "goes out", "expires_in_hours": 2})
        self.run_notified(gate, shell("other", ":", approval=True), options=("--no-wait",), code=3)
        (event,) = self.events()
        self.assertEqual((event["event"], event["waiting_count"]), ("approval_waiting", 2))
        told = {task["task_id"]: task for task in event["waiting"]}["1/gate"]
        (listed, _) = self.world.run("list", tool=APPROVE)["pending"]
        for member in ("name", "reason", "command", "expires_at", "digest"):
            self.assertEqual(told[member], listed[member], member)

    def test_interrupted_and_cancelled_ones_make_none(self):
        for end in ("interrupt", "cancel"):
            self.world.program([shell("held", f": > held; {waits('go')}")])
            running = self.world.start("program.json", "--notify", KEEP)
            self.wait_for_file("held")
            if end == "interrupt":
                running.signal(signal.SIGINT)
            else:
                self.assertEqual(self.world.run("2", tool=CANCEL).code, 0)
            self.assertEqual(running.end().code, 130 if end == "interrupt" else 6)
            os.remove(self.world.path("held"))
        self.assertEqual(self.events(), [])

    def test_fixit_that_fails(self):
        self.run_nodes(shell("bad", "echo $DSCHED_ATTEMPT >&2; exit 3"), code=1)
        self.run_tool("1", "--max-retries", "1", "--notify", "cat >> events; echo >> events",
                      tool=FIXIT, code=1)
        self.assertEqual(self.kinds(), ["execution_failed", "fixit_failed"])
        fixit = self.events()[1]
        self.assertEqual(([f["task_id"] for f in fixit["failed"]], fixit["tasks_failed"]),
                         (["1/bad"], 1))

    def test_batches_and_detached_ones(self):
        self.run_tool("--batch", "--notify", "cat >> events; echo >> events",
                      stdin_bytes=b'{"operation": "const", "parameters": {"value": 1}}\n')
        self.world.program([shell("a", ":")])
        self.run_tool("--detach", "--notify", "cat >> events; echo >> events", "program.json")
        harness.wait_for(lambda: len(self.events()) == 2, "the detached one's event")
        self.assertEqual(self.kinds(), ["execution_completed"] * 2)


class Harm(NotifyTest):
    def test_content_is_never_pasted(self):
        evil = "$(touch pasted)`touch pasted`'; touch pasted; '\"; touch pasted; \""
        self.run_notified(shell(evil, "exit 1"), dag_id=evil, code=1,
                          notify="cat >> events; echo >> events; env > environment; "
                                 "tr '\\0' '\\n' < /proc/$$/cmdline > words")
        self.assertEqual(self.events()[0]["failed"][0]["name"], evil)
        self.assertFalse(self.exists("pasted"))
        for name in ("environment", "words"):
            self.assertNotIn("touch pasted", self.read(name))

    def test_one_that_fails_is_reported(self):
        for notify, problem in (("exit 9", "exit 9"), ("no-such-command-at-all", "exit 127"),
                                ("echo refused by chat >&2; false", "exit 1: refused by chat")):
            answer = self.run_notified(shell("a", ":"), notify=notify)
            self.assertEqual(answer["status"], "completed")
            self.assertIn(f"dsched-run: warning: --notify: {problem}", answer.err)

    def test_one_that_hangs_holds_up_no_answer(self):
        """The answer is there, and the execution's lock is free, while the command still runs."""
        self.world.program([shell("a", "echo $DSCHED_ATTEMPT")])
        hang = f"ls -l /proc/$$/fd > open; : > hangs; {waits('over')}"
        running = self.world.start("program.json", "--notify", hang)
        self.wait_for_file("hangs")
        line = running.process.stdout.readline()
        self.assertTrue(json.loads(line)["success"])
        self.run_tool("--resume", "1")
        running.signal(signal.SIGINT)
        done = running.end()  # its streams are at their end, too
        self.assertEqual(done.code, 0)
        self.assertIn("is not waited for any longer", done.err)
        self.write("over", "")
        self.assertNotIn(".dsched", self.read("open"))

    def test_while_it_waits_for_people_a_failure_is_told_at_once(self):
        self.world.program([shell("gate", ":", approval=True)])
        running = self.world.start("program.json", "--progress", "plain", "--notify", "exit 5")
        line = running.process.stderr.readline()
        while b"--notify: exit 5" not in line:
            self.assertTrue(line)
            line = running.process.stderr.readline()
        running.signal(signal.SIGINT)
        self.assertEqual(running.end().code, 130)

    def test_a_killed_run_leaves_the_event_to_be_delivered(self):
        self.world.program([shell("gate", ":", approval=True)])
        running = self.world.start("program.json", "--notify",
                                   f": > begun; {waits('go')}; cat >> events; echo >> events")
        self.wait_for_file("begun")
        running.signal(signal.SIGKILL)
        running.end()
        self.write("go", "")
        harness.wait_for(self.events, "the event")
        self.assertEqual(self.kinds(), ["approval_waiting"])

    def test_it_may_make_a_token_and_post_it(self):
        """What a webhook needs: the command is no node, so it may use dsched-approve."""
        post = (f"{APPROVE} list > seen; {APPROVE} token --task 1/gate --format json > made; "
                f": > posted")
        self.world.program([shell("gate", "echo out", approval=True)])
        running = self.world.start("program.json", "--notify", post)
        self.wait_for_file("posted")
        self.run_tool("approve", "-", tool=APPROVE, stdin_bytes=self.read("made").encode())
        self.assertEqual(running.end().code, 0)


class Configured(NotifyTest):
    def test_the_configuration_names_a_command(self):
        self.configure('{ // for all\n"notify": "cat >> events; echo >> events"}')
        self.run_nodes(shell("a", ":"))
        self.assertEqual(self.kinds(), ["execution_completed"])
        self.again("--notify", "")
        self.again("--notify", ": > instead")
        self.assertTrue(self.exists("instead"))
        self.assertEqual(len(self.events()), 1)

    def test_executions_within_nodes_are_not_told_of(self):
        self.configure({"notify": "cat >> events; echo >> events"})
        self.world.program([shell("inner", ":")], name="inner.json")
        self.run_nodes(shell("a", f"{harness.RUN} --store inner inner.json > /dev/null"))
        self.assertEqual(len(self.events()), 1)

    def test_a_store_names_no_command(self):
        self.run_nodes(shell("a", ":"))
        for place in (".dsched/config.json", "config.json", ".config/dsched/config.json"):
            self.write(place, json.dumps({"notify": ": > ran"}))
        self.again()
        self.assertFalse(self.exists("ran"))

    def test_a_wrong_configuration_is_refused(self):
        self.world.program([shell("a", ":")])
        for text, why in (("[]", "no JSON object"), ("{", "no JSON object"),
                          ('{"notify": 7}', "field notify"), ('{"notfy": ""}', "field notfy"),
                          ('{"fixit_runs_a_minute": 0}', "field fixit_runs_a_minute")):
            self.configure(text)
            done = self.run_tool("program.json", code=2)
            self.assertIn(why, done["error"]["message"])
        self.configure({"notify": ":"}, mode=0o622)
        self.assertIn("others may write", self.run_tool("program.json", code=2)["error"]["message"])
        self.assertFalse(self.exists(".dsched"))

    def test_runs_of_fixit_a_minute(self):
        self.configure({"fixit_runs_a_minute": 1})
        self.run_nodes(shell("a", ":"))
        self.run_tool(tool=FIXIT)
        self.assertIn("limit", self.run_tool(tool=FIXIT, code=1)["error"]["message"])
        self.run_tool("--runs-a-minute", "9", tool=FIXIT)


if __name__ == "__main__":
    harness.main()
