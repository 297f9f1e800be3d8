# SPDX-License-Identifier: Apache-2.0
"""dsched-cancel and the runner that carries out what it asks: cancel, one node, hold and release."""

import json
import os
import re
import signal

import harness
from cancel_support import STUBBORN, UNDER_WAY, CancelTest
from harness import CANCEL, shell, waits


class OfARunner(CancelTest):
    def test_many_nodes_are_gone_when_it_returns(self):
        nodes = [shell(f"n{i}", UNDER_WAY) for i in range(40)]
        running = self.begin(*nodes, count=8, options=["-j8", "--machine", "none"])
        done = self.cancel("@latest")
        self.assertEqual(self.alive(), [])
        answer = running.end()
        self.assertEqual((answer.code, answer["status"], answer.kind),
                         (6, "cancelled", "cancelled"))
        self.assertEqual(done["cancelled"], [answer["execution_id"]])
        self.assertEqual(answer["cancelled_nodes"], 40)

    def test_what_ignores_sigterm_and_hides_in_sessions_is_gone_too(self):
        running = self.begin(shell("a", STUBBORN), count=3)
        self.assertEqual(len(self.cancel("1")["cancelled"]), 1)
        self.assertEqual(self.alive(), [])
        self.assertEqual(running.end().code, 6)

    def test_what_completed_is_kept_and_the_rest_runs_on_resume(self):
        running = self.begin(shell("a", "echo a >> ran"), shell("b", UNDER_WAY, arguments=["a"]))
        self.cancel("1")
        answer = running.end()
        self.assertEqual(answer.node("a")["status"], "completed")
        self.assertEqual(answer.node("b")["status"], "cancelled")
        self.write("go", "")
        self.assertEqual(self.run_tool("--resume", "1")["status"], "completed")
        self.assertEqual(self.world.lines("ran"), ["a"])

    def test_two_who_cancel_at_once_both_see_its_end(self):
        running = self.begin(shell("a", UNDER_WAY))
        cancelling = [self.world.start("1", tool=CANCEL) for _ in range(2)]
        ids = [running.end()["execution_id"]]
        for one in cancelling:
            done = one.end()
            self.assertEqual(done.code, 0, repr(done))
            self.assertEqual(done["cancelled"] + done["already_finished"], ids)

    def test_all_and_only_what_runs(self):
        self.run_nodes(shell("a", "true"))
        running = [self.begin(shell("a", f"{UNDER_WAY}; : {i}"), count=i + 1) for i in range(2)]
        done = self.cancel("--all")
        self.assertEqual(done["count"], 2)
        self.assertEqual(done["cancelled"], [one.end()["execution_id"] for one in running])
        self.assertEqual(self.alive(), [])

    def test_a_request_on_standard_input(self):
        running = self.begin(shell("a", UNDER_WAY))
        request = {"executions": [1]}
        harness.check_schema("cancel-request", request)
        done = self.cancel("-", stdin_bytes=json.dumps(request).encode())
        self.assertEqual(done["cancelled"], [running.end()["execution_id"]])

    def test_a_detached_one_is_really_stopped(self):
        self.world.program([shell("a", UNDER_WAY)])
        done = self.run_tool("--detach", "program.json")
        self.wait_for_file("begun")
        self.assertEqual(self.cancel(done["execution_id"])["cancelled"], [done["execution_id"]])
        self.assertEqual(self.alive(), [])


