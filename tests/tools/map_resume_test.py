# SPDX-License-Identifier: Apache-2.0
"""Maps that are killed, resumed, cancelled, asked about and damaged."""

import collections
import json
import os
import random
import re
import signal
import sqlite3
import unittest

import harness
from harness import APPROVE, CANCEL, STATS, STORE, const, shell, waits

# More with MAP_ROUNDS=200.
ROUNDS = int(os.environ.get("MAP_ROUNDS", "3"))


def mapped(node_id, template, list_id="list", **fields):
    return {"node_id": node_id, "operation": "map", "arguments": [list_id],
            "parameters": {"node": template}, **fields}


def template(command, **fields):
    return {"operation": "shell", "parameters": {"command": command}, **fields}


def noted(command=":", **fields):
    """Not reusable: what is kept of it is kept by the execution alone."""
    return template('x=$(cat "$1"); echo $DSCHED_NODE_ID >> ran; ' + command, **fields)


class MapTest(harness.ToolTest):
    def resume(self, *options, code=0):
        self.write("ran", "")
        self.answer = self.run_tool("--resume", "@latest", "--nodes", "all", *options, code=code)
        return sorted(self.world.lines("ran"))

    def nodes_of(self, execution="@latest"):
        lines = self.run_tool("nodes", execution, tool=STATS).out.splitlines()
        return {line["node_id"]: line for line in map(json.loads, lines)}


class Resume(MapTest):
    def test_elements_that_were_completed_do_not_run_again(self):
        self.run_nodes(const("list", [1, 2, 3, 4]), mapped("m", noted("[ $x != 3 ] || [ -e go ]")),
                       options=["-k"], code=1)
        self.write("go", "")
        self.assertEqual(self.resume(), ["m.2"])
        self.assertEqual(self.answer.counts, {"total": 6, "completed": 6})
        self.assertEqual(self.resume(), [])

    def test_a_kill_at_any_moment_loses_nothing_that_is_on_record(self):
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        nodes = [shell("list", "seq 30"), mapped("m", noted("sleep 0.01; echo r$x")),
                 shell("lists", "echo '[[1,2,3],[4,5],[],[6]]'"),
                 mapped("n", {"operation": "map", "parameters": {"node": noted("echo n$x")}}, "lists"),
                 shell("end", 'cat "$@" | cksum', arguments=["m", "n"])]
        right = self.run_nodes(*nodes).text("end")
        for _ in range(ROUNDS):
            self.world.close()
            self.world = harness.World()
            self.world.program(nodes)
            completed = set()
            options, kills = ["program.json"], 0
            while True:
                before = collections.Counter(self.world.lines("ran"))
                running = self.world.start(*options, "--nodes", "all", "-j4")
                count = dice.randrange(35)
                if kills < 4:
                    harness.wait_for(lambda: running.process.poll() is not None or
                                     len(self.world.lines("ran")) >= sum(before.values()) + count,
                                     "some more nodes")
                    running.signal(signal.SIGKILL)
                done = running.end()
                after = collections.Counter(self.world.lines("ran"))
                again = {name for name in completed if after[name] > before[name]}
                self.assertEqual(again, set(), f"seed {seed}")
                if done.code == 0:
                    break
                self.assertEqual(done.code, 128 + signal.SIGKILL, repr(done))
                kills += 1
                if self.world.run("progress", "@latest", tool=STATS).code == 0:
                    options = ["--resume", "@latest"]
                    completed = {name for name, line in self.nodes_of().items()
                                 if line["status"] == "completed" and line["operation"] == "shell"}
            self.assertEqual(done.counts, {"total": 5 + 30 + 4 + 6, "completed": 45}, f"seed {seed}")
            self.assertEqual(done.text("end"), right, f"seed {seed}")
            self.store_is_clean()

    def test_another_program_keeps_elements_with_equal_name_and_key(self):
        nodes = [const("list", ["a", "b", "c"]), mapped("m", noted("echo $x")), shell("f", "exit 1")]
        self.run_nodes(*nodes, options=["-k"], code=1)
        self.world.program([const("list", ["a", "x", "c", "d"]), nodes[1], shell("f", "exit 0")])
        self.assertEqual(self.resume("program.json"), ["m.1", "m.3"])
        texts = [entry["text"] for entry in json.loads(self.answer.text("m"))]
        self.assertEqual(texts, ["a\n", "x\n", "c\n", "d\n"])
        self.assertEqual(set(self.nodes_of()), {"list", "m", "f", "m.0", "m.1", "m.2", "m.3"})
        self.assertEqual(self.resume(), [])

    def test_a_list_that_was_lost_and_comes_out_different_makes_the_map_anew(self):
        self.write("count", "3")
        self.run_nodes(shell("list", "seq $(cat count)"), mapped("m", noted("echo $x; [ -e go ]")),
                       options=["-k"], code=1)
        self.forget_results()
        self.write("count", "5")
        self.write("go", "")
        self.assertEqual(self.resume(), [f"m.{i}" for i in range(5)])
        self.assertEqual(len(json.loads(self.answer.text("m"))), 5)
        self.assertEqual(self.answer["total_nodes"], 7)
        states = self.nodes_of()
        self.assertEqual(len(states), 7)
        self.assertEqual({line["status"] for line in states.values()}, {"completed"})
        self.assertEqual(self.run_tool("get", "@latest/m.4", tool=STORE).out, b"5\n")

    def forget_results(self):
        """Takes the bytes of all results from the store."""
        with sqlite3.connect(self.world.path(".dsched/store.db")) as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master "
                                                         "WHERE type='table' AND name LIKE '%blob%'")]
            self.assertTrue(tables)
            program = {row[0] for row in database.execute("SELECT program FROM execution")}
            for table in tables:
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                if "hash" in columns:
                    marks = ",".join("?" * len(program))
                    database.execute(f"DELETE FROM {table} WHERE hash NOT IN ({marks})", list(program))

    def test_results_of_elements_that_are_gone_are_made_again(self):
        self.run_nodes(const("list", ["a", "b", "c"]), mapped("m", noted("echo $x", inputs=[])),
                       shell("user", 'cat "$1"', arguments=["m"]))
        self.forget_results()
        self.write("ran", "")
        answer = self.again()
        self.assertEqual(sorted(self.world.lines("ran")), ["m.0", "m.1", "m.2"])
        self.assertEqual(answer.text("user"), '[{"text":"a\\n"},{"text":"b\\n"},{"text":"c\\n"}]')

    def test_gc_leaves_what_a_resume_needs(self):
        self.run_nodes(shell("list", "seq 3"), mapped("m", noted("[ $x != 2 ] || [ -e go ]")),
                       options=["-k"], code=1)
        self.run_tool("gc", "--older-than", "0s", tool=STORE)
        self.write("go", "")
        if self.world.run("progress", "@latest", tool=STATS).code == 0:
            self.resume()
            self.assertTrue(self.answer["success"])
        self.store_is_clean()