class OfANode(CancelTest):
    def test_a_running_one_is_gone_and_the_rest_goes_on(self):
        running = self.begin(shell("a", UNDER_WAY), shell("b", "true", arguments=["a"]),
                             shell("c", f"echo $$ >> also; {waits('go')}"), options=["-j2"])
        self.wait_for_file("also")
        done = self.cancel("--node", "1/a")
        self.assertEqual([n.partition("/")[2] for n in done["cancelled"]], ["a"])
        self.assertEqual(self.alive(), [])
        self.write("go", "")
        answer = running.end()
        self.assertEqual(answer.code, 6, repr(answer))
        self.assertEqual({n["node_id"]: n["status"] for n in answer["nodes"]},
                         {"a": "cancelled", "b": "cancelled", "c": "completed"})

    def test_the_only_one_ends_the_execution(self):
        running = self.begin(shell("a", UNDER_WAY))
        done = self.cancel("--node", "1/a")
        answer = running.end()
        self.assertEqual(done["cancelled"], [answer["execution_id"] + "/a"])
        self.assertEqual((answer.code, answer["status"]), (6, "cancelled"))

    def test_a_pending_one_never_starts(self):
        running = self.begin(shell("a", UNDER_WAY), shell("b", "touch b", arguments=["a"]))
        self.assertEqual(len(self.cancel("--node", "1/b")["cancelled"]), 1)
        self.write("go", "")
        answer = running.end()
        self.assertEqual(answer.node("a")["status"], "completed")
        self.assertEqual(answer.node("b")["status"], "cancelled")
        self.assertFalse(self.exists("b"))


class Holding(CancelTest):
    def states(self):
        states = set()
        for pid in harness.processes_with("DSCHED_NODE_ID=a"):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if str(self.world.root).encode() not in file.read():
                        continue
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    states.add(file.read().rpartition(")")[2].split()[0])
            except OSError:
                pass
        return states

    def test_while_it_is_held_nothing_of_it_runs_and_then_it_ends_well(self):
        running = self.begin(shell("a", UNDER_WAY), shell("b", "touch b"), options=["-j1"])
        self.assertEqual(len(self.cancel("--pause", "1")["paused"]), 1)
        harness.wait_for(lambda: harness.stand_still(self.states()), "a node that stands still")
        self.write("go", "")
        self.assertEqual(len(self.cancel("--pause", "1")["already_paused"]), 1)
        self.assertTrue(harness.stand_still(self.states()), self.states())
        self.assertFalse(self.exists("b"))
        self.assertEqual(len(self.cancel("--continue", "1")["continued"]), 1)
        answer = running.end()
        self.assertEqual((answer.code, answer["completed_nodes"]), (0, 2))

    def test_a_time_limit_stands_still_with_its_node(self):
        limit_s = 6
        running = self.begin(shell("a", UNDER_WAY, timeout_s=limit_s))
        self.cancel("--pause", "1")
        start = os.times().elapsed
        harness.wait_for(lambda: os.times().elapsed - start > limit_s, "more than the limit")
        self.write("go", "")
        self.cancel("--continue", "1")
        self.assertEqual(running.end().code, 0)

    def test_releasing_what_is_not_held_says_so(self):
        running = self.begin(shell("a", UNDER_WAY))
        self.assertEqual(len(self.cancel("--continue", "1")["not_paused"]), 1)
        self.write("go", "")
        self.assertEqual(running.end().code, 0)

    def test_what_is_held_can_be_cancelled(self):
        running = self.begin(shell("a", UNDER_WAY))
        self.cancel("--pause", "1")
        self.assertEqual(len(self.cancel("1")["cancelled"]), 1)
        self.assertEqual(self.alive(), [])
        self.assertEqual(running.end().code, 6)


class WhoStopsWaiting(CancelTest):
    def test_who_stops_waiting_has_asked_all_the_same(self):
        running = self.begin(shell("a", UNDER_WAY))
        running.signal(signal.SIGSTOP)
        cancelling = self.world.start("1", tool=CANCEL)
        self.wait_until_blocked(cancelling.pid, signal.SIGINT)
        cancelling.signal(signal.SIGINT)
        done = cancelling.end()
        self.assertEqual((done.code, done.kind), (130, "interrupted"))
        running.signal(signal.SIGCONT)
        self.assertEqual(running.end().code, 6)

    def wait_until_blocked(self, pid, number):
        """It waits by then: the signal is blocked only while it does."""
        def blocked():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                mask = re.search(r"^SigBlk:\s*([0-9a-f]+)", file.read(), re.M)
            return int(mask.group(1), 16) >> (number - 1) & 1
        harness.wait_for(blocked, "the signal to be blocked")


if __name__ == "__main__":
    harness.main()