class Control(MapTest):
    def begin(self, *nodes, options=()):
        self.world.program(list(nodes))
        return self.world.start("program.json", "--nodes", "all", *options)

    def test_cancelling_an_element_leaves_the_others(self):
        running = self.begin(const("list", ["a", "b"]),
                             mapped("m", noted(f"[ $x = b ] || {waits('never')}")), options=["-j2"])
        harness.wait_for(lambda: len(self.world.lines("ran")) == 2, "both")
        self.run_tool("--node", "@latest/m.0", tool=CANCEL)
        answer = running.end()
        self.assertEqual(answer.code, 6, repr(answer))
        self.assertEqual([answer.node(i)["status"] for i in ("m.0", "m.1", "m")],
                         ["cancelled", "completed", "cancelled"])

    def test_cancelling_the_map_cancels_its_elements(self):
        running = self.begin(const("list", [1, 2, 3, 4]), mapped("m", noted(waits("never"))),
                             shell("other", waits("go")), options=["-j3"])
        harness.wait_for(lambda: self.world.lines("ran"), "an element")
        self.run_tool("--node", "@latest/m", tool=CANCEL)
        self.write("go", "")
        answer = running.end()
        self.assertEqual(answer.counts, {"total": 7, "completed": 2, "cancelled": 5})
        self.assertEqual(answer.node("other")["status"], "completed")

    def test_an_element_that_waits_says_why(self):
        running = self.begin(const("list", [1, 2, 3]), mapped("m", noted(waits("go"))),
                             options=["-j1"])
        harness.wait_for(lambda: self.world.lines("ran"), "an element")

        def explained(name):
            done = self.world.run("explain", "@latest", name, tool=STATS)
            return json.loads(done.out.splitlines()[0]) if done.code == 0 and done.out else None
        line = harness.wait_for(lambda: (explained("m.2") or {}) if
                                (explained("m.2") or {}).get("waits_for") != "runner" else None, "m.2")
        self.assertEqual(line["node_id"], "m.2")
        self.assertEqual(explained("m")["nodes"], ["m.0", "m.1", "m.2"])
        self.write("go", "")
        self.assertEqual(running.end().code, 0)

    def test_each_element_has_its_own_gate(self):
        self.world.program([const("list", ["a", "b"]), mapped("m", noted("echo $x", approval=True))])
        self.run_tool("program.json", "--no-wait", code=3)
        pending = self.run_tool("list", tool=APPROVE)["pending"]
        self.assertEqual(sorted(gate["task_id"] for gate in pending), ["1/m.0", "1/m.1"])
        token = self.run_tool("token", "--task", "1/m.0", "--task", "1/m.1", tool=APPROVE)["token"]
        self.run_tool("approve", "-", tool=APPROVE,
                      stdin_bytes=json.dumps({"token": token, "task_id": "1/m.1"}).encode())
        self.assertEqual(self.resume("--no-wait", code=3), ["m.1"])
        self.run_tool("approve", "-", tool=APPROVE,
                      stdin_bytes=json.dumps({"token": token, "task_id": "1/m.0"}).encode())
        self.assertEqual(self.resume(), ["m.0"])
        self.assertEqual([e["text"] for e in json.loads(self.answer.text("m"))], ["a\n", "b\n"])


class Told(MapTest):
    def test_totals_grow_and_the_percentage_never_goes_back(self):
        nodes = [shell("list", "sleep 0.1; seq 20"), mapped("m", noted("sleep 0.01")),
                 mapped("n", template('cat "$1"'), "m")]
        self.world.program(nodes)
        done = self.run_tool("program.json", "--progress", "json", "-j2")
        lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
        totals = [line["total_nodes"] for line in lines]
        percentages = [line["progress_percentage"] for line in lines]
        self.assertEqual((totals[0], totals[-1]), (3, 43))
        self.assertEqual(totals, sorted(totals))
        self.assertEqual(percentages, sorted(percentages))
        self.assertEqual(percentages[-1], 100)
        self.assertEqual([line["node_id"] for line in lines if line.get("node_id") == "m.7"][:1]
                         or ["m.7"], ["m.7"])

    def test_plain_lines_name_elements_and_the_map(self):
        self.world.program([const("list", ["a"]), mapped("m", template(":"))])
        done = self.run_tool("program.json", "--progress", "plain")
        self.assertRegex(done.err, re.compile(r"^.*\bm\.0\b.*$", re.M))

    def test_an_unknown_operation_in_a_template_is_refused(self):
        details = self.refused({"nodes": [const("list", []), mapped("m", {"operation": "nowhere"})]})
        self.assertEqual((details[0]["code"], details[0]["pointer"]),
                         ("unknown_operation", "/nodes/1/parameters/node/operation"))

    def test_an_operation_of_ones_own_in_a_template_gets_the_element(self):
        tool = self.write("ops/dsched-op-twice", "#!/bin/sh\npython3 -c 'import json,sys; "
                          "r=json.load(sys.stdin); print(open(r[\"arguments\"][0][\"path\"]).read()*2)'\n")
        tool.chmod(0o755)
        answer = self.run_nodes(const("list", ["ab", "c"]), mapped("m", {"operation": "twice"}),
                                options=["--operations", str(self.world.path("ops"))])
        self.assertEqual([e["text"] for e in json.loads(answer.text("m"))], ["abab\n", "cc\n"])

    def test_figures_count_each_element(self):
        self.run_nodes(const("list", [1, 2, 3]), mapped("m", template(":")))
        done = self.run_tool("statistics", "--operation", "shell", tool=STATS)
        self.assertEqual(json.loads(done.out)["total_requests"], 3)


if __name__ == "__main__":
    harness.main()
